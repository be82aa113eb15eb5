"""``req.build_wsgi_env()`` and ``req.wsgi_start_response()``: WSGI for one request (PEP 3333)."""

import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TypeAlias

from mod_python import _apache, apache

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]


class Input:
    """``wsgi.input``: the body of a request."""

    def __init__(self, req: _apache.Request) -> None:
        self.read = req.read
        self.readline = req.readline
        self.readlines = req.readlines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


def build_env(req: _apache.Request) -> dict[str, Any] | None:
    """Return the environ of an application.

    Args:
        req: the request. Its path_info is set to the path behind that of the application.

    Returns:
        The environ; None if the request is not below ``PythonOption mod_python.wsgi.base_uri``. The default of this
        option is the path of the Location with the handler, or the empty path outside of a Location.

    Raises:
        ValueError: the option ends in a slash.
    """
    base = req.get_options().get("mod_python.wsgi.base_uri")
    if base is None:
        handlers = req.hlist
        in_location = handlers is not None and handlers.is_location
        base = ((handlers.directory if in_location and handlers else None) or "").rstrip("/")
    elif base.endswith("/"):
        raise ValueError(f"PythonOption mod_python.wsgi.base_uri {base}: write it without the slash at its end")
    if not req.uri.startswith(base) or req.uri[len(base) : len(base) + 1] not in ("", "/"):
        req.log_error(f"{req.uri} is not below mod_python.wsgi.base_uri {base}", apache.APLOG_WARNING)
        return None
    req.path_info = req.uri[len(base) :]
    req._settle_length()  # applications go by CONTENT_LENGTH, and see no body without it
    req.add_cgi_vars()
    environ: dict[str, Any] = {key: _native(value) for key, value in req.subprocess_env.items() if value is not None}
    environ["SCRIPT_NAME"] = _native(base)
    environ["PATH_INFO"] = _native(req.path_info)
    authorization = req.headers_in.get("Authorization")
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = _native(authorization)
    environ["wsgi.version"] = (1, 0)
    environ["wsgi.url_scheme"] = "https" if req.is_https() else "http"
    environ["wsgi.input"] = Input(req)
    environ["wsgi.errors"] = sys.stderr
    environ["wsgi.multithread"] = bool(apache.mpm_query(apache.AP_MPMQ_IS_THREADED))
    environ["wsgi.multiprocess"] = bool(apache.mpm_query(apache.AP_MPMQ_IS_FORKED))
    environ["wsgi.run_once"] = False
    return environ


def _native(text: str) -> str:
    """Return a native string as PEP 3333 has it: one character for each byte."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def start_response(
    req: _apache.Request, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None
) -> Callable[[bytes], object]:
    """Set status and headers; httpd sends them with the first byte of the body.

    Args:
        req: the request.
        status: the status and its reason, such as ``"200 OK"``.
        headers: pairs of name and value, in Latin-1.
        exc_info: the result of sys.exc_info(), if an error response replaces the former one.

    Returns:
        The function ``write(data)`` of PEP 3333.

    Raises:
        AssertionError: it was called before, and exc_info is None.
        BaseException: that of exc_info, if the headers are sent already.
    """
    before = vars(req).get("_wsgi_headers")
    if exc_info is not None:
        try:
            if req.sent_bodyct or req.bytes_sent:
                raise exc_info[1].with_traceback(exc_info[2])
        finally:
            exc_info = None  # avoids a reference cycle through the traceback
    elif before is not None:
        raise AssertionError("start_response() was called already: give it exc_info to replace that response")
    for name in before or []:
        del req.headers_out[name]
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    req.status_line = status
    for key, text in lines:
        if key.lower() == b"content-type":
            req.content_type = text.decode("latin-1")
        elif key.lower() == b"content-length":
            req.set_content_length(int(text))
        else:
            req.headers_out.add(key, text)
    vars(req)["_wsgi_headers"] = [name for name, _ in headers]
    return req.write
