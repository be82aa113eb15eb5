"""What is asynchronous on the way into HTTP, and out of it."""

import asyncio

from mod_python import apache


def note(conn: apache.Connection | apache.AsyncConnection, text: str) -> None:
    conn.log_error(f"life: {text}", apache.APLOG_NOTICE)


async def sniffs(conn: apache.AsyncConnection) -> int | None:
    "HTTP, or lines."
    if await conn.peek(4) == b"GET ":
        return apache.DECLINED
    async for line in conn:
        await conn.write(line)
    return None


async def ponders(conn: apache.AsyncConnection) -> int:
    "Takes its time before it leaves the connection to HTTP."
    try:
        note(conn, "begins")
        await conn.peek(4)
        note(conn, "peeked")
        await apache.aio(asyncio.sleep(0.3))
        await conn.peek(60)
    except BaseException as error:
        note(conn, type(error).__name__)
        raise
    finally:
        note(conn, "finally")
    return apache.DECLINED


async def outputfilter(filter: apache.AsyncFilter):  # type: ignore[no-untyped-def]
    "Waits for each piece."
    note(filter.connection, "begins")
    try:
        async for chunk in filter:
            note(filter.connection, "waits")
            await apache.aio(asyncio.sleep(0.3))
            yield chunk
    except BaseException as error:
        note(filter.connection, type(error).__name__)
        raise
    finally:
        note(filter.connection, "finally")
