"""asyncio's event loop behind ``apache.aio``: one per interpreter, on its own thread, made when it is first used.

``_lock`` guards ``_current`` and is held while a loop is made. The methods of ``_Loop`` run on the loop's thread;
``run`` runs on any thread that steps a coroutine. A set's ``add``, ``discard`` and copy are atomic under the GIL.
"""

import asyncio
import concurrent.futures
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from mod_python import _apache

T = TypeVar("T")


class _Loop:
    """An event loop, its thread, and the results that callers of ``run`` wait for.

    A task that raises ``SystemExit`` or ``KeyboardInterrupt``, or stops the loop, does not end the thread. If the loop
    itself fails or is closed, all callers get an exception, and the next call of ``run`` makes a new loop.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.waiting: set[Any] = set()
        self.is_over = False
        self.thread = threading.Thread(target=self._serve, name="asyncio", daemon=True)
        try:
            self.thread.start()
        except BaseException:
            self.loop.close()
            raise

    def _serve(self) -> None:
        reason = "it was closed"
        while not self.loop.is_closed():
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                # The awaiter of a task gets the exception as well; a callback has no awaiter.
                text = f"{error!r} was raised on asyncio's event loop: the loop continues"
                _apache.log_error(text, _apache.APLOG_WARNING)
            except BaseException as error:
                reason = repr(error)
                break
        self.is_over = True
        _apache.log_error(f"asyncio's event loop has ended ({reason}): the next apache.aio() makes a new one")
        for future in list(self.waiting):
            future.set(None, ended())
        with contextlib.suppress(Exception):
            self.loop.close()


_lock = threading.Lock()
_current: _Loop | None = None


def _forked() -> None:
    """Run in a forked process, on the thread that forked: keep the loop from running httpd's tasks there."""
    global _lock, _current
    running, _lock, _current = _current, threading.Lock(), None
    if running is not None and threading.current_thread() is running.thread:
        getattr(running.loop, "_ready", []).clear()  # asyncio's queue of callbacks that run next
        running.loop.call_soon(_end_fork)


def _end_fork() -> None:
    _apache.log_error(
        "a process that a task on asyncio's event loop has forked came back to the loop: it is no child of httpd and "
        "exits now; end it with os._exit(), or use multiprocessing",
        _apache.APLOG_WARNING,
    )
    os._exit(0)


os.register_at_fork(after_in_child=_forked)


def ended() -> RuntimeError:
    """Return the exception for callers whose loop has ended."""
    return RuntimeError("asyncio's event loop has ended: the error log says why")


def _running() -> _Loop:
    """Return the loop, and make it if there is none. Raise RuntimeError if its thread cannot start."""
    global _current
    with _lock:
        if _current is None or _current.is_over or _current.loop.is_closed():
            _current = _Loop()
        return _current


class _Answer:
    """A result that a coroutine on another event loop awaits; the thread of that loop is not blocked."""

    def __init__(self) -> None:
        self._future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def set(self, value: object, error: BaseException | None = None) -> None:
        """Set the value, or the exception to raise, on any thread. Only the first call counts."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            if error is None:
                self._future.set_result(value)
            else:
                self._future.set_exception(error)

    def __await__(self) -> Generator[Any, None, Any]:
        """Await the value on the event loop that runs in this thread."""
        return asyncio.wrap_future(self._future).__await__()


def _loop_here() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class _Call:
    """An awaitable that runs on the loop for a caller elsewhere, which awaits `future`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, awaitable: Awaitable[Any], future: Any) -> None:
        self._loop = loop
        self._awaitable = awaitable
        self._future = future
        self._task: asyncio.Future[Any] | None = None

    def on_loop(self, callback: Callable[[], None]) -> None:
        """Have the loop's thread call `callback`. Called on any thread."""
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the loop was closed meanwhile
            self._future.set(None, ended())

    def start(self) -> None:
        """Start the awaitable. Called on the loop's thread, as are the methods below."""
        try:
            self._task = asyncio.ensure_future(self._awaitable)
        except BaseException as error:
            self._future.set(None, error)
        else:
            self._task.add_done_callback(self._finish)

    def cancel(self) -> None:
        """Cancel the awaitable if it was started."""
        if self._task is not None:
            self._task.cancel()

    def _finish(self, task: "asyncio.Future[Any]") -> None:
        if task.cancelled():
            self._future.set(None, asyncio.CancelledError())
        elif error := task.exception():
            self._future.set(None, error)
        else:
            self._future.set(task.result())


async def run(awaitable: Awaitable[T]) -> T:
    """Run `awaitable` on the loop and return its result; if the caller is cancelled, so is the awaitable.

    A connection handler is parked meanwhile. On the loop itself the awaitable is awaited directly. A coroutine on
    another event loop, such as that of ``asyncio.run()``, awaits an asyncio future: no event loop is ever blocked.

    Raises:
        RuntimeError: the loop has ended, or its thread cannot start.
        BaseException: whatever the awaitable raises.
    """
    here = _loop_here()
    current = _current
    if here is not None and current is not None and here is current.loop:
        return await awaitable
    try:
        running = _running()
    except BaseException:
        if asyncio.iscoroutine(awaitable):
            awaitable.close()  # else Python warns that it was never awaited
        raise
    future = _apache._future() if here is None else _Answer()
    call = _Call(running.loop, awaitable, future)
    # First add, then look at is_over; the loop's thread first sets is_over, then looks at the set: no result is missed.
    running.waiting.add(future)
    try:
        call.on_loop(call.start)
        if running.is_over:
            future.set(None, ended())
        result: T = await future
        return result
    except BaseException:
        call.on_loop(call.cancel)
        raise
    finally:
        running.waiting.discard(future)
