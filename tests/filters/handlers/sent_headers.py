"""Filters that add to any response, or refuse it, and handlers that answer with any status."""

from collections.abc import AsyncIterator

from mod_python import apache

FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"


async def tail(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    """Add bytes at the end."""
    async for chunk in filter:
        yield chunk
    yield FORGED


async def whole(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    """Take all, then answer."""
    yield await filter.body(100_000)
    yield FORGED


async def unread(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    """Answer before anything is read."""
    yield FORGED
    async for chunk in filter:
        yield chunk


def plain(filter: apache.Filter) -> None:
    """Add bytes at the end."""
    while data := filter.read():
        filter.write(data)
    if data is None:
        filter.write(FORGED)
        filter.close()


async def raises(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    """Fail before any output."""
    async for _ in filter:
        raise KeyError("before")
    yield b""


def plain_raises(filter: apache.Filter) -> None:
    """Fail before any output."""
    raise KeyError("before")


async def denies(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    """Refuse before any output."""
    async for _ in filter:
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    yield b""


def plain_denies(filter: apache.Filter) -> None:
    """Refuse before any output."""
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)


def answer(req: apache.Request) -> int:
    """Answer with the status at the end of the path, and a body, be it forbidden, if asked for."""
    req.status = int(req.uri.rpartition("/")[2])
    req.content_type = "text/plain"
    if req.status == apache.HTTP_OK or req.args == "body":
        req.write(b"body")
    if req.args == "flush":
        req.flush()
    return apache.OK


def next_(req: apache.Request) -> int:
    """Answer what comes behind another one."""
    req.write(b"next")
    return apache.OK
