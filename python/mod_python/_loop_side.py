"""What a handler that runs as a task on asyncio's loop (``@apache.aio``) shares with the thread of httpd's.

The task uses ``req`` or ``conn`` itself. What it awaits of them comes here (``src/python/connection/on_loop.rs``), and
is queued for the driver (`mod_python._aio_exchange`), which does it on a thread of httpd's. The methods here run on the
loop's thread; the attributes without an underscore are changed by both sides, with the GIL.
"""

import asyncio
import collections
import contextvars
import functools
from asyncio import _get_running_loop as _running_loop
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any, Self

from mod_python import _aio
from mod_python._contexts import copy_context
from mod_python._failures import log_failure
from mod_python._loop_tasks import served

AHEAD = 65536  # bytes that a handler may be ahead of what is sent
# What is done without being awaited, and what takes bytes that are to be read.
_RUNS_SOON = frozenset(("write", "flush", "sendfile", "close", "internal_redirect", "_heartbeat"))
_READS = frozenset(("read", "readline", "readlines", "readexactly", "readuntil", "__anext__"))


class Operation:
    """Something of ``req`` or ``conn`` that is awaited: a method to be called on a thread of httpd's.

    Args:
        exchange: where it is queued.
        name: the method's name.
        arguments: its arguments, by position.
        keywords: its arguments by name.

    Attributes:
        size: how many bytes it writes.
        runs_soon: whether it is done without being awaited.
        is_of_client: whether it waits for the client.
        is_awaited: whether something waits for its result.
        is_withdrawn: whether nothing does any more.
    """

    size = 0
    is_awaited = is_done = is_withdrawn = _is_queued = False
    value: Any = None
    error: BaseException | None = None
    _future: "asyncio.Future[Any] | None" = None
    _steps: Generator[Any, None, Any] | None = None

    def __init__(self, exchange: "Exchange", name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self._exchange, self.name, self.arguments, self.keywords = exchange, name, arguments, keywords
        self.runs_soon, self.is_of_client = name in _RUNS_SOON, name != "sleep"

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait until httpd's thread has done it, but for a write, which waits only while too much is ahead."""
        exchange = self._exchange
        if not self.is_done:
            if self.name == "write" and exchange.broken is None and exchange.is_near() and not exchange.is_gone:
                return None
            if not self._is_queued:
                self.queue()
            self.is_awaited = True
            future = self._future = exchange.running.loop.create_future()
            exchange.awaited += self.is_of_client
            try:
                yield from future
            except BaseException:
                exchange.withdraw(self)
                raise
            finally:
                exchange.awaited -= self.is_of_client
        if exchange.failed is self:
            exchange.failed = None
        if self.error is None:
            return self.value
        error = self.error
        try:
            raise error
        finally:
            del error, exchange, self  # else the error has, by its traceback, what has it

    # asyncio makes tasks of coroutines only: with these methods, this is one.
    def send(self, value: None) -> Any:
        """Go on, as what `__await__` returns does."""
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with an exception, as what `__await__` returns does."""
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps.throw(*error)

    def close(self) -> None:
        """End the wait."""
        if self._steps is not None:
            self._steps.close()

    def queue(self) -> None:
        """Queue it for httpd's thread."""
        self._is_queued = True
        self._exchange.queue(self)

    def fulfil(self) -> None:
        """Have what waits for it go on."""
        if self._future is not None and not self._future.done():
            self._future.set_result(None)


Coroutine.register(Operation)


class Pieces:
    """The pieces of a body, or the lines of a connection."""

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Operation:
        return Operation(self._exchange, "__anext__", (), {})


@coroutine
def _pause() -> Generator[None, None, None]:
    yield


class Exchange:
    """A handler on the loop, and what its thread of httpd's does for it.

    Args:
        running: the loop.
        target: ``req`` or ``conn``; None when it is over.
        function: the handler.
        what: how logs call what it works for; the request line, or else whose connection it is.

    Attributes:
        context: the context in which the handler runs.
        posted: what is to be done on httpd's thread.
        done: what was done there; made with the driver.
        sent: how many bytes were sent.
        finished: how many operations that the handler need not await were done.
        awaited: how many operations are awaited that wait for the client.
        is_moving: whether the handler waits for its client, as `look` has found.
        broken: why nothing can be sent any more.
        failed: an operation that has failed, which nothing has awaited.
        bell: the future by which httpd's thread is called.
        is_over: whether the handler has ended.
        is_gone: whether httpd's thread has left it.
    """

    context: contextvars.Context
    done: "collections.deque[Operation]"
    sent = finished = awaited = _written = _begun = 0
    is_moving: bool | None = None
    broken: BaseException | None = None
    failed: Operation | None = None
    is_over = is_gone = _is_called = False
    bell: Any = None
    value: Any = None
    error: BaseException | None = None
    _idle: "asyncio.Future[None] | None" = None

    def __init__(
        self, running: "_aio._Loop", target: Any, function: Callable[..., Awaitable[Any]], what: str | None = None
    ) -> None:
        self.running, self.target = running, target
        self.posted: collections.deque[Operation] = collections.deque()
        self._function = function
        self.what: str = what or getattr(target, "the_request", None) or f"a connection of {client_of(target)}"

    def begin(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Have the loop run the handler in a copy of the current context; on httpd's thread."""
        context = self.context = copy_context()
        context.run(served.set, self)
        serving = self._serve(self._function(*arguments, **named))
        serving.send(None)
        running = self.running
        running.waiting[self] = None
        running.post(functools.partial(running.begin, self, serving, context))

    async def _serve(self, handler: Any) -> None:
        """Run the handler.

        The first line is run before the task is made: then one that is cancelled before it runs ends here, too.
        """
        is_begun = False
        try:
            await _pause()
            is_begun = True
            value = await self._steps(handler)
        except BaseException as error:
            handler.close()  # else Python warns of one that was cancelled before it ran
            if self.is_over or self.running.is_over or (isinstance(error, GeneratorExit) and not is_begun):
                raise  # of a loop that has ended, or a task that could not be made: `set` tells that
            self._end(None, error)
            if isinstance(error, SystemExit | KeyboardInterrupt):
                _aio._log_that_loop_continues(error)
            elif isinstance(error, asyncio.CancelledError):
                raise
        else:
            self._end(value, None)

    def _end(self, value: object, error: BaseException | None) -> None:
        self.running.waiting.pop(self, None)
        if self.is_gone:
            self._log(error)
            return
        self.value, self.error, self.is_over = value, error, True
        self._call_soon()

    @coroutine
    def _steps(self, handler: Any) -> Generator[Any, None, Any]:
        """Step the handler, but not while httpd's thread sends what it has not awaited."""
        raised: BaseException | None = None
        while True:
            try:
                awaited = handler.send(None) if raised is None else handler.throw(raised)
            except StopIteration as end:
                return end.value
            finally:
                raised = None
            try:
                yield awaited
                while self.is_busy():
                    self._idle = self.running.loop.create_future()
                    yield from self._idle
            except BaseException as error:
                raised = error

    def is_busy(self) -> bool:
        """Return whether httpd's thread has something to do that the handler need not await."""
        return self._begun > self.finished and not self.is_gone

    def is_near(self) -> bool:
        """Return whether little that was written is not sent."""
        return self._written - self.sent <= AHEAD

    def set(self, value: object, error: BaseException | None = None) -> None:
        """End the handler, whose task could not be made, or whose loop has ended."""
        self.running.waiting.pop(self, None)
        self.value, self.error, self.is_over = value, error, True
        if self.bell is not None:
            self.bell.set(None)

    def operation(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        """Return what a method of ``req`` or ``conn`` returns here.

        Raises:
            RuntimeError: the handler has ended.
            TypeError: data of a wrong type is written.
        """
        if self.is_over or self.is_gone:
            raise _over()
        if name == "__aiter__":
            return Pieces(self)
        operation = Operation(self, name, arguments, keywords)
        if name == "write":
            operation.arguments = (_kept(arguments[0]), *arguments[1:])
            operation.size = len(operation.arguments[0])
        if operation.runs_soon:
            operation.queue()
        return operation

    def queue(self, operation: Operation) -> None:
        """Queue an operation for httpd's thread."""
        if self.is_over or self.is_gone:
            raise _over()
        self._written += operation.size
        self._begun += operation.runs_soon
        self.posted.append(operation)
        self._call_soon()

    def withdraw(self, operation: Operation) -> None:
        """Nothing waits for an operation any more. What it has read is read by the next one."""
        operation.is_withdrawn = True
        if not operation.is_done:
            self._call_soon()
        elif operation.name in _READS and operation.value and not (self.is_over or self.is_gone):
            value = operation.value
            self.queue(Operation(self, "_unread", (b"".join(value) if isinstance(value, list) else value,), {}))

    def cancel(self) -> None:
        """Cancel the handler."""
        self.running.cancel(self)

    def give(self) -> None:
        """Have what waits for httpd's thread look at what that has done."""
        while self.done:
            self.done.popleft().fulfil()
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def look(self, turns: int = 3) -> None:
        """Find out whether the handler waits for its client, and call httpd's thread.

        Args:
            turns: how many turns of the loop it is given, in which what was awaited may lead to the next.
        """
        is_moving = self.awaited > 0 or self.is_busy()
        if turns and not (is_moving or self.is_over):
            self.running.loop.call_soon(self.look, turns - 1)
            return
        self.is_moving = is_moving
        self._call_soon()

    def _call_soon(self) -> None:
        """Call httpd's thread when the loop has run what it runs now: for all that comes until then."""
        if not (self._is_called or self.bell is None):  # without a bell it is about to look
            self._is_called = True
            self.running.at_end(self._call)

    def _call(self) -> None:
        self._is_called = False
        self.bell.set(None)

    def _log(self, error: BaseException | None) -> None:
        """Log what a handler has raised that httpd's thread has left."""
        if error is not None and isinstance(error, Exception) and not getattr(error, "_of_peer", False):
            self.log_failure("httpd no longer waited for it", error)

    def log_failure(self, how: str, error: BaseException) -> None:
        """Log an exception that httpd's thread is not told of, with its traceback."""
        function: Any = self._function
        while isinstance(function, functools.partial):
            function = function.func
        name = f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"
        log_failure(f"a task of {name} failed for {self.what!r}: {how}", error)


def current(target: Any) -> Exchange | None:
    """Return what serves ``req`` or ``conn``, if this thread runs the loop on which its handler is."""
    exchange = served.get(None)
    if exchange is None or exchange.target is not target or _running_loop() is not exchange.running.loop:
        return None
    return exchange


def client_of(target: Any) -> str | None:
    """Return the address of the client of ``req`` or ``conn``."""
    client: str | None = getattr(target, "connection", target).client_ip
    return client


def _over() -> RuntimeError:
    return RuntimeError("the handler has ended: a task that outlives it cannot use req or conn")


def _kept(data: Any) -> bytes:
    """Return data that is written as it is now.

    Raises:
        TypeError: it is neither text nor a buffer.
    """
    if isinstance(data, str):
        return data.encode("utf-8", "surrogateescape")
    if type(data) is bytes:
        return data
    try:
        return memoryview(data).tobytes()
    except TypeError:
        raise TypeError(f"write() takes bytes, str or a buffer, not {type(data).__name__}") from None
