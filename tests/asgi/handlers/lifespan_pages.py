"""Applications whose lifespan is tested."""

import asyncio
import os
import sys
import threading
from pathlib import Path
from typing import Any

from mod_python import _asgi_loop

STARTS = {"slow": 0, "failing": 0, "late": 0, "raced": 0}


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


class LockOfTheSlow:
    "Lets those who look whether they are to start the application in when that has started."

    def __init__(self) -> None:
        self._lock = _asgi_loop._lock
        self.others_come, self.is_started = threading.Event(), threading.Event()

    def __enter__(self) -> None:
        if sys._getframe(1).f_code.co_name == "start":
            self.others_come.set()
            self.is_started.wait(20)
        self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()


async def raced(scope: Any, receive: Any, send: Any) -> None:
    "It has started before its second request looks whether it is to start it."
    if scope["type"] != "lifespan":
        await _answer(send, str(STARTS["raced"]))
        return
    await receive()
    STARTS["raced"] += 1
    lock, _asgi_loop._lock = _asgi_loop._lock, LockOfTheSlow()  # type: ignore[assignment]
    print("raced starts")
    await asyncio.to_thread(_asgi_loop._lock.others_come.wait, 20)
    await send({"type": "lifespan.startup.complete"})
    _asgi_loop._lock.is_started.set()
    _asgi_loop._lock = lock
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def failing(scope: Any, receive: Any, send: Any) -> None:
    "Its first start fails, and does not end before the second one."
    if scope["type"] != "lifespan":
        await _answer(send, str(STARTS["failing"]))
        return
    await receive()
    STARTS["failing"] += 1
    if STARTS["failing"] == 1:
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        await asyncio.Event().wait()
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
