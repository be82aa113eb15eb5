"""Connection handlers that wait for something else than their peer, while their peer leaves."""

import asyncio

from mod_python import apache

finished = 0


def note(conn: apache.AsyncConnection, text: str) -> None:
    conn.log_error(f"life: {text}", apache.APLOG_NOTICE)


async def _long() -> None:
    try:
        apache.log_error("on the loop: begins", apache.APLOG_NOTICE)
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        apache.log_error("life: cancelled", apache.APLOG_NOTICE)
        raise


async def _work(conn: apache.AsyncConnection, what: str) -> None:
    match what:
        case "sleep":
            await conn.sleep(9)
        case "aio":
            await apache.aio(_long())
        case "brief_sleep":
            await conn.sleep(0.5)
        case "brief_aio":
            await apache.aio(asyncio.sleep(0.5))
        case "ticks":
            for number in range(8):
                await conn.sleep(0.25)
                await conn.write(f"{number}")
        case "writes":
            await conn.sleep(0.5)
            conn.write("one")  # whose answer is a reset
            await conn.sleep(0.2)
            conn.write("two")
            await conn.sleep(9)
        case "reads":
            assert await conn.read() == b""
            await apache.aio(asyncio.sleep(0.1))
            await conn.sleep(0.1)


async def waits(conn: apache.AsyncConnection) -> None:
    "Does what its first line says: a time after which the peer is taken to have left, or -, and a kind of wait."
    global finished
    seconds, what = (await conn.readline()).decode().split()
    if seconds != "-":
        conn.half_close_timeout = float(seconds)
    try:
        note(conn, "begins")
        await _work(conn, what)
    except BaseException as error:
        note(conn, type(error).__name__)
        raise
    else:
        note(conn, "done")
        await conn.write("answer")
    finally:
        # Told once: the clean-up may wait.
        await apache.aio(asyncio.sleep(0))
        await conn.sleep(0)
        note(conn, "finally")


async def storm(conn: apache.AsyncConnection) -> None:
    "Is woken by asyncio as often as it is told."
    global finished
    wakeups = int(await conn.readline())
    await conn.write("begun\n")
    for _ in range(wakeups):
        await apache.aio(asyncio.sleep(0))
        finished += 1


async def counts(conn: apache.AsyncConnection) -> None:
    "Tells how many wake-ups there were."
    async for _ in conn:
        await conn.write(f"{finished}\n")


async def swallows(conn: apache.AsyncConnection) -> None:
    "Goes on after it was told."
    conn.half_close_timeout = 0
    while not conn.closing:
        try:
            note(conn, "begins")
            await conn.sleep(0.2)
        except ConnectionResetError as error:
            note(conn, str(error))
            break
    for _ in range(3):
        await conn.sleep(0.05)
    note(conn, f"{conn.half_close_timeout} {await conn.read()!r}")
