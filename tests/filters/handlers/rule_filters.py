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


def plain_absorb(filter: Any) -> None:
    """Give nothing before the end, then how much it was."""
    filter.size = getattr(filter, "size", 0)
    while chunk := filter.read():
        filter.size += len(chunk)
    if chunk is None:
        filter.write(b"%d" % filter.size)


async def stream_absorb(filter: Any) -> Body:
    size = 0
    async for chunk in filter:
        size += len(chunk)
    yield b"%d" % size


def plain_bomb(filter: Any) -> None:
    while chunk := filter.read(1000):
        filter.write(chunk * 10_000)


async def stream_bomb(filter: Any) -> Body:
    while chunk := await filter.read(1000):
        yield chunk * 10_000


def plain_refuse(filter: Any) -> None:
    filter.read()
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)


async def stream_refuse(filter: Any) -> Body:
    await filter.read(1)
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    yield


def plain_endless(filter: Any) -> None:
    try:
        while filter.read() is not None:
            while True:
                filter.write(b"x" * 50_000)
    except OSError:
        filter.req.log_error("closed: plain_endless", apache.APLOG_INFO)
        raise


async def stream_endless(filter: Any) -> Body:
    try:
        while True:
            yield b"x" * 50_000
    finally:
        filter.req.log_error("closed: stream_endless", apache.APLOG_INFO)


def plain_many(filter: Any) -> None:
    if filter.read():
        for _ in range(10_000):
            filter.write(b"line\n")
            filter.flush()
        filter.close()


async def stream_many(filter: Any) -> AsyncIterator[object]:
    for _ in range(10_000):
        yield b"line\n"
        yield apache.FLUSH


def plain_count(filter: Any) -> None:
    """Tell the number of the response that this state is for."""
    filter.responses = getattr(filter, "responses", 0)
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.responses += 1
        filter.write(b"%d" % filter.responses)


async def stream_count(filter: Any) -> Body:
    filter.responses = getattr(filter, "responses", 0) + 1
    async for chunk in filter:
        yield chunk
    yield b"%d" % filter.responses


def plain_raise_at_once(filter: Any) -> None:
    raise ValueError("on purpose")


async def stream_raise_at_once(filter: Any) -> Body:
    raise ValueError("on purpose")
    yield


def plain_raise_later(filter: Any) -> None:
    """Fail at the second piece."""
    while chunk := filter.read():
        if hasattr(filter, "begun"):
            raise ValueError("on purpose")
        filter.begun = True
        filter.write(chunk)
        filter.flush()


async def stream_raise_later(filter: Any) -> AsyncIterator[object]:
    yield await anext(aiter(filter))
    yield apache.FLUSH
    raise ValueError("on purpose")


def plain_steps_out(filter: Any) -> None:
    filter.pass_on()


async def stream_steps_out(filter: Any) -> Body:
    return
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
