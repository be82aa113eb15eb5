"""Coroutines for the publisher."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

from mod_python import apache

forgotten = "nothing yet"


async def hello(req: apache.Request, name: str = "nobody") -> str:
    here = threading.get_ident()
    await asyncio.sleep(0.001)
    req.headers_out["X-Same-Thread"] = str(here == threading.get_ident())
    return f"hello {name}"


async def shared(req: apache.Request) -> str:
    return await apache.aio(_thread_name())


async def _thread_name() -> str:
    return threading.current_thread().name


async def pieces(req: apache.Request) -> AsyncIterator[str]:
    for number in range(3):
        await asyncio.sleep(0)
        yield f"{number} "


async def endless(req: apache.Request) -> AsyncIterator[bytes]:
    try:
        while True:
            yield b"x" * 65536
    finally:
        await asyncio.sleep(0)
        apache.log_error("the async generator was closed", apache.APLOG_NOTICE)


async def fails(req: apache.Request) -> None:
    await asyncio.sleep(0)
    raise KeyError("in a coroutine")


async def leaves_a_task(req: apache.Request) -> str:
    global forgotten
    forgotten = "running"
    asyncio.get_running_loop().create_task(_forgotten())
    await asyncio.sleep(0)
    return "left"


async def _forgotten() -> None:
    global forgotten
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        forgotten = "cancelled"
        raise


def state() -> str:
    return forgotten


class Caller:
    async def __call__(self) -> Any:
        return {"called": True}

    async def method(self) -> Any:
        return hello


caller = Caller()
