"""asyncio's event loop behind ``apache.aio``: one per interpreter, on its own thread, made when it is first used.

``_lock`` guards ``_current`` and is held while a loop is made. The methods of ``_Loop`` run on the loop's thread;
``run`` runs on any thread that steps a coroutine. The operations of dictionaries and deques are atomic under the GIL.
"""

import asyncio
import collections
import concurrent.futures
import contextlib
import contextvars
import functools
import os
import select
import selectors
import signal
import threading
import types
from asyncio import _get_running_loop as _running_loop  # None where no loop runs; the public function raises
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from mod_python import _apache
from mod_python._contexts import copy_context
from mod_python._forks import guard_programs
from mod_python._loop_tasks import has_own_factory, look_after

T = TypeVar("T")


def _log_that_loop_continues(error: BaseException) -> None:
    text = f"{error!r} was raised on asyncio's event loop: the loop continues"
    _apache.log_error(text, _apache.APLOG_WARNING)


def _new_loop() -> asyncio.AbstractEventLoop:
    """Make a loop, as PythonOption mod_python.event_loop says, else the policy of asyncio."""
    if _apache.main_server.get_options().get("mod_python.event_loop") == "uvloop":
        try:
            import uvloop
        except ImportError as error:  # it is not there, or refuses a second interpreter
            text = f"interpreter {_apache.interpreter} has asyncio's own event loop, and not uvloop's: {error}"
            _apache.log_error(text, _apache.APLOG_WARNING)
        else:
            loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
            guard_programs(loop)
            return loop
    return asyncio.new_event_loop()


class _Selector(selectors.EpollSelector):
    """The selector of a loop, which takes what other threads have posted before the loop runs its callbacks.

    So what is posted begins in the same turn of the loop, and a loop that does not wait need not be called.
    """

    def __init__(self, running: "_Loop") -> None:
        super().__init__()
        own = running.event.fileno()
        self.register(own, selectors.EVENT_READ)
        # Edge-triggered, so that the event need not be read.
        self._selector.modify(own, select.EPOLLIN | select.EPOLLET)  # type: ignore[attr-defined]
        self._running, self._wait, self._key_of = running, running.event.wait, self.get_map().get
        self.is_of_fork = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.is_of_fork:
            return []  # else it would take what is for its parent
        running = self._running
        if running.ending:
            running.end_turn()
        found = self._wait(self.fileno(), running.posted, timeout)
        ready = []
        for descriptor, mask in found or ():
            if key := self._key_of(descriptor):
                events = selectors.EVENT_WRITE if mask & ~select.EPOLLIN else 0
                if mask & ~select.EPOLLOUT:
                    events |= selectors.EVENT_READ
                ready.append((key, events & key.events))
        running.take()
        return ready


class _Loop:
    """An event loop, its thread, and the results that callers of ``run`` wait for.

    A task that raises ``SystemExit`` or ``KeyboardInterrupt``, or stops the loop, does not end the thread. If the loop
    itself fails or is closed, all callers get an exception, and the next call of ``run`` makes a new loop.
    """

    def __init__(self) -> None:
        self.waiting: dict[Any, asyncio.Task[None] | None] = {}
        self.posted: collections.deque[Callable[[], object]] = collections.deque()
        self.post = self.posted.append  # has the loop call a function when its event is called; any thread
        # What begins a request that a thread of httpd has offered: to a handler (True), to an application (False).
        self.begins: dict[bool, Callable[[Any], object]] = {}
        self.is_over = False
        self.event = _apache._loop_event()
        self.loop = _new_loop()
        self.selector: _Selector | None = None
        self.ending: list[Callable[[], object]] = []  # what is called when the loop has run what it runs now
        self.thread = threading.Thread(target=self._serve, name="asyncio", daemon=True)
        try:
            self._watch_event()
            look_after(self)
            _apache._accept_requests(self.event)
            self.thread.start()
        except BaseException:
            _apache._refuse_requests(self.event)
            self.loop.close()
            raise

    def _watch_event(self) -> None:
        found = getattr(self.loop, "_selector", None)  # asyncio's own loops have one, others such as uvloop's do not
        if type(found) is not selectors.EpollSelector:
            self.loop.add_reader(self.event.fileno(), self._called)
            return
        self.selector = _Selector(self)
        for key in found.get_map().values():
            self.selector.register(key.fileobj, key.events, key.data)
        found.close()
        self.loop._selector = self.selector  # type: ignore[attr-defined]

    def _called(self) -> None:
        self.event.taken()  # first: who posts from now on calls the loop again
        self.take()

    def at_end(self, function: Callable[[], object]) -> None:
        """Call a function when the loop has run what it runs now; on the loop's thread."""
        if self.selector is None:
            self.loop.call_soon(function)
        else:
            self.ending.append(function)

    def end_turn(self) -> None:
        """Call what is to be called when the loop has run what it runs now; on the loop's thread."""
        self.event.give_back()
        ending, self.ending = self.ending, []
        for function in ending:
            function()

    def take(self) -> None:
        """Call what was posted; on the loop's thread."""
        for _ in range(len(self.posted)):
            function = self.posted.popleft()
            try:
                function()
            except BaseException as error:  # such as one of a task factory
                self.loop.call_exception_handler({"message": f"{function!r} failed", "exception": error})
        for offer in _apache._offered_requests():
            try:
                self.begins[offer.is_for_handler](offer)
            except BaseException:  # the request's own thread tells of it
                offer.call()

    def begin(self, future: Any, serving: Coroutine[Any, Any, None], context: contextvars.Context) -> None:
        """Run a coroutine, which fulfils a caller's future, as a task; on the loop's thread."""
        create_task = self.loop.create_task
        try:
            if has_own_factory(self.loop):  # it may be of a time when tasks were not given their context
                task = context.run(create_task, serving)
            else:
                task = asyncio.Task(serving, loop=self.loop, name="apache.aio", context=context)  # as create_task does
            if future in self.waiting:  # an eager task may be over
                self.waiting[future] = task
        except BaseException as error:  # raised by a task factory
            future.set(None, error)  # first: else the end of the coroutine is the result
            serving.close()

    def cancel(self, future: Any) -> None:
        """Cancel the task for a caller's future; on the loop's thread."""
        if (task := self.waiting.get(future)) is not None:
            task.cancel()

    def _serve(self) -> None:
        reason = "it was closed"
        if self.selector is None:  # uvloop learns of ends of processes by this signal, which httpd's threads block
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        self.event.set_loop(True, None if self.selector else lambda: self.at_end(self.event.give_back))
        while not self.loop.is_closed():
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                _log_that_loop_continues(error)  # raised in a callback, which nobody awaits
            except BaseException as error:
                reason = repr(error)
                break
        _apache._refuse_requests(self.event)
        self.is_over = True
        self.event.set_loop(False)
        self.event.give_back()
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
        if running.selector is not None:
            running.selector.is_of_fork = True
        getattr(running.loop, "_ready", []).clear()  # asyncio's queue of callbacks that run next
        # Python 3.14 raises where a task comes back to a loop that is not the running one, which none is in a fork.
        running.loop.set_exception_handler(lambda _loop, _context: None)
        running.loop.call_soon(_end_fork)


