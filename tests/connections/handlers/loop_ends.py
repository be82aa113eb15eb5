"""Awaited coroutines that raise what ends programs, or that end asyncio's loop."""

import asyncio
import sys
import threading

from mod_python import apache


async def _exits() -> None:
    await asyncio.sleep(0.01)
    sys.exit(3)


async def _interrupts() -> None:
    raise KeyboardInterrupt


async def _stops() -> str:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.01)
    return "stopped"


async def _exits_in_callback() -> str:
    asyncio.get_running_loop().call_soon(sys.exit, 4)
    await asyncio.sleep(0.01)
    return "called"


async def _breaks() -> None:
    loop = asyncio.get_running_loop()
    kept.append((loop, asyncio.all_tasks()))  # asyncio complains when tasks go that have not ended
    loop._selector.close()
    await asyncio.sleep(60)


async def _is_new() -> bool:
    return asyncio.get_running_loop() is not loops.pop()


async def _remembers() -> None:
    loops.append(asyncio.get_running_loop())


WAYS = {
    "exits": _exits,
    "interrupts": _interrupts,
    "stops": _stops,
    "callback": _exits_in_callback,
    "breaks": _breaks,
}
kept: list[object] = []
loops: list[asyncio.AbstractEventLoop] = []


async def ends(conn: apache.AsyncConnection) -> None:
    "Does what the first line says, and then uses the loop once more."
    way = WAYS[(await conn.readline()).decode().strip()]
    await apache.aio(_remembers())
    try:
        said: object = await apache.aio(way())
    except BaseException as error:
        said = error
    await conn.write(f"{said!r}\n")
    slept = await apache.aio(asyncio.sleep(0.01, "slept"))
    await conn.write(f"{slept} {await apache.aio(_is_new())}\n")


async def lets_out(conn: apache.AsyncConnection) -> None:
    await apache.aio(_exits())


async def waits(conn: apache.AsyncConnection) -> None:
    await conn.write("waiting\n")
    try:
        await apache.aio(asyncio.sleep(60))
    except RuntimeError as error:
        await conn.write(f"{error!r}\n")


async def outputfilter(filter: apache.AsyncFilter):  # type: ignore[no-untyped-def]
    "Its author waits on the request's thread."
    async for chunk in filter:
        yield chunk
    try:
        await apache.aio(_exits())
    except SystemExit as error:
        yield repr(error).encode()
    yield (await apache.aio(asyncio.sleep(0.01, " slept"))).encode()


async def failing_start(conn: apache.AsyncConnection) -> None:
    "The loop's thread cannot be started once; the next call of aio tries again."
    from mod_python import _aio

    start = threading.Thread.start

    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    _aio._current = None
    threading.Thread.start = fail  # type: ignore[method-assign]
    try:
        await apache.aio(asyncio.sleep(0))
    except RuntimeError as error:
        await conn.write(f"{error}\n")
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
    await conn.write(f"{await apache.aio(asyncio.sleep(0.01, 'slept'))}\n")
