"""Handlers that take long, never end, or say when they end."""

import asyncio
import time

from mod_python import apache


async def mixed(conn: apache.AsyncConnection) -> None:
    "Computes for so many ms, awaits asyncio or blocks, as each line says, and tells that it has."
    async for line in conn:
        what, number = line.split()
        if what == b"computes":
            end = time.monotonic() + int(number) / 1000
            while time.monotonic() < end:
                pass
        elif what == b"aio":
            await apache.aio(asyncio.sleep(0))
        else:
            time.sleep(int(number))
        await conn.write(what + b"\n")


async def blocks(conn: apache.AsyncConnection) -> None:
    "Keeps its thread for as long as it is told."
    async for line in conn:
        time.sleep(float(line))
        await conn.write(b"done\n")


async def patient(conn: apache.AsyncConnection) -> None:
    "Goes on after each time-out."
    conn.timeout = 0.7
    while True:
        try:
            line = await conn.readline()
        except TimeoutError:
            line = b"nothing\n"
        if not line:
            return
        await conn.write(line)


async def says_end(conn: apache.AsyncConnection) -> None:
    "Says when it sees the end of input."
    while line := await conn.readline():
        await conn.write(line)
    await conn.write(b"end\n")
