"""Connection handlers that run as tasks on asyncio's loop (`@apache.aio`)."""

import asyncio

from mod_python import apache

ended: list[str] = []


@apache.aio
async def echo(conn: apache.AsyncConnection) -> None:
    async for line in conn:
        await asyncio.sleep(0)
        await conn.write(line.upper())


@apache.aio
async def reads(conn: apache.AsyncConnection) -> None:
    found = [await conn.peek(2), await conn.readexactly(3), await conn.readuntil(b";"), await conn.readline()]
    found += [await conn.read(4), await conn.read(-1)]
    conn.write(repr(found))
    conn.log_error(f"from {conn.client_ip}", apache.APLOG_NOTICE)
    await conn.close()


@apache.aio
async def two_ways(conn: apache.AsyncConnection) -> None:
    "Says something while it reads."

    async def ticks() -> None:
        for number in range(3):
            await asyncio.sleep(0.05)
            await conn.write(f"tick {number}\n")

    async with asyncio.TaskGroup() as group:
        group.create_task(ticks())
        line = await conn.readline()
        await conn.write(b"heard " + line)


@apache.aio
async def impatient(conn: apache.AsyncConnection) -> None:
    for _ in range(2):
        try:
            async with asyncio.timeout(0.1):
                await conn.readexactly(5)
        except TimeoutError:
            await conn.write("late\n")
    await conn.write(await conn.readexactly(5))


@apache.aio
async def sleeps(conn: apache.AsyncConnection) -> None:
    line = await conn.readline()
    await asyncio.sleep(float(line))
    await conn.write("slept\n")


@apache.aio
async def sniffs(conn: apache.AsyncConnection) -> int | None:
    if (await conn.peek(3)) == b"GET":
        return apache.DECLINED
    await conn.write("no http\n")
    return None


@apache.aio
async def fails(conn: apache.AsyncConnection) -> None:
    await conn.write("begun\n")
    raise LookupError("on the loop")


@apache.aio
async def waits(conn: apache.AsyncConnection) -> None:
    what = (await conn.readline()).decode().strip()
    conn.half_close_timeout = 0
    try:
        if what == "op":
            await conn.sleep(3)
        elif what == "read":
            await conn.read()
        else:
            await asyncio.sleep(30)
    except BaseException as error:
        ended.append(f"{what} {type(error).__name__}")
        raise
    finally:
        ended.append("finally")


@apache.aio
async def how(conn: apache.AsyncConnection) -> None:
    conn.write(" ".join(ended))
    ended.clear()


@apache.aio
async def large(conn: apache.AsyncConnection) -> None:
    for _ in range(100):
        await conn.write(b"x" * 65536)


@apache.aio
async def kept(conn: apache.AsyncConnection) -> None:
    "A task that outlives the connection."

    async def later() -> None:
        await asyncio.sleep(0.1)
        try:
            assert conn.client_ip
        except RuntimeError as error:
            ended.append(str(error))

    tasks.append(asyncio.create_task(later()))
    await conn.write("bye\n")


tasks: list[asyncio.Task[None]] = []


@apache.aio
async def logs_late(conn: apache.AsyncConnection) -> None:
    await asyncio.sleep(0.3)
    conn.log_error("of a connection that waits")