def refuses_fork() -> bool:
    """Return whether this thread runs a loop that would go on with httpd's tasks in a forked process, as uvloop's."""
    running = _current
    if running is None or threading.current_thread() is not running.thread:
        return False
    return not hasattr(running.loop, "_ready")


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


def _usable_loop() -> _Loop:
    """Return the loop, and make it if there is none. Raise RuntimeError if its thread cannot start."""
    global _current
    with _lock:
        if _current is None or _current.is_over or _current.loop.is_closed():
            # The loop keeps the context for what it calls later, and works for no single client.
            _current = contextvars.Context().run(_Loop)
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


@types.coroutine
def _pause() -> Generator[None, None, None]:
    yield


async def _serve(running: _Loop, awaitable: Awaitable[Any], future: Any) -> None:
    """Await `awaitable` in a task of the loop, and give its result to the caller elsewhere, who awaits `future`.

    The first line is run before the task is made: then one that is cancelled before it runs tells that, too.
    """
    is_begun = False
    try:
        await _pause()
        is_begun = True
        value = await awaitable
    except BaseException as error:
        if asyncio.iscoroutine(awaitable):
            awaitable.close()  # else Python warns of one that was cancelled before it ran
        if isinstance(error, GeneratorExit) and not is_begun:
            raise  # the task could not be made: `begin` tells why
        future.set(None, error)
        if isinstance(error, SystemExit | KeyboardInterrupt):
            _log_that_loop_continues(error)
        elif isinstance(error, asyncio.CancelledError):
            raise
    else:
        future.set(value)
    finally:
        running.waiting.pop(future, None)


async def run(awaitable: Awaitable[T]) -> T:
    """Run `awaitable` on the loop and return its result; if the caller is cancelled, so is the awaitable.

    A connection handler is parked meanwhile. On the loop itself the awaitable is awaited directly. A coroutine on
    another event loop, such as that of ``asyncio.run()``, awaits an asyncio future: no event loop is ever blocked.

    Raises:
        RuntimeError: the loop has ended, or its thread cannot start.
        BaseException: whatever the awaitable raises.
    """
    here, running = _running_loop(), _current
    if running is None or running.is_over or running.loop.is_closed():
        try:
            running = _usable_loop()
        except BaseException:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()  # else Python warns that it was never awaited
            raise
    if here is None:
        future: Any = running.event.future()
    elif here is running.loop:
        return await awaitable
    else:
        future = _Answer()
    serving = _serve(running, awaitable, future)
    serving.send(None)
    # First add, then look at is_over; the loop's thread first sets is_over, then looks: no result is missed.
    running.waiting[future] = None
    try:
        running.post(functools.partial(running.begin, future, serving, copy_context()))
        if here is not None:
            running.event.call()  # else the await below does so
        if running.is_over:
            future.set(None, ended())
        result: T = await future
        return result
    except BaseException:
        running.post(functools.partial(running.cancel, future))
        running.event.call()
        raise
