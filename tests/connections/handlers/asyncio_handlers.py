"""Asynchronous handlers that wait for something of asyncio's."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable

from mod_python import apache

events: list[str] = []


async def sleeps(conn: apache.AsyncConnection) -> None:
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


async def errors(conn: apache.AsyncConnection) -> None:
    try:
        await apache.aio(_fails())
    except LookupError as error:
        await conn.write(f"{error!r}\n")
    try:
        await apache.aio(17)  # type: ignore[call-overload]
    except TypeError as error:
        await conn.write(f"{error!r}\n")
    try:
        await apache.aio(asyncio.wait_for(asyncio.sleep(5), 0.05))
    except TimeoutError as error:
        await conn.write(f"{error!r}\n")


async def gone(conn: apache.AsyncConnection) -> None:
    try:
        await conn.write("waiting\n")
        await apache.aio(_cancelled())
    finally:
        conn.log_error("end of gone", apache.APLOG_NOTICE)


async def _nested(depth: int) -> int:
    return depth if depth == 0 else 1 + await apache.aio(_nested(depth - 1))


async def _loops(awaitable: Awaitable[object]) -> bool:
    """Tell whether an awaitable that aio is given on its own loop runs there, while other tasks go on."""
    ticks = asyncio.ensure_future(_ticks())
    value, ticked = await asyncio.gather(apache.aio(awaitable), ticks)
    return (value, ticked) == ("slept", 3)


async def _ticks() -> int:
    for _ in range(3):
        await asyncio.sleep(0)
    return 3


async def _nested_error() -> object:
    try:
        return await apache.aio(_fails())
    except LookupError as error:
        return f"{error!r} came through"


async def _nested_cancelled() -> object:
    try:
        return await asyncio.wait_for(apache.aio(_cancelled()), 0.05)
    except TimeoutError:
        return events.pop()


async def _beside() -> object:
    """Run on a loop of the handler's own: others of its tasks go on while one waits for aio."""
    went_on = asyncio.Event()

    async def sets() -> None:
        went_on.set()

    async def elsewhere() -> str:
        while not went_on.is_set():
            await asyncio.sleep(0)
        return threading.current_thread().name

    name, _ = await asyncio.gather(apache.aio(elsewhere()), sets())
    with contextlib.suppress(LookupError):
        await apache.aio(_fails())
        return "no error came"
    try:
        await asyncio.wait_for(apache.aio(_cancelled()), 0.05)
    except TimeoutError:
        return name
    return "no end of the time"


async def nested(conn: apache.AsyncConnection) -> None:
    """Use aio inside of what aio runs, and on a loop of the handler's own."""
    async for line in conn:
        match line.strip():
            case b"depth":
                value: object = await apache.aio(_nested(3))
            case b"loops":
                value = await apache.aio(_loops(asyncio.sleep(0.01, "slept")))
            case b"error":
                value = await apache.aio(_nested_error())
            case b"cancelled":
                value = await apache.aio(_nested_cancelled())
            case b"wrong":
                try:
                    value = await apache.aio(apache.aio(17))  # type: ignore[call-overload]
                except TypeError:
                    value = "TypeError"
            case _:
                value = asyncio.run(_beside())
        await conn.write(f"{value}\n")


async def nested_filter(filter: apache.AsyncFilter):  # type: ignore[no-untyped-def]
    async for chunk in filter:
        yield chunk
    yield f"{await apache.aio(_nested(3))} {asyncio.run(_beside())}\n".encode()


async def asks(conn: apache.AsyncConnection) -> None:
    import asyncpg  # type: ignore[import-not-found]

    database = await apache.aio(asyncpg.connect(host=os.environ["PGHOST"], user="postgres", timeout=5))
    async for line in conn:
        number = await apache.aio(database.fetchval("SELECT $1::int * 6", int(line)))
        await conn.write(f"{number}\n")
    await apache.aio(database.close())


async def outputfilter(filter: apache.AsyncFilter):  # type: ignore[no-untyped-def]
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


async def slow_filter(filter: apache.AsyncFilter):  # type: ignore[no-untyped-def]
    async for chunk in filter:
        await apache.aio(asyncio.sleep(0.3))
        yield chunk
