"""Streaming output filters that end in all the ways there are."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from mod_python import apache

Body = AsyncIterator[Any]


async def returns(filter: Any) -> Body:
    """Do nothing: step out."""
    return
    yield


async def peeks_and_returns(filter: Any) -> Body:
    await filter.peek(3)
    return
    yield


async def passes_on(filter: Any) -> Body:
    filter.pass_on()
    return
    yield


async def passes_on_after_peek(filter: Any) -> Body:
    await filter.peek(100)
    filter.pass_on()
    return
    yield


async def passes_on_after_read(filter: Any) -> Body:
    await filter.read(3)
    await filter.read(4)
    filter.pass_on()
    assert await filter.read(3) == b""
    return
    yield


async def passes_on_after_body(filter: Any) -> Body:
    await filter.body()
    filter.pass_on()
    return
    yield


async def passes_on_too_late(filter: Any) -> Body:
    await filter.body()
    try:
        filter.pass_on()
    except apache.FilterLimit as error:
        yield f"FilterLimit: {error}".encode()


async def passes_on_after_yield(filter: Any) -> Body:
    yield (await filter.read(3)).upper()
    filter.pass_on()


async def passes_on_after_large_yield(filter: Any) -> Body:
    """After a yield nobody asks how much was read before it."""
    await filter.read(200)
    await filter.read(200)
    yield b"<"
    filter.pass_on()


async def passes_on_then_yields(filter: Any) -> Body:
    filter.pass_on()
    yield b"too late"


async def passes_on_then_fails(filter: Any) -> Body:
    filter.pass_on()
    raise ValueError("after pass_on()")
    yield


async def early(filter: Any) -> Body:
    """Give the first three bytes, and no more."""
    yield await filter.read(3)


async def early_without_yield(filter: Any) -> Body:
    """Read something, then return: nothing is left of the body."""
    await filter.read(3)
    return
    yield


async def yields_text(filter: Any) -> Body:
    try:
        yield "text"
    finally:
        print("finally: yields_text")


async def yields_none(filter: Any) -> Body:
    yield None


async def yields_number(filter: Any) -> Body:
    yield 7


async def yields_text_and_goes_on(filter: Any) -> Body:
    try:
        yield "text"
    except TypeError:
        yield b"as if nothing had happened"


def synchronous(filter: Any) -> Iterator[bytes]:
    yield b""


async def coroutine(filter: Any) -> None:
    await filter.read()


async def sleeps(filter: Any) -> Body:
    await asyncio.sleep(0)
    yield b""


async def sleeps_longer(filter: Any) -> Body:
    await asyncio.sleep(1)
    yield b""


async def awaits_future(filter: Any) -> Body:
    await asyncio.Future(loop=asyncio.new_event_loop())
    yield b""


async def writes(filter: Any) -> Body:
    yield b""
    filter.write(b"x")


async def fails_at_once(filter: Any) -> Body:
    raise ValueError("at once")
    yield


async def fails_after_read(filter: Any) -> Body:
    await filter.read(3)
    raise ValueError("after a read")
    yield


async def fails_after_yield(filter: Any) -> Body:
    yield await filter.read(3)
    yield apache.FLUSH
    raise ValueError("after a yield")


async def fails_at_end(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk
    raise ValueError("at the end")


async def returns_status(filter: Any) -> Body:
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    yield
