"""Filters that end a response before its source has ended."""

from collections.abc import AsyncIterator

from mod_python import apache


def closes(filter: apache.Filter) -> None:
    if filter.read():
        filter.write(b"enough\n")
        filter.close()


async def returns(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for _ in filter:
        yield b"enough\n"
        return


async def raises(filter: apache.AsyncFilter) -> AsyncIterator[object]:
    async for _ in filter:
        yield b"enough\n"
        yield apache.FLUSH
        raise KeyError("early")
