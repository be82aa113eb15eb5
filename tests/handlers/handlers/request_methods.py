"""What a request can do besides reading and writing; called by call_by_path."""

import json
import threading
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache


def killers(req: apache.Request) -> dict[str, str]:
    "What ended the child in mod_python."
    table = apache.table()
    seen = {
        "del": error_of(delattr, req, "filename"),
        "internal_redirect": error_of(req.internal_redirect, None),
        "setdefault": repr(table.setdefault("missing", "default")) + repr(table.items()),
        "connection.hlist": repr(req.connection.hlist),
    }
    handlers = req.hlist
    while handlers is not None and handlers.handler is not None:
        handlers.next()
    seen["hlist"] = str(repr(handlers).startswith("<"))
    if handlers is not None:
        handlers.next()
    return seen


def killer_sendfile(req: apache.Request) -> int:
    sent = req.sendfile(f"{req.document_root()}/ten", 4)
    req.write(f" {sent}", flush=False)
    return apache.OK


def late(req: apache.Request) -> int:
    "A function that is called with no phase running."
    req.register_cleanup(add_without_phase, req)
    return apache.OK


def add_without_phase(req: apache.Request) -> None:
    said = error_of(req.add_handler, "PythonHandler", "nobody")
    apache.log_error(f"without a phase: {said}", apache.APLOG_NOTICE)


def authentication(req: apache.Request) -> list[Any]:
    before = req.user
    password = req.get_basic_auth_pw()
    return [req.auth_name(), req.auth_type(), before, password, req.user, req.ap_auth_type]


def urls(req: apache.Request) -> list[Any]:
    return [
        req.construct_url("/x"),
        req.is_https(),
        req.ssl_var_lookup("SSL_PROTOCOL"),
        req.ssl_var_lookup("NO_SUCH_VARIABLE"),
        req.parsed_uri,
        error_of(req.construct_url, "/a\r\nb"),
    ]


def remote(req: apache.Request) -> list[Any]:
    return [
        req.get_remote_host(),
        req.get_remote_host(apache.REMOTE_NOLOOKUP),
        req.get_remote_host(apache.REMOTE_NAME, 1),
        req.get_remote_host(apache.REMOTE_HOST),
        req.useragent_addr[0],
        req.useragent_addr == req.connection.client_addr,
        error_of(req.get_remote_host, 7),
    ]


def allow(req: apache.Request) -> int:
    req.allow_methods(["GET", "BREW"])
    seen = [req.allowed, req.allowed_methods]
    req.allow_methods(["POST", b"WHEN"], 1)
    seen += [req.allowed, req.allowed_methods]
    seen += [error_of(req.allow_methods, wrong) for wrong in ("GET", 1, [1])]
    req.err_headers_out["X-Seen"] = json.dumps(seen)
    return apache.HTTP_METHOD_NOT_ALLOWED


def environment(req: apache.Request) -> dict[str, str]:
    req.add_cgi_vars()
    return dict(req.subprocess_env)


def common(req: apache.Request) -> list[Any]:
    before = len(req.subprocess_env)
    req.add_common_vars()
    env = req.subprocess_env
    return [len(env) > before, env.get("SERVER_PORT"), env.get("HTTP_HOST"), env.get("REQUEST_METHOD")]


def trailers(req: apache.Request) -> list[Any]:
    before = req.trailers_in.items()
    return [before, req.read().decode(), req.trailers_in.items(), req.headers_in.get("X-Late")]


def validators(req: apache.Request) -> int:
    req.update_mtime(1_000_000_000.75)
    req.update_mtime(999)
    req.set_last_modified()
    req.set_etag()
    req.headers_out["X-Mtime"] = str(req.mtime)
    req.headers_out["X-Wrong"] = error_of(req.update_mtime, float("nan")) + error_of(req.update_mtime, "x")
    return apache.OK


