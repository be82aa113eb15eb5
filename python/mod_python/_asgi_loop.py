"""The interpreter's asyncio loop (that of ``apache.aio``) as ASGI applications use it, and what is known of them there.

Threads of httpd post functions to the loop; the loop's thread calls the event of a thread that waits. What both sides
change is changed with the GIL, in single operations of deques, dicts and attributes.
"""

import asyncio
import contextvars
import math
import threading
import time
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from mod_python import _aio, _apache
from mod_python._failures import log_failure

if TYPE_CHECKING:
    from mod_python._asgi_exchange import Exchange

# What req._wait() watches of a client, and what it returns.
WATCH_BREAK, WATCH_END, WATCH_INPUT = 0, 1, 2
ENDED, BROKEN, ENDS_LATER, STOPS = 1, 2, 4, 8
# What _apache._stop_stage() returns when the time of PythonGracefulTimeout is over, and at a stop at once.
OVER, AT_ONCE = 2, 3

ASGI = {"version": "3.0", "spec_version": "2.5"}
_LIFESPAN = {"version": "3.0", "spec_version": "2.0"}
_PAUSE = 5.0  # seconds until a start that has failed is tried again
_LONG = 10.0  # seconds after which the log tells of a start that goes on
_TICK = 1.0  # seconds after which a thread looks whether the loop is still there
_STEP = 0.05  # the same for a child that stops, and whose applications are still used

_of_thread = threading.local()


class ClientGoneError(ConnectionResetError):
    """What a thread of httpd raises when the client has left: no error of the application."""

    _of_peer = True


class StoppingError(_apache.ShuttingDown):
    """What a thread of httpd raises when the child stops, and does not wait for the application any longer."""

    _of_peer = True

    def __init__(self) -> None:
        super().__init__("the server is about to stop")


def waker() -> Any:
    """Return the event that the loop, and the stop of the child, call for this thread."""
    try:
        return _of_thread.waker
    except AttributeError:
        _of_thread.waker = made = _apache._loop_event()
        _apache._tell_of_stop(made)
        return made


