"""What the async forms of sessions wait by: a thread of asyncio's for what blocks, so that nobody else waits."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from mod_python import apache
from mod_python._sessions.locks import Held, Locks, delays

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns on another thread. It may not use the request, which belongs to this one."""
    return await apache.aio(asyncio.to_thread(work))


class _Try:
    """One try to take a lock on another thread, whose result nobody may wait for any more."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._guard = threading.Lock()
        self._is_taken = False
        self._is_given_up = False

    def run(self) -> bool:
        is_taken = self._held.try_once()
        with self._guard:
            self._is_taken = is_taken
            is_unwanted = is_taken and self._is_given_up
        if is_unwanted:
            self._held.release()
        return is_taken

    def give_up(self) -> None:
        with self._guard:
            self._is_given_up = True
            is_taken = self._is_taken
        if is_taken:
            self._held.release()


async def acquire(locks: Locks, key: str, owner: int, timeout: float) -> Held | None:
    """Wait for a lock as `Held.acquire` does; no thread is held between two tries."""
    held = Held(locks, key, owner)
    waits = delays(timeout)
    while True:
        taking = _Try(held)
        try:
            if await in_thread(taking.run):
                return held
            delay = next(waits, None)
            if delay is None:
                return None
            await apache.aio(asyncio.sleep(delay))
        except BaseException:
            taking.give_up()  # the client has left, or the server stops
            raise