def headless(req: apache.Request) -> int:
    req.assbackwards = 1
    req.write("only the body")
    return apache.OK


def too_late(req: apache.Request) -> int:
    req.headers_out["X-Early"] = "1"
    req.write("sent")
    req.headers_out["X-Late"] = "1"
    return apache.OK


def counters(req: apache.Request) -> list[Any]:
    seen: list[Any] = [req.remaining, req.read_length]
    line = req.readline()
    seen += [len(line), req.remaining, req.read_length]
    req.read()
    seen += [req.remaining, req.read_length]
    req.write("12345", flush=False)
    seen += [req._bytes_queued, req.bytes_sent]
    req.flush()
    seen += [req._bytes_queued, req.sent_bodyct > 0, req.bytes_sent]
    return seen


def live_headers(req: apache.Request) -> int:
    "The table is httpd's, also after httpd has put another one in its place."
    table = req.headers_out
    req.err_headers_out["X-Error"] = "merged"
    req.write("x")
    req.write(str(table.get("X-Error")), flush=False)
    return apache.OK


def content_type(req: apache.Request) -> list[int]:
    before = req._content_type_set
    req.content_type = "text/plain"
    return [before, req._content_type_set]


def own_connection(req: apache.Request) -> list[Any]:
    c = req.connection
    before = c.keepalive
    c.keepalive = apache.AP_CONN_CLOSE
    return [before, c.keepalive, c.keepalives, error_of(setattr, c, "keepalive", "x"), error_of(setattr, c, "id", 1)]


def own_server(req: apache.Request) -> dict[str, Any]:
    s = req.server
    s.mine = "stays"
    names = "server_hostname port is_virtual defn_line_number timeout keep_alive_timeout keep_alive_max keep_alive path"
    names += " pathlen names wild_names limit_req_line limit_req_fieldsize limit_req_fields my_generation"
    seen = {name: getattr(s, name) for name in names.split()}
    seen["defn_name"] = (s.defn_name or "").rpartition("/")[2]
    seen["error_fname"] = (s.error_fname or "").rpartition("/")[2]
    seen["recent"] = 0 < req.request_time - s.restart_time < 600
    seen["mine"] = req.server.mine
    seen["level"] = s.loglevel >= apache.APLOG_WARNING
    return seen


def wsgi(req: apache.Request) -> int:
    environ = req.build_wsgi_env()
    if environ is None:
        return apache.HTTP_NOT_FOUND
    stream = environ.pop("wsgi.input")
    seen: dict[str, Any] = {key: value for key, value in environ.items() if isinstance(value, (str, bool, int, tuple))}
    seen["lines"] = [line.decode() for line in stream]
    write = req.wsgi_start_response(
        "201 Made", [("X-One", "1"), ("X-Two", "2"), ("X-Two", "3"), ("Content-Type", "a/b")]
    )
    seen["twice"] = error_of(req.wsgi_start_response, "200 OK", [])
    seen["line end"] = error_of(req.wsgi_start_response, "200 OK", [("X", "a\nb")], sys_exc_info())
    req.wsgi_start_response("202 Replaced", [("X-One", "4"), ("Content-Type", "c/d")], sys_exc_info())
    write(json.dumps(seen).encode())
    req.flush()
    sent = error_of(req.wsgi_start_response, "500 Late", [], sys_exc_info())
    write(f"\n{sent}".encode())
    return apache.OK


def sys_exc_info() -> Any:
    error = KeyError("of the application")
    return (KeyError, error, None)


def thread(req: apache.Request) -> list[str]:
    return [type(one).__name__ for one in (threading.current_thread(), threading.main_thread())]


def extensions(req: apache.Request) -> str:
    return req.get_addhandler_exts()


def nothing_written(req: apache.Request) -> int:
    req.write("")
    req.write(b"")
    req.headers_out["X-After"] = str(req.sent_bodyct)
    req.write("x")
    return apache.OK
