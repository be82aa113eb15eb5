"""Streaming output filters that log how they are closed."""

from collections.abc import AsyncIterator
from typing import Any

from mod_python import apache

Body = AsyncIterator[bytes]
last: Any = None


async def watched(filter: Any) -> Body:
    """Pass all on; say at the end how much that was."""
    pieces = 0
    try:
        async for chunk in filter:
            pieces += 1
            yield chunk
    finally:
        filter.req.log_error(f"closed: {filter.name} after {pieces} of {filter.req.uri}", apache.APLOG_INFO)


async def keeps(filter: Any) -> Body:
    """Hold everything until the end."""
    try:
        yield await filter.body()
    except BaseException as error:
        filter.req.log_error(f"closed: keeps by {type(error).__name__}", apache.APLOG_INFO)
        raise


async def endless(filter: Any) -> Body:
    """Yield on and on; the page is only the start."""
    megabyte = bytes(1 << 16) * 16
    yielded = 0
    try:
        while True:
            yield megabyte
            yielded += 1
    finally:
        filter.req.log_error(f"closed: endless after {yielded} MB", apache.APLOG_INFO)


async def early(filter: Any) -> Body:
    try:
        yield await filter.read(1)
        return
    finally:
        filter.req.log_error("closed: early", apache.APLOG_INFO)


async def fails(filter: Any) -> Body:
    try:
        yield await filter.read(1)
        raise ValueError("on purpose")
    finally:
        filter.req.log_error("closed: fails", apache.APLOG_INFO)


async def stubborn(filter: Any) -> Body:
    """Yield while being closed: that is refused, and does no harm."""
    try:
        yield await filter.body()
    finally:
        yield b", last words"


async def asks_on(filter: Any) -> Body:
    """Read while being closed: there is no more to come."""
    try:
        yield await filter.body()
    finally:
        rest = await filter.read()
        filter.req.log_error(f"closed: asks_on with {rest!r}", apache.APLOG_INFO)


async def remembered(filter: Any) -> Body:
    """Keep the filter beyond its life."""
    global last
    last = filter
    async for chunk in filter:
        yield chunk


def forgotten(req: apache.Request) -> int:
    """Use a filter that is over."""
    try:
        req.write(last.name)
    except RuntimeError as error:
        req.write(str(error))
    return apache.OK
