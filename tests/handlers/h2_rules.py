"""Each rule's filter twice: as a plain function and as an async generator."""

import time
from collections.abc import AsyncIterator
from typing import Any

from mod_python import apache

Body = AsyncIterator[bytes]


def plain_upper(filter: Any) -> None:
    while chunk := filter.read():
        filter.write(chunk.upper())


async def stream_upper(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk.upper()


def plain_tail(filter: Any) -> None:
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.write(b"tail")


async def stream_tail(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk
    yield b"tail"


def plain_refuse(filter: Any) -> None:
    filter.read()
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)


async def stream_refuse(filter: Any) -> Body:
    await filter.read(1)
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    yield


def echo(req: Any) -> int:
    body = req.read()
    req.content_type = "text/plain"
    req.headers_out["X-Length"] = str(req.headers_in.get("Content-Length"))
    req.write(body)
    return apache.OK


def slow(req: Any) -> int:
    req.content_type = "text/plain"
    req.write(b"first")
    req.flush()
    time.sleep(0.4)
    req.write(b"second")
    return apache.OK
