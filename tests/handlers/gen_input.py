"""Streaming input filters that do one simple thing each."""

from collections.abc import AsyncIterator
from typing import Any

from mod_python import apache

Body = AsyncIterator[bytes]


async def identity(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk


async def upper(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk.upper()


async def tail(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk
    yield b"tail"


async def lines(filter: Any) -> Body:
    async for line in filter.lines():
        yield b"[" + line + b"]"


async def by_threes(filter: Any) -> Body:
    while data := await filter.read(3):
        assert len(data) <= 3
        yield data
    assert await filter.read(3) == await filter.peek(3) == b""


async def peek(filter: Any) -> Body:
    first, again = await filter.peek(5), await filter.peek(5)
    assert first == again
    yield b"(" + first + b")"
    async for chunk in filter:
        yield chunk


async def whole(filter: Any) -> Body:
    yield (await filter.body()).upper()


async def first_then_rest(filter: Any) -> Body:
    first = await filter.read(2)
    rest = await filter.body()
    yield first
    yield rest


async def hide(filter: Any) -> Body:
    async for chunk in filter.replace({b"secret": b"..."}):
        yield chunk


async def doubled(filter: Any) -> Body:
    """One large piece for each that is read."""
    async for chunk in filter:
        yield chunk * 2


async def every_second(filter: Any) -> AsyncIterator[object]:
    """Many small pieces, and empty ones."""
    while byte := await filter.read(1):
        yield byte
        yield b""
        await filter.read(1)
        yield apache.FLUSH


async def empty(filter: Any) -> Body:
    async for _ in filter:
        pass
    return
    yield


async def limited(filter: Any) -> Body:
    try:
        yield await filter.body(10)
    except apache.BodyTooLarge as error:
        raise apache.SERVER_RETURN(apache.HTTP_REQUEST_ENTITY_TOO_LARGE) from error


async def returns(filter: Any) -> Body:
    return
    yield


async def passes_on_after_read(filter: Any) -> Body:
    await filter.read(3)
    await filter.peek(2)
    await filter.read(4)
    filter.pass_on()
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
    except apache.FilterLimit:
        yield b"FilterLimit"


async def passes_on_after_yield(filter: Any) -> Body:
    for _ in range(3):
        yield (await filter.read(1)).upper()
    filter.pass_on()


async def early(filter: Any) -> Body:
    yield await filter.peek(3)


async def fails_at_once(filter: Any) -> Body:
    raise ValueError("at once")
    yield


async def fails_after_read(filter: Any) -> Body:
    await filter.read(3)
    raise ValueError("after a read")
    yield


async def fails_after_yield(filter: Any) -> Body:
    yield await filter.read(3)
    raise ValueError("after a yield")


async def yields_text(filter: Any) -> Body:
    yield "text"  # type: ignore[misc]


async def watched(filter: Any) -> Body:
    try:
        async for chunk in filter:
            yield chunk
    finally:
        filter.req.log_error(f"closed: {filter.req.uri}", apache.APLOG_INFO)


async def about(filter: Any) -> Body:
    async for chunk in filter:
        filter.seen = len(chunk) + getattr(filter, "seen", 0)
    facts = (filter.name, filter.is_input, filter.req.uri, filter.connection.remote_ip, filter.seen)
    yield repr(facts).encode()
