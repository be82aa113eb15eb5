"""Says which interpreter serves."""

from mod_python import apache


def handler(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write(f"{apache.interpreter}\n")
    return apache.OK


async def outputfilter(filter: apache.AsyncFilter):  # type: ignore[no-untyped-def]
    async for chunk in filter:
        yield chunk
    yield f"filter: {apache.interpreter}\n".encode()


async def inputfilter(filter: apache.AsyncFilter):  # type: ignore[no-untyped-def]
    async for chunk in filter:
        yield chunk


async def connectionhandler(conn: apache.AsyncConnection) -> None:
    await conn.write(apache.interpreter)
