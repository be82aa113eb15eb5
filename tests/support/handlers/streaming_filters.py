"""Streaming output filters that do one simple thing each."""

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
    yield b"<!-- tail -->"


async def lines(filter: Any) -> Body:
    async for line in filter.lines():
        yield b"[" + line + b"]"


async def short_lines(filter: Any) -> Body:
    async for line in filter.lines(4):
        yield b"[" + line + b"]"


async def by_threes(filter: Any) -> Body:
    """Give back all that read() gives; an assertion that fails is a response that is cut."""
    while data := await filter.read(3):
        assert len(data) <= 3
        yield data
    assert await filter.read(3) == await filter.peek(3) == await filter.read(0) == await filter.body() == b""


async def peek(filter: Any) -> Body:
    """Tell what peek() sees, twice, then give the body."""
    first, again = await filter.peek(5), await filter.peek(5)
    assert first == again
    yield b"(" + first + b")"
    async for chunk in filter:
        yield chunk


async def peek_within(filter: Any) -> Body:
    """Peek at every second byte."""
    while byte := await filter.read(1):
        assert await filter.peek(0) == await filter.read(0) == b""
        yield byte
        ahead = await filter.peek(1)
        assert ahead == await filter.read(1)
        yield ahead


async def whole(filter: Any) -> Body:
    yield (await filter.body()).upper()


async def first_then_rest(filter: Any) -> Body:
    """Yield a piece after another one was read: it is still the first one."""
    first = await filter.read(2)
    rest = await filter.body()
    yield first
    yield rest


async def first_then_lines(filter: Any) -> Body:
    first = await filter.read(2)
    async for line in filter.lines():
        yield first
        yield line
        first = b""
    yield first


async def hide(filter: Any) -> Body:
    async for chunk in filter.replace({b"secret": b"..."}):
        yield chunk


async def hide_many(filter: Any) -> Body:
    words = {"se": "1", "secret": "22", "secretsecret": "", "cre": "4", "ret": "555555"}
    async for chunk in filter.replace(words):
        yield chunk


async def hide_twice(filter: Any) -> Body:
    async for chunk in filter.replace({"SECRET": "..."}, count=2, ignore_case=True):
        yield chunk


async def flushes(filter: Any) -> AsyncIterator[object]:
    async for chunk in filter:
        yield chunk.upper()
        yield apache.FLUSH


async def buffers(filter: Any) -> AsyncIterator[bytes | bytearray | memoryview]:
    """Yield each kind of buffer, and change the mutable one after it was yielded."""
    async for chunk in filter:
        changing = bytearray(chunk[:1])
        yield changing
        changing[:] = b"!"
        yield memoryview(chunk)[1:]
        yield b""


async def empty(filter: Any) -> Body:
    """Read the whole body and yield nothing."""
    async for _ in filter:
        pass
    return
    yield


async def doubled(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk
        yield chunk


async def first_half(filter: Any) -> Body:
    """Shorten: only each second byte."""
    while pair := await filter.read(2):
        yield pair[:1]


async def limited(filter: Any) -> Body:
    try:
        yield await filter.body(10)
    except apache.BodyTooLarge as error:
        yield str(error).encode()


async def about(filter: Any) -> Body:
    """Show what a filter knows, and keeps."""
    filter.seen = 0
    async for chunk in filter:
        filter.seen += len(chunk)
    facts = (filter.name, filter.handler, filter.is_input, filter.req.uri, filter.connection.remote_ip, filter.seen)
    yield repr(facts).encode()


async def included(filter: Any) -> Body:
    """Mark the filter's page, and the page that includes it."""
    main = filter.req.main
    yield f"<{filter.req.uri} in {main and main.uri}>".encode()
    async for chunk in filter:
        yield chunk
    yield b"</>"
