"""Handlers that redirect in any phase and then do what the query says; filters and page elements that try to."""

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache

TARGET = "/target.txt"


def redirect(req: apache.Request) -> int:
    req.internal_redirect(TARGET)
    return ends(req)


def ends(req: apache.Request) -> int:
    how = req.args or ""
    if how == "raises":
        raise KeyError("after the redirection")
    if how == "cut":
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    if how == "writes":
        req.write("written behind the end")
        req.flush()
    if how == "twice":
        req.log_error(error_of(req.internal_redirect, TARGET), apache.APLOG_NOTICE)
    return int(how) if how.lstrip("-").isdigit() else apache.OK


def early(req: apache.Request) -> int:
    "For the phases that know no section."
    phase = f"/{req.phase[len('Python') : -len('Handler')]}/" if req.phase else "/"
    return redirect(req) if phase in req.uri else apache.DECLINED


def next_one(req: apache.Request) -> int:
    req.log_error("the next handler was called", apache.APLOG_NOTICE)
    req.write("the next handler's")
    return apache.OK


def user(req: apache.Request) -> int:
    req.user = "ann"
    return apache.OK


def page(req: apache.Request) -> int:
    req.content_type = "text/html"
    req.write("the page;", flush=False)
    return apache.OK


def element_page(req: apache.Request) -> int:
    req.content_type = "text/html"
    req.write('a<!--#python exec="import redirects; redirects.tries(filter)" -->b', flush=False)
    return apache.OK


def included(req: apache.Request) -> int:
    "Redirects the subrequest of an SSI include."
    req.internal_redirect(TARGET)
    return apache.DECLINED


def includes(req: apache.Request) -> int:
    req.content_type = "text/html"
    req.write('a<!--#include virtual="/included/x" -->b', flush=False)
    return apache.OK


def redirects_main(req: apache.Request) -> int:
    assert req.main is not None
    req.write(f"[{error_of(req.main.internal_redirect, TARGET)}]", flush=False)
    return apache.OK


def includes_main(req: apache.Request) -> int:
    req.content_type = "text/html"
    req.write('a<!--#include virtual="/redirects-main/x" -->b', flush=False)
    return apache.OK


def late(req: apache.Request) -> int:
    req.write("a part;")
    req.internal_redirect(TARGET)
    return apache.OK


def unsent(req: apache.Request) -> int:
    req.write("not sent yet;", flush=False)
    req.internal_redirect(TARGET)
    return apache.OK


def log(req: apache.Request) -> int:
    req.log_error(error_of(req.internal_redirect, TARGET), apache.APLOG_NOTICE)
    return apache.OK


def log_writes(req: apache.Request) -> int:
    req.write("written by a log handler")
    req.flush()
    req.log_error(f"logged with status {req.status}", apache.APLOG_NOTICE)
    return apache.OK


def reads(req: apache.Request) -> int:
    req.write(f"read {req.read()!r}", flush=False)
    return apache.OK


def tries(filter: apache.Filter) -> None:
    assert filter.req is not None
    filter.write(f"<{error_of(filter.req.internal_redirect, TARGET)}>")


def outputfilter(filter: apache.Filter) -> None:
    if filter.read():
        tries(filter)


def inputfilter(filter: apache.Filter) -> None:
    if filter.read():
        tries(filter)


def index(req: apache.Request) -> int:
    "In a lookup of mod_dir nobody is there to be answered."
    if req.main is None:
        return apache.DECLINED
    req.log_error(error_of(req.internal_redirect, TARGET), apache.APLOG_NOTICE)
    return apache.DECLINED


def asks(conn: apache.Connection) -> int:
    conn.readline()
    conn.write(repr(conn.authorize("/Access/probe")))
    return apache.OK


def cut(req: apache.Request) -> int:
    "A part of a response, and then a failure: httpd goes on under Satisfy Any."
    req.write("a part;")
    raise KeyError("in the middle")
