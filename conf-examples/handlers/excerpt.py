"""A filter that works with buckets: the pieces of a body as httpd holds them, such as unread files."""

from collections.abc import AsyncIterator

from mod_python import apache


async def outputfilter(filter: apache.AsyncFilter) -> AsyncIterator[object]:
    left = 100
    async for bucket in filter.buckets():
        if bucket.is_metadata or bucket.length is None:
            continue
        rest = bucket.split(left)
        left -= bucket.length
        yield bucket  # the kernel sends a file, or httpd maps it: Python does not read its bytes
        if rest is not None:
            yield b"\n(...)\n"
            return
