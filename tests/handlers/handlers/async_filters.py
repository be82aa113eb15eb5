"""Filters around `async def` handlers."""

from collections.abc import AsyncIterator

from mod_python import apache


async def upper(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk.upper()


def mark(filter: apache.Filter) -> None:
    "Puts brackets around what there is."
    while data := filter.read():
        filter.state = getattr(filter, "state", 0) + 1
        filter.write((b"<" if filter.state == 1 else b"") + data)
    if data is None:
        if hasattr(filter, "state"):
            filter.write(b">")
        filter.close()
