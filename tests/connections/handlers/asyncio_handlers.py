"""Asynchronous handlers that wait for something of asyncio's."""

import asyncio
import os

from mod_python import apache

events: list[str] = []


async def sleeps(conn: apache.Connection) -> None:
    async for line in conn:
        value = await apache.aio(asyncio.sleep(float(line), "slept"))
        await conn.write(f"{value}\n")


async def _fails() -> None:
    await asyncio.sleep(0.01)
    raise LookupError("in the loop")


async def _cancelled() -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        events.append("cancelled")
        raise


async def errors(conn: apache.Connection) -> None:
    try:
        await apache.aio(_fails())
    except LookupError as error:
        await conn.write(f"{error!r}\n")
    try:
        await apache.aio(17)  # type: ignore[arg-type]
    except TypeError as error:
        await conn.write(f"{error!r}\n")
    try:
        await apache.aio(asyncio.wait_for(asyncio.sleep(5), 0.05))
    except TimeoutError as error:
        await conn.write(f"{error!r}\n")


async def gone(conn: apache.Connection) -> None:
    try:
        await conn.write("waiting\n")
        await apache.aio(_cancelled())
    finally:
        conn.log_error("end of gone", apache.APLOG_NOTICE)


async def asks(conn: apache.Connection) -> None:
    import asyncpg  # type: ignore[import-not-found]

    database = await apache.aio(asyncpg.connect(host=os.environ["PGHOST"], user="postgres", timeout=5))
    async for line in conn:
        number = await apache.aio(database.fetchval("SELECT $1::int * 6", int(line)))
        await conn.write(f"{number}\n")
    await apache.aio(database.close())


async def outputfilter(filter: apache.Filter):  # type: ignore[no-untyped-def]
    import asyncpg

    async def answer() -> object:
        database = await asyncpg.connect(host=os.environ["PGHOST"], user="postgres", timeout=5)
        try:
            return await database.fetchval("SELECT 'from the database'")
        finally:
            await database.close()

    async for chunk in filter:
        yield chunk
    yield f"{await apache.aio(answer())}\n".encode()


async def slow_filter(filter: apache.Filter):  # type: ignore[no-untyped-def]
    async for chunk in filter:
        await apache.aio(asyncio.sleep(0.3))
        yield chunk
