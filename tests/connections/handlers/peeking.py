"""Handlers that look at what has come, and at objects of asyncio's."""

import asyncio
import contextlib
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache


async def some(conn: apache.AsyncConnection) -> None:
    "What is there, twice, and then what was read."
    first = await conn.peek()
    second = await conn.peek()
    taken = await conn.read(1000)
    await conn.write(f"{first!r} {second!r} {taken!r}\n")
    await conn.write(f"{await conn.peek()!r}\n")


async def until(conn: apache.AsyncConnection) -> None:
    "Up to an empty line, at most 40 bytes."
    try:
        head = await conn.peek_until(b"\r\n\r\n", 40)
    except asyncio.LimitOverrunError as error:
        await conn.write(f"{error} {await conn.peek()!r}\n")
        return
    await conn.write(f"{head!r} {await conn.read(1000)!r}\n")


async def limits(conn: apache.AsyncConnection) -> None:
    "Limits that no bytes can keep."
    for wrong in (
        error_of(conn.peek, -1),
        error_of(conn.peek_until, b"\n", -1),
        error_of(conn.readuntil, b"\n", -1),
    ):
        await conn.write(f"{wrong}\n")
    await conn.write(f"{await conn.peek_until()!r}\n")


async def hands_over(conn: apache.AsyncConnection) -> int | None:
    "A request for /ours is answered here, any other by httpd."
    head = await conn.peek_until(b"\r\n")
    if not head.startswith(b"GET /ours "):
        return apache.DECLINED
    await conn.write(b"ours\n")
    return None


async def awaits_a_queue(conn: apache.AsyncConnection) -> None:
    "An empty queue makes a future of its loop, and there is none."
    await conn.read()
    await asyncio.Queue[bytes]().get()


async def awaits_an_event(conn: apache.AsyncConnection) -> None:
    "Likewise."
    await conn.read()
    await asyncio.Event().wait()


async def awaits_with_a_timeout(conn: apache.AsyncConnection) -> None:
    "A timeout wants a task of asyncio's."
    await conn.read()
    async with asyncio.timeout(1):
        await conn.read()


QUEUE = asyncio.Queue[bytes]()


async def awaits_a_queue_of_the_loop(conn: apache.AsyncConnection) -> None:
    "The queue belongs to asyncio's loop since somebody waited there."
    await conn.read()
    with contextlib.suppress(TimeoutError):
        await apache.aio(asyncio.wait_for(QUEUE.get(), 0.01))
    await QUEUE.get()


async def none_of_asyncios(conn: apache.AsyncConnection) -> None:
    "An attribute of None that has nothing to do with asyncio."
    await conn.close()
    nothing: Any = None
    nothing.create_future()
