"""Handlers and filters that fail behind a part of the response."""

import gzip
from collections.abc import AsyncIterator

from mod_python import apache

TEXT = "<late é €>"


class LateError(Exception):
    pass


def _fail(req: apache.Request, media_type: str | None) -> int:
    if media_type is not None:
        req.content_type = media_type
    req.write("a part <b>")
    req.write(" and more", 0)
    raise LateError(TEXT)


def html(req: apache.Request) -> int:
    return _fail(req, "text/html; charset=iso-8859-1")


def plain(req: apache.Request) -> int:
    return _fail(req, "Text/Plain")


def json(req: apache.Request) -> int:
    return _fail(req, "application/json")


def untyped(req: apache.Request) -> int:
    return _fail(req, None)


def with_length(req: apache.Request) -> int:
    req.set_content_length(1_000_000)
    return _fail(req, "text/html")


def coded(req: apache.Request) -> int:
    "Its bytes are gzip's: no text can follow."
    req.headers_out["Content-Encoding"] = "gzip"
    req.content_type = "text/html"
    req.write(gzip.compress(b"a part <b>"))
    raise LateError(TEXT)


def partial(req: apache.Request) -> int:
    req.status = 206
    req.headers_out["Content-Range"] = "bytes 0-9/20"
    return _fail(req, "text/html")


def unsent(req: apache.Request) -> int:
    "Nothing of it was sent."
    req.content_type = "text/html"
    req.write("a part <b>", 0)
    raise LateError(TEXT)


def refused(req: apache.Request) -> int:
    "A status that comes too late is no exception."
    req.content_type = "text/html"
    req.write("a part <b>")
    return apache.HTTP_NOT_FOUND


def page(req: apache.Request) -> int:
    "A whole page, in pieces."
    req.content_type = (req.args or "text/html").replace("+", " ")
    for number in range(3):
        req.write(f"<p>{number}</p>")
    return apache.OK


def outputfilter(filter: apache.Filter) -> None:
    data = filter.read()
    while data:
        if b"1" in data:
            filter.write("it was ")
            raise LateError(TEXT)
        filter.write(data)
        data = filter.read()
    if data is None:
        filter.close()


async def streams(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for data in filter:
        if b"1" in data:
            yield b"it was "
            raise LateError(TEXT)
        yield data


def second(req: apache.Request) -> int:
    "A handler behind one that has written."
    raise LateError(TEXT)


def first(req: apache.Request) -> int:
    req.content_type = "text/html"
    req.write("of the first ")
    return apache.OK
