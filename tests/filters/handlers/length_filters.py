"""Filters that keep, or say that they keep, the length of a body; and what they get to see."""

import time
from collections.abc import AsyncIterator
from typing import Any

from mod_python import apache

Body = AsyncIterator[bytes]


async def same(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk


async def upper(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk.upper()


def plain_upper(filter: Any) -> None:
    while data := filter.read():
        filter.write(data.upper())


async def longer(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk
    yield b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


async def shorter(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk[1:]


def plain_longer(filter: Any) -> None:
    while data := filter.read():
        filter.write(data + b"!")


def plain_shorter(filter: Any) -> None:
    while data := filter.read():
        filter.write(data[1:])


async def early(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk[:1]
        return


async def more_and_out(filter: Any) -> Body:
    """Add something, then let the rest go by: it is counted all the same."""
    async for chunk in filter:
        yield chunk + b"++"
        filter.pass_on()
        return


async def look_and_out(filter: Any) -> Body:
    await filter.peek(1)
    filter.pass_on()
    return
    yield


async def tag(filter: Any) -> Body:
    """Append the name."""
    async for chunk in filter:
        yield chunk
    yield filter.name.encode()


async def doubled(filter: Any) -> Body:
    """Change the length, and show where the body begins and ends."""
    yield b"<"
    async for chunk in filter:
        yield chunk + chunk
    yield b">"


def plain_doubled(filter: Any) -> None:
    while data := filter.read():
        filter.write(data + data)


# ---- handlers


def pieces(req: apache.Request) -> int:
    """Send abcdef in two pieces, its length (and all that goes with it) said beforehand."""
    req.content_type = "text/plain"
    req.set_content_length(6)
    req.headers_out["ETag"] = '"strong"'
    req.headers_out["Content-MD5"] = "x"
    req.write("abc")
    time.sleep(0.01)
    req.write("def")
    return apache.OK


def whole(req: apache.Request) -> int:
    """As pieces, but all at once."""
    req.content_type = "text/plain"
    req.set_content_length(6)
    req.write("abcdef", 0)
    return apache.OK


def nothing(req: apache.Request) -> int:
    req.content_type = "text/plain"
    return apache.OK


def echo(req: apache.Request) -> int:
    """Tell what the request's body is, and what its headers say."""
    try:
        data = req.read()
    except OSError as error:
        data = str(error).encode()
    req.write(f"{req.headers_in.get('Content-Length')} {data.decode()}")
    return apache.OK
