"""asyncio's own event loop: one per interpreter, on a thread of its own, started when it is first asked for."""

import asyncio
import threading
from collections.abc import Awaitable
from typing import TypeVar

from mod_python import _apache

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="asyncio", daemon=True).start()
        return _loop


async def run(awaitable: Awaitable[T]) -> T:
    """Run `awaitable` on the loop, and wait for it as httpd waits; who stops waiting cancels it."""
    loop = _running_loop()
    pending = _apache._pending()
    task: asyncio.Future[T] | None = None

    def start() -> None:
        nonlocal task
        try:
            task = asyncio.ensure_future(awaitable)
        except (TypeError, ValueError) as error:
            pending.set(None, error)
        else:
            task.add_done_callback(finish)

    def finish(task: "asyncio.Future[T]") -> None:
        if task.cancelled():
            pending.set(None, asyncio.CancelledError())
        elif error := task.exception():
            pending.set(None, error)
        else:
            pending.set(task.result())

    def cancel() -> None:
        if task is not None:
            task.cancel()

    loop.call_soon_threadsafe(start)
    try:
        result: T = await pending
        return result
    except BaseException:
        loop.call_soon_threadsafe(cancel)
        raise
