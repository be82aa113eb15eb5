"""Applications with statuses and headers, for the sentences of PEP 3333 about start_response()."""

import json
from typing import Any

from pep_registry import TEXT, Environ, page, unwrapped  # type: ignore[import-not-found]

STATUSES = ["200", "299 Fine", "404 Nicht da: é", "499 Odd", "999 Last"]
BAD_STATUSES = [b"200 OK", 200, "OK", "20 OK", "2000 OK", "200 O\nK", "200 OK\r\n", "100 Go on", "099 No", "200 \u20ac"]


@unwrapped
def status(environ: Environ, start_response: Any) -> list[bytes]:
    start_response(STATUSES[int(environ["QUERY_STRING"])], TEXT)
    return [b"x"]


@unwrapped
def bad_status(environ: Environ, start_response: Any) -> list[bytes]:
    return _refused(start_response, [(status, []) for status in BAD_STATUSES])


BAD_HEADERS: list[Any] = [
    (("A", "b"),),
    None,
    [["A", "b"]],
    [("A", "b", "c")],
    [("A", 1)],
    [(b"A", b"b")],
    [("A:", "b")],
    [("", "b")],
    [("A B", "b")],
    [("É", "b")],
    [("\u20ac", "b")],
    [("A", "b\r\nC: d")],
    [("A", "b\n")],
    [("A", "\0")],
    [("A", "\u20ac")],
    [("A", "\udc80")],
    [("Content-Length", "-1")],
    [("Content-Length", "1"), ("content-length", "1")],
    [("Connection", "close")],
    [("keep-alive", "1")],
    [("Proxy-Authenticate", "x")],
    [("Proxy-Authorization", "x")],
    [("TE", "x")],
    [("Trailers", "x")],
    [("TRANSFER-ENCODING", "chunked")],
    [("Upgrade", "x")],
]


@unwrapped
def bad_headers(environ: Environ, start_response: Any) -> list[bytes]:
    return _refused(start_response, [("200 OK", headers) for headers in BAD_HEADERS])


def _refused(start_response: Any, calls: list[tuple[Any, Any]]) -> list[bytes]:
    """Call start_response with each of these, as an error handler does; return the errors."""
    errors = []
    for status, headers in calls:
        try:
            start_response(status, headers, (KeyError, KeyError(), None))
        except (TypeError, ValueError) as error:
            errors.append(str(error))
        else:
            errors.append("accepted")
    start_response("200 OK", [("Content-Type", "application/json")], (KeyError, KeyError(), None))
    return [json.dumps(errors).encode()]


@page
def good_headers(environ: Environ, start_response: Any) -> list[bytes]:
    headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Name", "é"), ("x-empty", "")]
    start_response("200 OK", [*TEXT, *headers])
    return [b"x"]
