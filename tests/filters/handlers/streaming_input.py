"""Streaming input filters that streaming_filters and streaming_ends do not have: those work both ways."""

from collections.abc import AsyncIterator
from typing import Any

from mod_python import apache

Body = AsyncIterator[bytes]


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


async def limited(filter: Any) -> Body:
    try:
        yield await filter.body(10)
    except apache.BodyTooLarge as error:
        raise apache.SERVER_RETURN(apache.HTTP_REQUEST_ENTITY_TOO_LARGE) from error


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


async def fails_after_yield(filter: Any) -> Body:
    yield await filter.read(3)
    raise ValueError("after a yield")


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
