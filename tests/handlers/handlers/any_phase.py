"""Handlers for any phase, with each kind of result; `tell` shows which ones ran before it."""

import http
import json
from collections.abc import Callable

from mod_python import apache


def note(req: apache.Request, what: str) -> None:
    req.notes.add("ran", what)


def giving(name: str, result: int) -> Callable[[apache.Request], int]:
    def handler(req: apache.Request) -> int:
        note(req, name)
        return result

    return handler


ok = giving("ok", apache.OK)
ok2 = giving("ok2", apache.OK)
declined = giving("declined", apache.DECLINED)
done = giving("done", apache.DONE)
gone = giving("gone", http.HTTPStatus.GONE)
unknown = giving("unknown", 999)
two_hundred = giving("two_hundred", 200)


def raised_ok(req: apache.Request) -> int:
    note(req, "raised_ok")
    raise apache.SERVER_RETURN(apache.OK)


def raised_declined(req: apache.Request) -> int:
    note(req, "raised_declined")
    raise apache.SERVER_RETURN(apache.DECLINED)


def failing(req: apache.Request) -> int:
    raise LookupError("in the middle of a list")


def exiting(req: apache.Request) -> int:
    raise SystemExit("the handler wants out")


def written(req: apache.Request) -> int:
    note(req, "written")
    req.write("written early;", flush=False)
    return apache.OK


def written_done(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write("that is all", flush=False)
    return apache.DONE


def named(req: apache.Request) -> int:
    note(req, f"{req.phase}")
    return apache.OK


def user(req: apache.Request) -> int:
    req.user = "ann"
    return apache.OK


def tell(req: apache.Request) -> int:
    req.write(json.dumps(req.notes.get_all("ran")), flush=False)
    return apache.OK


def log(req: apache.Request) -> int:
    req.log_error(f"logged with {req.notes.get_all('ran')}, {req.phase}", apache.APLOG_NOTICE)
    return apache.OK


def kept(req: apache.Request) -> int:
    "Keeps req over the phases, and a word on it."
    req.word = [*getattr(req, "word", []), req.phase]
    req.same = req
    return apache.DECLINED


def tell_kept(req: apache.Request) -> int:
    req.write(f"{req.word} {req.same is req}", flush=False)
    del req.same
    return apache.OK


def redirect(req: apache.Request) -> int:
    req.headers_out["X-First"] = "yes"
    req.word = "from the first request"
    return apache.HTTP_NOT_FOUND


def after_redirect(req: apache.Request) -> int:
    assert req.prev is not None
    req.write(f"{req.prev.word}, {req.prev.next is req}", flush=False)
    return apache.OK
