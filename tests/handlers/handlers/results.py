"""Handlers with each kind of result."""

import enum

from mod_python import apache


class Number(enum.IntEnum):
    GONE = 410


def ok(req: apache.Request) -> int:
    req.write("ok;")
    return apache.OK


def declined(req: apache.Request) -> int:
    req.headers_out["X-Declined"] = "yes"
    return apache.DECLINED


def written_then_declined(req: apache.Request) -> int:
    req.write("written;", flush=False)
    return apache.DECLINED


def done(req: apache.Request) -> int:
    req.write("done;")
    return apache.DONE


def not_found(req: apache.Request) -> int:
    req.headers_out["X-Plain"] = "yes"
    req.err_headers_out["X-Error"] = "yes"
    req.write("is dropped", flush=False)
    return apache.HTTP_NOT_FOUND


def moved(req: apache.Request) -> int:
    req.headers_out["Location"] = "/elsewhere"
    return apache.HTTP_MOVED_TEMPORARILY


def unknown(req: apache.Request) -> int:
    return 999


def two_hundred(req: apache.Request) -> int:
    req.write("fine")
    return apache.HTTP_OK


def int_enum(req: apache.Request) -> int:
    return Number.GONE


def none(req: apache.Request) -> None:
    req.write("is dropped", flush=False)


def boolean(req: apache.Request) -> bool:
    return True


def text(req: apache.Request) -> str:
    return "<html>"


def huge(req: apache.Request) -> int:
    return 1 << 40


def raises_ok(req: apache.Request) -> int:
    req.write("raised;")
    raise apache.SERVER_RETURN(apache.OK)


def raises_declined(req: apache.Request) -> int:
    raise apache.SERVER_RETURN(apache.DECLINED)


def raises_gone(req: apache.Request) -> int:
    raise apache.SERVER_RETURN(apache.HTTP_GONE)


def raises_two(req: apache.Request) -> int:
    req.write("own body", flush=False)
    raise apache.SERVER_RETURN(apache.OK, apache.HTTP_CREATED)


def raises_class(req: apache.Request) -> int:
    raise apache.SERVER_RETURN


def raises_text(req: apache.Request) -> int:
    raise apache.SERVER_RETURN("gone")


def status_and_body(req: apache.Request) -> int:
    req.status = apache.HTTP_NOT_FOUND
    req.write("not here, says the handler", flush=False)
    return apache.OK


def status_and_result(req: apache.Request) -> int:
    req.status = apache.HTTP_NOT_FOUND
    return apache.HTTP_FORBIDDEN


def status_line(req: apache.Request) -> int:
    req.status_line = "418 I'm a teapot"
    req.write(f"{req.status}", flush=False)
    return apache.OK


def nothing(req: apache.Request) -> int:
    return apache.OK


class Page:
    """Named as results::Page.show: made with the request, once per call."""

    def __init__(self, req: apache.Request) -> None:
        self.req = req

    def show(self, req: apache.Request) -> int:
        req.write(f"{self.req is req};")
        return apache.OK


class Callable:
    def __call__(self, req: apache.Request) -> int:
        req.write("called;")
        return apache.OK


instance = Callable()


def __getattr__(name: str) -> object:
    if name == "made_up":
        return ok
    raise AttributeError(name)
