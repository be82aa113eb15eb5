"""Connection handlers that wait, write and read in different ways, for tests of how their connections end."""

import asyncio
import time

from mod_python import apache


def note(conn: apache.Connection | apache.AsyncConnection, text: str) -> None:
    conn.log_error(f"life: {text}", apache.APLOG_NOTICE)


async def ends(conn: apache.AsyncConnection) -> None:
    "Says once how it ended."
    try:
        async for line in conn:
            if line == b"raise\n":
                raise KeyError("asked for")
            if line == b"sleep\n":
                await conn.sleep(2)
            if line == b"aio\n":
                await apache.aio(asyncio.sleep(2))
            if line == b"flood\n":
                while True:
                    await conn.write(b"x" * 65536)
            await conn.write(line)
    except BaseException as error:
        note(conn, f"{type(error).__name__}")
        raise
    else:
        note(conn, "end of input")
    finally:
        note(conn, "finally")


async def stubborn(conn: apache.AsyncConnection) -> None:
    "Does not want to go."
    await conn.write("hi\n")
    while True:
        try:
            if not await conn.readline():
                return
        except (TimeoutError, ConnectionError, apache.ShuttingDown) as error:
            note(conn, f"stubborn {type(error).__name__}")
            if isinstance(error, apache.ShuttingDown):
                await conn.write("going\n")
                return


async def told(conn: apache.AsyncConnection) -> None:
    "Finishes what it has begun."
    async for line in conn:
        await conn.write(b"last " + line if conn.closing else line)
        if conn.closing:
            return


async def clock(conn: apache.AsyncConnection) -> None:
    "Talks for longer than Timeout, and never listens."
    for number in range(18):
        await conn.write(f"{number}\n")
        await conn.sleep(0.1)


async def answers(conn: apache.AsyncConnection) -> None:
    "Answers after ten bytes, whatever else comes."
    await conn.readexactly(10)
    await conn.write(b"a" * 100_000)


async def lingers(conn: apache.AsyncConnection) -> None:
    "Answers from a deadline, whatever else comes."
    await conn.readexactly(10)
    await conn.sleep(0.05)
    await conn.write(b"a" * 100_000)


async def pieces(conn: apache.AsyncConnection) -> None:
    "Many small writes are few packets."
    async for _ in conn:
        for number in range(50):
            await conn.write(f"{number} ")
        await conn.write("\n")


async def streams(conn: apache.AsyncConnection) -> None:
    "Writes ten megabytes for each line."
    async for _ in conn:
        for _ in range(160):
            await conn.write(bytes(65536))


async def floods(conn: apache.AsyncConnection) -> None:
    "Writes 200 `bytes` objects of 1 MiB for each line."
    async for _ in conn:
        for number in range(200):
            await conn.write(bytes([number]) * (1 << 20))


async def timers(conn: apache.AsyncConnection) -> None:
    "Sleeps as long as it is told, and says for how long that was."
    clock = time.monotonic
    async for line in conn:
        begin = clock()
        await conn.sleep(float(line))
        await conn.write(f"{clock() - begin:.4f}\n")


async def bulk(conn: apache.AsyncConnection) -> None:
    "Counts what it gets."
    size = 0
    while data := await conn.read(65536):
        size += len(data)
    await conn.write(f"{size}\n")


async def dawdles(conn: apache.AsyncConnection) -> None:
    "Does not read for a while."
    await conn.write("go\n")
    await conn.sleep(0.5)
    size = 0
    while data := await conn.read():
        size += len(data)
    await conn.write(f"{size}\n")


async def storm(conn: apache.AsyncConnection) -> None:
    "Is woken from elsewhere while it gets input."
    async for line in conn:
        done = await asyncio_all(int(line))
        await conn.write(f"{done}\n")


async def asyncio_all(count: int) -> int:
    done = 0
    for _ in range(count):
        done += await apache.aio(asyncio.sleep(0, 1))
    return done


async def tells_id(conn: apache.AsyncConnection) -> None:
    async for _ in conn:
        note(conn, "line")
        await conn.write(f"{conn.id}\n")


async def limited(conn: apache.AsyncConnection) -> None:
    while await conn.readline(100_000):
        pass
