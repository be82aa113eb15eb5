"""What req tells and takes; called by call_by_path."""

import time
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache

TEXTS = [
    *("uri", "filename", "canonical_filename", "path_info", "args", "user", "ap_auth_type", "handler"),
    *("content_type", "content_encoding"),
]
OTHERS = [
    *("the_request", "protocol", "proto_num", "hostname", "method", "method_number", "header_only", "unparsed_uri"),
    *("useragent_ip", "range", "bytes_sent", "prev", "next", "main", "phase", "interpreter"),
]


def plain(req: apache.Request) -> dict[str, Any]:
    names = [*TEXTS, *OTHERS, "status", "status_line", "content_languages"]
    seen = {name: getattr(req, name) for name in names}
    now = time.time()
    seen["recent"] = now - 10 < req.request_time <= now
    seen["document_root"] = req.document_root()
    seen["types"] = [
        type(getattr(req, name)).__name__ for name in ("connection", "server", "headers_in", "notes", "finfo")
    ]
    return seen


def head(req: apache.Request) -> int:
    req.headers_out["X-Seen"] = f"{req.header_only} {req.method} {req.method_number == apache.M_GET}"
    return apache.OK


def writable(req: apache.Request) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for name in TEXTS:
        before = getattr(req, name)
        setattr(req, name, "é" if name != "content_type" else "text/x")
        seen[name] = [getattr(req, name), error_of(setattr, req, name, 1), error_of(setattr, req, name, "a\nb")]
        seen[name] += [error_of(setattr, req, name, "a\0b")]
        setattr(req, name, b"bytes/b")
        seen[name].append(getattr(req, name))
        seen[name].append(error_of(setattr, req, name, None))
        seen[name].append(getattr(req, name))
        setattr(req, name, before if before is not None or name != "user" else "somebody")
    return seen


def status(req: apache.Request) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for value in (404, 99, 1000, -1, 0, 1 << 40, "text", None):
        seen[str(value)] = [error_of(setattr, req, "status", value), req.status]
        req.status = 200
    for line in ("299 So so", "nonsense", "9999 x", "700 Unheard", None):
        seen[f"line {line}"] = [error_of(setattr, req, "status_line", line), req.status, req.status_line]
        req.status = 200
        req.status_line = None
    return seen


def languages(req: apache.Request) -> dict[str, Any]:
    seen: dict[str, Any] = {"before": req.content_languages}
    req.content_languages = ["de", b"fr"]
    seen["after"] = req.content_languages
    seen["str"] = error_of(setattr, req, "content_languages", "de")
    seen["int"] = error_of(setattr, req, "content_languages", [1])
    seen["line end"] = error_of(setattr, req, "content_languages", ["de\r\nX: y"])
    seen["None"] = error_of(setattr, req, "content_languages", None)
    req.content_languages = ("de", "fr")
    return seen


def response(req: apache.Request) -> int:
    req.content_type = "text/x; charset=utf-8"
    req.content_encoding = "x-own"
    req.content_languages = ["de", "fr"]
    req.write("x", flush=False)
    return apache.OK


def finfo(req: apache.Request) -> dict[str, Any]:
    info = req.finfo
    return {
        "fname": info.fname,
        "is file": info.filetype == apache.APR_REG,
        "size": info.size,
        "mtime": info.mtime,
        "read only": error_of(setattr, info, "size", 1),
    }


def connection(req: apache.Request) -> dict[str, Any]:
    c = req.connection
    return {
        "client": [c.client_ip, c.remote_ip, c.client_addr == c.remote_addr, c.client_addr[0], c.client_addr[1] > 0],
        "local": [c.local_ip, *c.local_addr],
        "unknown": [c.remote_host, c.remote_logname],
        "state": [c.aborted, c.keepalives, type(c.id).__name__],
        "server": c.base_server.server_hostname,
        "free": error_of(setattr, c, "x", 1),
    }


def server(req: apache.Request) -> dict[str, Any]:
    s = req.server
    return {
        "values": [s.server_hostname, s.server_admin, s.port, s.is_virtual, s.timeout],
        "main": [apache.main_server.is_virtual, apache.main_server.server_hostname],
        "next": s.next is None or type(s.next).__name__,
        "error": error_of(setattr, s, "port", 1),
    }


def log(req: apache.Request) -> int:
    req.log_error("by default an error")
    req.log_error("a warning", apache.APLOG_WARNING)
    req.log_error("a notice", level=apache.APLOG_NOTICE)
    req.log_error("not shown", apache.APLOG_DEBUG)
    req.log_error("two\nlines", apache.APLOG_NOTICE)
    req.log_error(b"raw \xe9".decode("utf-8", "surrogateescape"), apache.APLOG_NOTICE)
    req.log_error("nul \0 inside", apache.APLOG_NOTICE)
    apache.log_error("through apache", apache.APLOG_NOTICE)
    apache.log_error("through apache with server", apache.APLOG_NOTICE, req.server)
    req.server.log_error("the server's", apache.APLOG_NOTICE)
    req.connection.log_error("the connection's", apache.APLOG_NOTICE)
    return apache.OK


def arguments(req: apache.Request) -> list[str]:
    return [
        error_of(req.get_options, 1),
        error_of(req.write, data="x", data2="y"),
        error_of(req.write, "x", data="y"),
        error_of(req.log_error, level=1),
        error_of(lambda: req.no_such_thing),
        error_of(req.read, "a"),
    ]


def body(req: apache.Request) -> dict[str, Any]:
    seen: dict[str, Any] = {"line": req.readline().decode(), "part": req.read(3).decode()}
    seen["short line"] = req.readline(2).decode()
    seen["lines"] = [line.decode() for line in req.readlines(4)]
    seen["rest"] = req.read().decode()
    seen["end"] = [req.read().decode(), req.readline().decode(), req.readlines()]
    return seen


def discard(req: apache.Request) -> list[object]:
    return [req.read(1).decode(), req.discard_request_body(), req.read().decode()]


def conditions(req: apache.Request) -> int:
    req.headers_out["ETag"] = '"one"'
    result: int = req.meets_conditions()
    if result == apache.OK:
        req.write("new", flush=False)
    return result


def free(req: apache.Request) -> list[object]:
    req.mine = [1]
    req.__dict__["other"] = 2
    before = sorted(vars(req))
    del req.mine
    return [before, sorted(vars(req)), req.other, error_of(lambda: req.mine)]