class AsgiLoop:
    """The loop, and the applications on it.

    Attributes:
        tasks: what runs, and the request that it answers, if any.
        end_has_begun: whether the applications are shut down.
    """

    def __init__(self, running: "_aio._Loop") -> None:
        self.running = running
        self.loop = running.loop
        self.event, self.post = running.event, running.post
        self._stop_event = _apache._loop_event()
        self.tasks: dict[asyncio.Task[None], Exchange | None] = {}
        self.lifespans: dict[Any, Lifespan] = {}
        self.newest: dict[str, Any] = {}
        self.end_has_begun = False
        self._end_is_over = threading.Event()
        self._stops: asyncio.Task[None] | None = None
        self.loop.call_soon_threadsafe(self.loop.add_reader, self._stop_event.fileno(), self._note_stop)
        _apache._tell_of_stop(self._stop_event)
        from mod_python._asgi_offers import Offers  # which imports this module

        Offers(self)

    def begin(
        self,
        work: Coroutine[Any, Any, None],
        context: contextvars.Context,
        name: str,
        exchange: "Exchange | None" = None,
    ) -> None:
        """Run a coroutine as a task, be it for a request, which calls `done` at its end; on the loop's thread."""
        try:
            task = self.new_task(work, context, name)
        except BaseException as error:  # raised by a task factory
            work.close()
            if exchange is None:
                log_failure(f"{name} cannot run:", error)
            else:
                exchange.fail(error)
        else:
            if not task.done():  # an eager one may be
                self.tasks[task] = exchange

    def new_task(
        self, work: Coroutine[Any, Any, None], context: contextvars.Context, name: str
    ) -> "asyncio.Task[None]":
        """Return a new task. Raises what a task factory of the applications raises."""
        if self.loop.get_task_factory() is not None:  # it may be of a time when it was given neither context nor name
            task = context.run(self.loop.create_task, work)
            if isinstance(task, asyncio.Task):
                task.set_name(name)
            return task
        return self.loop.create_task(work, name=name, context=context)

    def _own_task(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Return a new task for the loop itself, which no task factory keeps from that."""
        return asyncio.Task(work, loop=self.loop, context=contextvars.Context())

    def done(self) -> None:
        """Forget the task that calls this, at its end: a callback would need another turn of the loop."""
        if task := asyncio.current_task(self.loop):
            self.tasks.pop(task, None)

    def has_ended(self) -> bool:
        """Return whether the loop runs no more."""
        return self.running.is_over or self.loop.is_closed()

    def lifespan(self, application: Any, name: str) -> "Lifespan":
        """Return the lifespan of an application; an older version of it under the same name is shut down."""
        newest = self.newest.get(name)
        if newest is not None and newest == application:
            return self.lifespans[newest]
        with _lock:
            found = self.lifespans.get(application)
            if found is None:
                found = self.lifespans[application] = Lifespan(self, application, name)
            old, self.newest[name] = self.newest.get(name), application
            if old is not None and old != application and old not in self.newest.values():
                gone = self.lifespans.pop(old)
                self.post(lambda: self.begin(gone.shut_down(), contextvars.Context(), f"lifespan of {name}"))
                self.event.call()
        return found

    def _note_stop(self) -> None:
        self._stop_event.taken()
        if self._stops is None and shutdown_time() > 0:
            self._stops = self._own_task(self._stop())

    async def _stop(self) -> None:
        """End all when the child must be at its end, whatever else keeps it from that."""
        while (stage := _apache._stop_stage()) < OVER or (stage < AT_ONCE and self._is_waited_for()):
            await asyncio.sleep(_STEP)
        self._begin_end()

    def _is_waited_for(self) -> bool:
        return any(exchange is not None and not exchange.is_gone for exchange in self.tasks.values())

    def _answering(self) -> Iterator["asyncio.Task[None]"]:
        """Iterate over the tasks whose response is not complete, those left for the stop of the child included."""
        for task, exchange in self.tasks.items():
            if exchange is not None and not exchange.is_complete and (exchange.is_stopped or not exchange.is_gone):
                yield task

    def end(self) -> None:
        """End what runs, and all lifespans: at the end of the child, on its main thread."""
        if self.has_ended() or not (self.tasks or self.lifespans):
            return
        self.post(self._begin_end)
        self.event.call()
        while not self._end_is_over.wait(_TICK):
            if self.has_ended():
                return

    def _begin_end(self) -> None:
        if not self.end_has_begun:
            self.end_has_begun = True
            self._stops = self._own_task(self._end())

    async def _end(self) -> None:
        try:
            for task in self._answering():
                task.cancel()
            if self.tasks:
                _, left = await asyncio.wait(self.tasks, timeout=shutdown_time() / 2)
                for task in left:
                    task.cancel()
                if left:
                    await asyncio.wait(left, timeout=shutdown_time() / 4)
            for lifespan in self.lifespans.values():
                lifespan.give_up_start()
            await asyncio.gather(*(self._own_task(one.shut_down()) for one in self.lifespans.values()))
        finally:
            self._end_is_over.set()


def shutdown_time() -> float:
    """Return the time of PythonShutdownTimeout, in seconds."""
    return float(_apache._shutdown_time())


_lock = threading.Lock()
_current: AsgiLoop | None = None


def usable_loop() -> AsgiLoop:
    """Return the loop of this interpreter; it is made at the first request.

    Raises:
        RuntimeError: its thread cannot start.
    """
    global _current
    found = _current
    if found is not None and not found.has_ended():
        return found
    running = _aio._usable_loop()
    with _lock:
        if _current is None or _current.running is not running:
            _current = AsgiLoop(running)
            _apache.register_cleanup(_end, _current)
        return _current


def _end(loop: AsgiLoop) -> None:
    loop.end()


class Lifespan:
    """The lifespan of an application in this interpreter (lifespan protocol 2.0).

    Attributes:
        state: the namespace of the application, of which each request gets a shallow copy.
        task: what runs the application for it, while that runs.
    """

    def __init__(self, loop: AsgiLoop, application: Any, name: str) -> None:
        self.state: dict[str, Any] = {}
        self.task: asyncio.Task[None] | None = None
        self.is_ready = False
        self._loop, self._application, self._name = loop, application, name
        self._is_starting = self._is_long = False
        self._begun = self._again = 0.0
        self._waiting: set[Any] = set()
        self._why: str | None = None
        self._shutdown = asyncio.Event()
        self._has_shut_down = asyncio.Event()
        self._is_asked = False

    def start(self, req: Any) -> None:
        """Wait until the application has started; one of the threads that come first starts it.

        Raises:
            SERVER_RETURN: with 503, if it could not start a short time ago, or has been starting for too long.
            ClientGoneError: the client has left before; the start goes on.
            StoppingError: the child stops.
        """
        own = waker()
        try:
            while not self.is_ready:
                with _lock:
                    if not self.is_ready and not self._is_starting:  # another start may just have ended
                        if (left := self._again - time.monotonic()) > 0:
                            _refuse(req, left)
                        self._is_starting, self._why = True, None
                        self._begun, self._is_long = time.monotonic(), False
                        self._loop.post(self._begin)
                self._waiting.add(own)
                while self._is_starting:
                    self._look_at_time(req)
                    found = req._wait(own, self._loop.event, WATCH_BREAK, _TICK)
                    if found & BROKEN:
                        raise ClientGoneError("the client has left")
                    if found & STOPS and _apache._stop_stage() >= OVER:
                        raise StoppingError
                    if self._loop.has_ended():
                        raise _aio.ended()
        finally:
            self._waiting.discard(own)

    def _look_at_time(self, req: Any) -> None:
        """Refuse the request if the start has taken longer than Timeout, and tell of a start that takes long."""
        passed, limit = time.monotonic() - self._begun, req.server.timeout
        with _lock:
            is_news = passed > min(_LONG, limit) and not self._is_long
            self._is_long = self._is_long or is_news
        if is_news:
            text = (
                f"{self._name} has not started in interpreter {req.interpreter} for {passed:.0f} s: its requests wait "
                f"for up to {limit:.0f} s (Timeout), then they get 503 until it has started; PythonDumpSignal shows "
                "what its lifespan.startup waits for"
            )
            _apache.log_error(text, _apache.APLOG_WARNING)
        if passed > limit:
            _refuse(req, _PAUSE)

    def _begin(self) -> None:
        if self.task is not None:
            self.task.cancel()  # of a start that has failed, and does not end
        self.state = {}
        self._shutdown, self._has_shut_down, self._is_asked = asyncio.Event(), asyncio.Event(), False
        work = self._run()
        try:
            self.task = self._loop.new_task(work, contextvars.Context(), f"lifespan of {self._name}")
        except BaseException as error:  # raised by a task factory
            work.close()
            text = f"{self._name} could not start; requests get 503, and it is tried again after {_PAUSE:.0f} s:"
            log_failure(text, error)
            self._started(False)

    async def _run(self) -> None:
        scope, shutdown = {"type": "lifespan", "asgi": dict(_LIFESPAN), "state": self.state}, self._shutdown
        try:
            await self._application(scope, self._receive, self._send)
            error = None
        except asyncio.CancelledError:
            error = "it was cancelled"
        except BaseException as raised:
            error = f"it raised {raised!r}"
            if self.is_ready or self._shutdown.is_set():
                log_failure(f"the lifespan of {self._name} failed:", raised)
        if shutdown is not self._shutdown:
            return  # it was tried again
        if self._shutdown.is_set() and not self.is_ready:
            self._started(False)
        elif not self.is_ready and self._why is None:
            # Applications that know no lifespan raise, or return; their requests are served all the same.
            how = error or "it returned"
            text = f"{self._name} has no lifespan: {how} before lifespan.startup.complete"
            _apache.log_error(text, _apache.APLOG_INFO)
            self._started(True)
        self.task = None
        self._has_shut_down.set()

    async def _receive(self) -> dict[str, Any]:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "lifespan.startup"}
        await self._shutdown.wait()
        if self._has_shut_down.is_set():
            await asyncio.Event().wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Any) -> None:
        kind, text = message["type"], message.get("message", "")
        is_over = self.is_ready or self._why is not None
        if kind == "lifespan.startup.complete" and not is_over:
            self._started(True)
        elif kind == "lifespan.startup.failed" and not is_over:
            self._why = str(text)
            _apache.log_error(
                f"{self._name} could not start; requests get 503, and it is tried again after {_PAUSE:.0f} s: "
                f"{self._why.rstrip()}"
            )
            self._started(False)
        elif kind == "lifespan.shutdown.complete" and self._shutdown.is_set():
            self._has_shut_down.set()
        elif kind == "lifespan.shutdown.failed" and self._shutdown.is_set():
            _apache.log_error(f"{self._name} could not shut down: {str(text).rstrip()}")
            self._has_shut_down.set()
        else:
            raise RuntimeError(f"{kind!r} is no message that a lifespan may send now")

    def _started(self, is_ready: bool) -> None:
        self.is_ready = is_ready
        if not is_ready:
            self._again = time.monotonic() + _PAUSE
        elif self._is_long:
            text = f"{self._name} has started after {time.monotonic() - self._begun:.0f} s"
            _apache.log_error(text, _apache.APLOG_NOTICE)
        self._is_starting = False
        for waiting in list(self._waiting):
            waiting.call()

    def give_up_start(self) -> None:
        """End a start that is not over; on the loop's thread."""
        if self.task is not None and self._is_starting:
            self._shutdown.set()
            self.task.cancel()

    async def shut_down(self) -> None:
        """Have the application shut down, if it has started and is still there; on the loop's thread."""
        if self.task is not None and self.is_ready:
            self._shutdown.set()
            await self._has_shut_down.wait()
        self._loop.done()


def _refuse(req: Any, seconds: float) -> NoReturn:
    req.err_headers_out["Retry-After"] = str(max(1, math.ceil(seconds)))
    raise _apache.SERVER_RETURN(_apache.HTTP_SERVICE_UNAVAILABLE)
