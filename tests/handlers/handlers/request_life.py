"""Requests over their phases, redirections and ends."""

import json
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache


def tell(text: str) -> None:
    apache.log_error(f"life: {text}", apache.APLOG_NOTICE)


# ---- one object over phases, subrequests and redirections


def posthandler(req: apache.Request) -> int:
    req.marks = ["post"]
    req.headers = req.headers_in
    return apache.DECLINED


def fixuphandler(req: apache.Request) -> int:
    if req.main is not None:
        req.main.marks.append(f"subrequest {req.uri} {req.main.next is None}")
        return apache.DECLINED
    if req.prev is not None:
        req.marks = ["redirected"]
    req.marks.append("fixup")
    return apache.DECLINED


def marks(req: apache.Request) -> int:
    seen: dict[str, Any] = {"marks": req.marks, "phase": req.phase}
    if req.prev is not None:
        seen["before"] = [req.prev.marks, req.prev.uri, req.prev.next is req, req.prev is req.prev]
    else:
        seen["same"] = [req.headers is req.headers_in, req.headers_in.get("Host") is not None]
    req.write(json.dumps(seen))
    return apache.OK


def redirect(req: apache.Request) -> int:
    req.marks.append("redirecting")
    req.write("lost", flush=False)
    req.internal_redirect("/life/marks?again")
    tell(
        f"after: {req.next is not None and req.next.uri} {req.next is not None and req.next.marks} {req._bytes_queued}"
    )
    req.write("lost, too")
    tell(f"queued: {req._bytes_queued}")
    return apache.OK


def redirect_and_fail(req: apache.Request) -> int:
    req.internal_redirect("/life/marks")
    raise KeyError("after the redirection")


def redirect_and_refuse(req: apache.Request) -> int:
    req.internal_redirect("/life/marks")
    return apache.HTTP_FORBIDDEN


def redirect_with_body(req: apache.Request) -> int:
    req.internal_redirect("/life/body")
    return apache.OK


def body(req: apache.Request) -> int:
    req.write(req.read())
    return apache.OK


def nowhere(req: apache.Request) -> int:
    req.internal_redirect("/life/no/such/file")
    return apache.OK


def headless(req: apache.Request) -> int:
    "Nested output: the head is that of the outer request."
    req.headers_out["X-Outer"] = "1"
    req.write("before ")
    req.assbackwards = 1
    req.internal_redirect("/plain.txt")
    return apache.OK


def proxy(req: apache.Request) -> int:
    if req.main is None and req.uri.startswith("/proxied/"):
        req.proxyreq = apache.PROXYREQ_REVERSE
        req.filename = f"proxy:http://127.0.0.1:{req.connection.local_addr[1]}/plain.txt"
        req.handler = "proxy-server"
        return apache.OK
    return apache.DECLINED


# ---- cleanups


def cleanups(req: apache.Request) -> int:
    req.mine = "own"
    req.register_cleanup(said, "first")
    req.register_cleanup(said, (1, 2))
    req.register_cleanup(said)
    req.register_cleanup(look, req)
    req.register_cleanup(fails)
    req.register_cleanup(again, req)
    req.register_cleanup(lambda data: said(data), data="keyword")
    said_of = error_of(req.register_cleanup, 1)
    req.write(said_of)
    return apache.OK


def said(data: object) -> None:
    tell(f"cleanup {data!r}")


def look(req: apache.Request) -> None:
    tell(f"sees {req.uri} {req.mine} {req.status} {req.phase} {req.headers_in.get('Host')}")
    for name, arguments in {
        "write": ("x",),
        "flush": (),
        "read": (),
        "readline": (),
        "readlines": (),
        "sendfile": ("/etc/hosts",),
        "internal_redirect": ("/x",),
        "discard_request_body": (),
    }.items():
        tell(f"{name}: {error_of(getattr(req, name), *arguments)}")


def fails(_: object) -> None:
    raise ValueError("in a cleanup")


def again(req: apache.Request) -> None:
    req.register_cleanup(said, "registered by a cleanup")


def at_exit(req: apache.Request) -> int:
    req.server.register_cleanup(req, said, "of the child, first")
    req.server.register_cleanup(req, said, "of the child, last")
    req.server.register_cleanup(req, fails)
    wrong = [error_of(req.server.register_cleanup, *arguments) for arguments in ((1, said), (req, 1))]
    req.write(json.dumps(wrong))
    return apache.OK


# ---- files


def sendfile(req: apache.Request) -> int:
    path, *numbers = (req.args or "").split(",")
    number = [int(text) if text else None for text in numbers]
    req.headers_out["X-Sent"] = "later"
    sent = req.sendfile(f"{req.document_root()}/{path}", *number)
    tell(f"sent {sent} queued {req._bytes_queued}")
    return apache.OK


def mixed(req: apache.Request) -> int:
    path = req.document_root() + "/ten"
    req.write("<", flush=False)
    req.sendfile(path, 2, 3)
    req.write("|", flush=False)
    req.sendfile(path.encode(), offset=8)
    req.sendfile(path, len=0)
    req.write(">", flush=False)
    return apache.OK


def refused(req: apache.Request) -> dict[str, str]:
    root = req.document_root()
    return {
        "missing": error_of(req.sendfile, f"{root}/missing"),
        "folder": error_of(req.sendfile, root),
        "device": error_of(req.sendfile, "/dev/null"),
        "through a file": error_of(req.sendfile, f"{root}/ten/x"),
        "negative": error_of(req.sendfile, f"{root}/ten", -1),
        "number": error_of(req.sendfile, 7),
        "nul": error_of(req.sendfile, "a\0b"),
    }
