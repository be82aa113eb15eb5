"""Python in front of, behind and between httpd's own modules."""

import json

from mod_python import apache


def handler(req: apache.Request) -> int:
    req.content_type = "text/plain"
    seen = [req.uri, req.args, req.path_info, req.subprocess_env.get("VIA"), req.filename]
    req.write(json.dumps(seen), flush=False)
    return apache.OK


def big(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write("all work and no play " * 500, flush=False)
    return apache.OK


calls = 0


def counted(req: apache.Request) -> int:
    "Says how often it was called, and may be cached."
    global calls
    calls += 1
    req.content_type = "text/plain"
    req.headers_out["Cache-Control"] = "max-age=60"
    req.headers_out["Last-Modified"] = "Mon, 02 Nov 2026 00:00:00 GMT"
    req.write(f"call {calls}", flush=False)
    return apache.OK


def backend(req: apache.Request) -> int:
    body = req.read().decode()
    req.content_type = "text/plain"
    times = 100 if "deflated" in req.uri else 1
    req.write(times * f"backend {req.method} {req.uri} {req.headers_in.get('X-Added')} {body}", flush=False)
    return apache.OK


def add_header(req: apache.Request) -> int:
    req.headers_in["X-Added"] = f"by {req.phase}"
    return apache.OK


def to_backend(req: apache.Request) -> int:
    "A translation that makes a request one for mod_proxy."
    if not req.uri.startswith("/translated/"):
        return apache.DECLINED
    req.proxyreq = apache.PROXYREQ_REVERSE
    req.filename = f"proxy:http://127.0.0.1:{req.server.get_options()['backend']}{req.uri}"
    req.handler = "proxy-server"
    return apache.OK


def to_file(req: apache.Request) -> int:
    if req.uri == "/by-python.txt":
        req.filename = f"{req.document_root()}/elsewhere/file.txt"
        return apache.OK
    if req.uri == "/renamed.txt":
        req.uri = "/aliased/file.txt"
    return apache.DECLINED


def upper(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data.upper())


def missing(req: apache.Request) -> int:
    return apache.HTTP_NOT_FOUND


def page(req: apache.Request) -> int:
    assert req.prev is not None
    req.content_type = "text/plain"
    req.write(f"Python's page for {req.prev.uri}: {req.prev.status}", flush=False)
    return apache.OK


def forbid_secret(req: apache.Request) -> int:
    return apache.HTTP_FORBIDDEN if "secret" in req.uri else apache.OK
