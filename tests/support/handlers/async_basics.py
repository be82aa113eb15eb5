"""Asynchronous connection handlers."""

import asyncio

from mod_python import apache


async def echo(conn: apache.AsyncConnection) -> None:
    async for line in conn:
        await conn.write(line)


async def upper(conn: apache.AsyncConnection) -> int:
    while line := await conn.readline():
        conn.write(line.upper())
    return apache.OK


async def greets(conn: apache.AsyncConnection) -> None:
    await conn.write("hello\n")
    await conn.write(b"you said " + await conn.readline())


async def reads(conn: apache.AsyncConnection) -> None:
    "Whatever way it is read in, nothing is lost between the ways."
    seen = [
        await conn.peek(2),
        await conn.read(3),
        await conn.readline(),
        await conn.readuntil(b"--"),
        await conn.readexactly(4),
        await conn.read(-1),
        await conn.read(5),
        await conn.peek(3),
    ]
    try:
        await conn.readexactly(2)
    except asyncio.IncompleteReadError as error:
        seen.append(error.partial)
    await conn.write(repr(seen))


async def limits(conn: apache.AsyncConnection) -> None:
    seen = []
    for wait in (conn.readline(4), conn.readuntil(b";", 3)):
        try:
            await wait
        except asyncio.LimitOverrunError as error:
            seen.append(f"{error} {error.consumed}")
    await conn.write("|".join(seen))


async def sleeps(conn: apache.AsyncConnection) -> None:
    for word in ("one", "two", "three"):
        await conn.write(word)
        await conn.sleep(0.05)
    await conn.write((await conn.read(100)) + b".")


async def times_out(conn: apache.AsyncConnection) -> None:
    conn.timeout = 0.1
    try:
        await conn.readline()
    except TimeoutError as error:
        await conn.write(f"{error}\n")
    conn.timeout = 1
    await conn.write(b"then " + await conn.readline())


async def wrong_times(conn: apache.AsyncConnection) -> None:
    said = []
    for wrong in (4, -1, float("nan")):
        try:
            await conn.sleep(wrong)
        except ValueError as error:
            said.append(str(error))
        try:
            conn.timeout = wrong
        except ValueError as error:
            said.append(str(error))
    await conn.write("\n".join(said))


async def fails(conn: apache.AsyncConnection) -> None:
    await conn.write("before\n")
    await conn.readline()
    raise ValueError("in the middle")


async def closes(conn: apache.AsyncConnection) -> None:
    await conn.write("bye")
    await conn.close()
    conn.log_error(f"left {await conn.read(-1)!r}", apache.APLOG_NOTICE)


async def sniffs(conn: apache.AsyncConnection) -> int | None:
    if await conn.peek(4) in (b"GET ", b"POST", b"PRI "):
        return apache.DECLINED
    async for line in conn:
        await conn.write(b"<" + line + b">")
    return None


async def foreign(conn: apache.AsyncConnection) -> None:
    try:
        await asyncio.sleep(1)
    except RuntimeError as error:
        await conn.write(f"{error}\n")
    future: asyncio.Future[None] = asyncio.new_event_loop().create_future()
    try:
        await future
    except RuntimeError as error:
        await conn.write(f"{error}\n")


async def big(conn: apache.AsyncConnection) -> None:
    for letter in "abcd":
        await conn.write(letter * (1 << 20))
