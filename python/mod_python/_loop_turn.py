"""Turns of asyncio's loop that another thread takes while the loop's own thread waits for something to do.

The first step of a handler (``@apache.aio``) runs so on the thread of its request. A handler that never waits ends
there: no thread is woken for it, and none waits for the GIL.
"""

import asyncio
import sys
import threading
from asyncio import _set_running_loop
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mod_python._aio import _Loop


class LoopTurn:
    """Which thread runs the callbacks of a loop: that of the loop, unless it waits and another one has taken the turn.

    Args:
        running: the loop, which is one of asyncio's own.

    Attributes:
        taken: how many turns other threads have taken.
    """

    def __init__(self, running: "_Loop") -> None:
        self._running = running
        self._loop: Any = running.loop
        self._lock = threading.Lock()
        self._lock.acquire()
        self.taken = 0
        self.leave = self._lock.release  # the loop's thread waits from now on
        self.come_back = self._lock.acquire  # and has something to do, once no other thread has the turn
        self._is_usable = isinstance(self._loop, asyncio.BaseEventLoop)

    def take(self, begin: Callable[[], object]) -> bool | None:
        """Make a task by `begin`, and run its first step on this thread, in place of the loop's.

        Returns:
            Whether the loop has something to do then; None if its thread must do all that, and nothing was done.
        """
        if not (self._is_usable and self._lock.acquire(False)):
            return None
        try:
            if self._loop._ready or self._loop.is_closed():
                return None
            self.taken += 1
            return self._run(begin)
        finally:
            self._lock.release()

    def _run(self, begin: Callable[[], object]) -> bool:
        running, loop = self._running, self._loop
        scheduled, thread, hooks = len(loop._scheduled), loop._thread_id, sys.get_asyncgen_hooks()
        _set_running_loop(loop)
        loop._thread_id = threading.get_ident()
        sys.set_asyncgen_hooks(loop._asyncgen_firstiter_hook, loop._asyncgen_finalizer_hook)
        running.event.set_running(True)
        try:
            begin()
            if loop._ready:
                handle = loop._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        except BaseException as error:  # of a callback, which nobody awaits
            running.log_that_it_continues(error)
        finally:
            running.end_turn()
            running.event.set_running(False)
            sys.set_asyncgen_hooks(*hooks)
            loop._thread_id = thread
            _set_running_loop(None)
        return bool(loop._ready) or len(loop._scheduled) != scheduled
