"""Shows what httpd and Python are like here, to whoever may see it: ``PythonHandler``.

It answers only where ``PythonOption mod_python.testhandler On`` holds, since it shows the whole configuration.
"""

import platform
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mod_python import apache
from mod_python.version import version

__all__ = ["handler"]

OPTION = "mod_python.testhandler"
# How much of the error log is shown: lines, and bytes.
_LINES, _BYTES = 100, 256 * 1024
_SECRET_WORDS = ("authorization", "password", "passwd", "secret", "token")
# The password in a URL, as that of a database.
_IN_URL = re.compile(r"(://[^/@\s:]*:)\S*@")
_STYLE = "body{font-family:sans-serif}td,th{text-align:left;vertical-align:top;padding:0 1em 0 0}pre{margin:0}"


def handler(req: apache.Request) -> int:
    """Answer with a page of HTML about the server, the request and the configuration.

    With ``?view_log=1`` the last 100 lines of the error log are shown, as a text.

    Args:
        req: the request.

    Returns:
        apache.OK; 403 where it is not enabled, 405 for a method other than GET and HEAD.
    """
    if req.get_options().get(OPTION, "").lower() != "on":
        text = (
            f"mod_python.testhandler shows the configuration: where clients may see it, write PythonOption {OPTION} On"
        )
        req.log_error(text, apache.APLOG_NOTICE)
        return apache.HTTP_FORBIDDEN
    req.allow_methods(["GET", "HEAD"])
    if req.method not in ("GET", "HEAD"):
        return apache.HTTP_METHOD_NOT_ALLOWED
    req.headers_out["X-Content-Type-Options"] = "nosniff"
    req.headers_out["Cache-Control"] = "no-store"
    if apache.parse_qs(req.args or "").get("view_log") == ["1"]:
        req.content_type = "text/plain; charset=utf-8"
        req.write(_end_of_log(req), False)
        return apache.OK
    req.headers_out["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    req.content_type = "text/html; charset=utf-8"
    title = "<title>mod_python</title>"
    req.write(f"<!DOCTYPE html>\n<html><head>{title}<style>{_STYLE}</style></head><body><h1>mod_python</h1>\n", False)
    for name, rows in _sections(req):
        req.write(f"<h2>{_escaped(name)}</h2>\n<table>\n", False)
        for key, value in rows:
            req.write(f"<tr><th>{_escaped(key)}</th><td><pre>{_escaped(value)}</pre></td></tr>\n", False)
        req.write("</table>\n", False)
    req.write('<p><a href="?view_log=1">The end of the error log</a></p>\n</body></html>\n', False)
    return apache.OK


def _escaped(value: object) -> str:
    return apache.escape(str(value).encode("utf-8", "backslashreplace").decode())


def _sections(req: apache.Request) -> Iterator[tuple[str, Iterable[tuple[str, object]]]]:
    environment = apache.build_cgi_env(req)
    yield "Server", _server(req, environment)
    yield "Python", _python(req)
    yield "Headers of the request", _hiding(req.headers_in.items())
    yield "Environment of the request", _hiding(environment.items())
    yield "Notes of the request", req.notes.items()
    yield "Configuration of the request: req.get_config()", req.get_config().items()
    yield "Options of the request: req.get_options()", _hiding(req.get_options().items())
    yield "Configuration of the server: req.server.get_config()", req.server.get_config().items()
    yield "Options of the server: req.server.get_options()", _hiding(req.server.get_options().items())
    yield "Directives", [("", "\n".join(_lines(apache.config_tree())))]


def _server(req: apache.Request, environment: apache.table) -> Iterator[tuple[str, object]]:
    kinds = ((apache.AP_MPMQ_IS_THREADED, "threads"), (apache.AP_MPMQ_IS_FORKED, "children"))
    yield "version", environment.get("SERVER_SOFTWARE", "")
    yield "MPM", " and ".join(word for code, word in kinds if apache.mpm_query(code)) or "one process"
    yield "threads of a child", apache.mpm_query(apache.AP_MPMQ_MAX_THREADS)
    yield "children at most", apache.mpm_query(apache.AP_MPMQ_MAX_DAEMONS)
    yield "ServerRoot", apache.server_root()
    yield "DocumentRoot", req.document_root()
    yield "ErrorLog", req.server.error_fname


def _python(req: apache.Request) -> Iterator[tuple[str, object]]:
    yield "mod_python", version
    yield "Python", sys.version
    yield "platform", platform.platform()
    yield "interpreter", req.interpreter
    yield "sys.path", "\n".join(sys.path)
    for name in ("publisher", "psp"):
        yield f"mod_python.{name}", "is there" if find_spec(f"mod_python.{name}") else "is not there"


def _hiding(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield rows, but not what would let others in."""
    for name, value in rows:
        is_secret = name.lower().endswith("cookie") or _names_a_secret(name, value)
        yield name, "(hidden)" if is_secret else _without_password(value)


def _names_a_secret(*texts: str) -> bool:
    return any(word in text.lower() for text in texts for word in _SECRET_WORDS)


def _without_password(text: str) -> str:
    return _IN_URL.sub(r"\1(hidden)@", text)


def _lines(nodes: list[Any], indent: str = "") -> Iterator[str]:
    """Yield the lines of a configuration."""
    for node in nodes:
        if isinstance(node, list):
            yield from _lines(node, f"{indent}    ")
        else:
            name, arguments = node
            shown = "(hidden)" if _names_a_secret(name, arguments) else _without_password(arguments)
            yield f"{indent}{name} {shown}"


def _end_of_log(req: apache.Request) -> str:
    name = req.server.error_fname or ""
    if not name or name.startswith(("|", "syslog")):
        return f"the error log is no file: {name}\n"
    try:
        with (Path(apache.server_root()) / name).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _BYTES))
            text = file.read(_BYTES).decode("utf-8", "backslashreplace")
    except OSError as error:
        return f"the error log cannot be read: {error}\n"
    return "".join(text.splitlines(keepends=True)[-_LINES:])
