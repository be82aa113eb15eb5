"""Applications whose lifespan is tested."""

import asyncio
import os
from pathlib import Path
from typing import Any

STARTS = {"slow": 0, "failing": 0, "late": 0}


async def _answer(send: Any, text: str) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": text.encode()})


async def slow(scope: Any, receive: Any, send: Any) -> None:
    "It takes its time to start and to shut down."
    if scope["type"] != "lifespan":
        await _answer(send, f"{STARTS['slow']} {scope['state']['name']}")
        return
    await receive()
    STARTS["slow"] += 1
    await asyncio.sleep(0.3)
    scope["state"]["name"] = "slow"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.sleep(0.3)
    print(f"slow has shut down in {os.getpid()}")
    await send({"type": "lifespan.shutdown.complete"})


async def failing(scope: Any, receive: Any, send: Any) -> None:
    "Its first start fails."
    if scope["type"] != "lifespan":
        await _answer(send, str(STARTS["failing"]))
        return
    await receive()
    STARTS["failing"] += 1
    if STARTS["failing"] == 1:
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "no database to close"})


async def late(scope: Any, receive: Any, send: Any) -> None:
    "It starts long after its first client has left."
    if scope["type"] != "lifespan":
        await _answer(send, str(STARTS["late"]))
        return
    await receive()
    STARTS["late"] += 1
    print("late starts")
    await asyncio.sleep(2)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def stuck(scope: Any, receive: Any, send: Any) -> None:
    "It does not start before a file is there."
    if scope["type"] != "lifespan":
        await _answer(send, "stuck no more")
        return
    await receive()
    print("stuck starts")
    try:
        while not (Path(__file__).parent / "may_start").exists():
            await asyncio.sleep(0.05)
    finally:
        print("the start of stuck ends")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def none(scope: Any, _receive: Any, send: Any) -> None:
    "It knows no lifespan."
    assert scope["type"] == "http"
    await _answer(send, "none")


async def wrong(scope: Any, receive: Any, send: Any) -> None:
    "It sends what it may not, and starts."
    if scope["type"] != "lifespan":
        await _answer(send, scope["state"]["error"])
        return
    await receive()
    try:
        await send({"type": "lifespan.shutdown.complete"})
    except RuntimeError as error:
        scope["state"]["error"] = str(error)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    raise KeyError("in the shutdown")


async def working(scope: Any, _receive: Any, send: Any) -> None:
    "What it does after its response is waited for at the end of the child."
    if scope["type"] != "http":
        return
    await _answer(send, "working")
    await asyncio.sleep(0.5)
    print("the work is done")
