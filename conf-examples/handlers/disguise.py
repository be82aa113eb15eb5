"""A connection filter: it sees all bytes of a connection: headers, chunk sizes and bodies."""

from collections.abc import AsyncIterator

from mod_python import apache


async def outputfilter(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        # The length must not change: Content-Length and chunk sizes are already in the bytes.
        yield chunk.replace(b"Server: Apache", b"Server: nobody")
