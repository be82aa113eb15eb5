"""Filters for responses to HEAD and for parts of bodies, and a handler that sends a part."""

from collections.abc import AsyncIterator

from mod_python import apache


async def same(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk


async def early(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    "Ends a body that it said it would not change."
    yield await filter.read(100)


def part(req: apache.Request) -> int:
    req.status = apache.HTTP_PARTIAL_CONTENT
    req.headers_out["Content-Range"] = "bytes 0-9999/50000"
    req.set_content_length(10000)
    req.write(b"x" * 10000, 0)
    return apache.OK
