"""``@apache.aio``: a handler as a task on asyncio's loop, and what its thread of httpd's does meanwhile.

httpd calls a plain ``async def`` handler, the driver, which waits without a thread where such a handler can. It does
what the task on the loop (`mod_python._loop_side`) awaits of ``req`` or ``conn``, and ends as the task has ended.
"""

import asyncio
import collections
import contextlib
import contextvars
import functools
import inspect
import time
import types
from asyncio import _get_running_loop as _running_loop
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from mod_python import _aio, _apache
from mod_python._loop_side import Exchange, Operation
from mod_python._loop_tasks import served

# Seconds that a handler has to end when httpd waits no longer, and when the child stops at once.
_LAST, _LAST_AT_ONCE = 1.0, 0.1
OVER, AT_ONCE = 2, 3  # of _apache._stop_stage()
OWN = 2  # variables are in each context of a handler: for whom it works, and what serves it
_missing = object()


def decorated(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return a handler for httpd that has `function`, an `async def` handler, run on asyncio's loop.

    Raises:
        TypeError: it is none.
    """
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"@apache.aio is for an 'async def' handler, which {function!r} is not")

    @functools.wraps(function)
    async def handler(*arguments: Any, **named: Any) -> Any:
        if _running_loop() is not None:
            return await function(*arguments, **named)
        for target in (*arguments, *named.values()):
            if isinstance(target, _apache.Request | _apache.Connection):
                driver = Driver(Exchange(_aio._usable_loop(), target, function))
                if isinstance(target, _apache.Request):
                    driver.note(handler)
                return await driver.run(arguments, named)
        raise TypeError(
            "@apache.aio is for content handlers and connection handlers, which are called with req or conn"
        )

    global _code, _place
    _code = handler.__code__  # type: ignore[attr-defined]
    _place = _code.co_freevars.index("function")
    return handler


_code: types.CodeType | None = None  # of all handlers that `decorated` returns
_place = 0  # of the function in their closures


def undecorated(found: Any) -> Callable[..., Awaitable[Any]] | None:
    """Return the handler for which `decorated` has returned this object; None if it has not.

    Its attributes do not tell: `functools.wraps` puts those of another function there.
    """
    if type(found) is types.FunctionType and found.__code__ is _code:
        function: Callable[..., Awaitable[Any]] = found.__closure__[_place].cell_contents  # type: ignore[index]
        return function
    return None


class Driver:
    """A handler on the loop, on the side of httpd's threads.

    Args:
        exchange: what it shares with the handler.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._target, self._exchange = exchange.target, exchange
        exchange.done = collections.deque()
        self._pending: list[tuple[list[Operation], Any]] = []  # what was begun, and the steps of the last of each list
        self._told: BaseException | None = None  # what the handler was told of the end of its client, or of the server
        self._kinds: set[type] = set()  # the kinds of errors that it has got of what it has awaited
        self._is_told_now = False  # whether it was told that since this last waited
        self._until: float | None = None  # when it must have ended

    def note(self, handler: Callable[..., Awaitable[Any]]) -> None:
        """Have further requests offered to the loop, if httpd has called this object because a line names it."""
        running = self._exchange.running
        if True not in running.begins:
            from mod_python._aio_offers import begin  # which imports this module

            running.begins[True] = functools.partial(begin, running)
        self._target._offers(handler)

    async def run(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call the handler. Return what it returns, and raise what it raises."""
        self._target._on_loop(self._exchange)
        try:
            self._exchange.begin(arguments, named)
            await self._work()
        finally:
            self.abandon()
        return self._result()

    async def resume(self) -> Any:
        """Go on with the handler, which was called on the loop. Return what it returns, and raise what it raises."""
        try:
            await self._work()
        finally:
            self.abandon()
        return self._result()

    def abandon(self) -> None:
        """Go on without the handler, whether or not that still runs."""
        with contextlib.suppress(RuntimeError):  # it may be over
            self._target._on_loop(None)
        self._leave()

    def _result(self) -> Any:
        exchange = self._exchange
        _take_over(exchange.context)
        del exchange.context  # which has the exchange
        error, exchange.error = exchange.error, None
        if isinstance(error, asyncio.CancelledError) and self._told is not None:
            error = self._told
        elif error is None and exchange.failed is not None:
            error = exchange.failed.error
        elif isinstance(error, BaseExceptionGroup):
            error = _cause(error)
        if error is None:
            return exchange.value
        try:
            raise error
        finally:
            del error
            self._told = exchange.failed = None

    @types.coroutine
    def _work(self) -> Generator[Any, None, None]:
        """Do what the handler needs until it has ended."""
        exchange = self._exchange
        while True:
            # First the bell, then the look: who rings the one before has done what is seen now.
            exchange.bell = bell = exchange.running.event.future()
            is_over = exchange.is_over
            if exchange.posted:
                self._begin_operations(is_last=is_over)
            if is_over:
                return
            if self._pending:
                self._poll()
            if exchange.done:
                exchange.running.post(exchange.give)
            try:
                next(bell.__await__())
            except StopIteration:
                continue
            except BaseException as error:
                if not self._goes_on(error, bell):
                    self._tell(error, bell)
                continue
            yield bell
            self._is_told_now = False

    def _begin_operations(self, is_last: bool) -> None:
        """Begin what is queued. What was written together is sent together, and the last of it with the end."""
        exchange, sent = self._exchange, None
        written: list[Operation] = []
        while exchange.posted:
            operation = exchange.posted.popleft()
            if operation.is_withdrawn and not operation.runs_soon:
                continue
            is_write = operation.name == "write"
            if written and not is_write:
                self._pending.append((written, sent))
                written = []
            try:
                made = self._call(operation)
            except BaseException as error:
                self._end(operation, None, _without_frames(error, 2))
                continue
            if not hasattr(made, "__next__"):
                self._end(operation, made)
            elif is_write:
                written.append(operation)
                sent = made.__await__()
            else:
                self._pending.append(([operation], made.__await__() if hasattr(made, "__await__") else made))
        if written and is_last:
            for operation in written:
                self._end(operation, None)
        elif written:
            self._pending.append((written, sent))

    def _call(self, operation: Operation) -> Any:
        target = self._target
        if operation.name == "__anext__":
            return target.__aiter__().__anext__()
        if operation.name == "form":
            return operation.arguments[0].steps()
        return getattr(target, operation.name)(*operation.arguments, **operation.keywords)

    def _poll(self) -> None:
        """Go on with what was begun."""
        waiting = []
        for operations, steps in self._pending:
            first = operations[0]
            if first.is_withdrawn and not first.runs_soon:
                # What it has read stays unread. A form has a generator.
                if withdraw := getattr(steps, "_withdraw", None) or getattr(steps, "close", None):
                    withdraw()
                continue
            value = error = None
            try:
                next(steps)
            except StopIteration as end:
                value = end.value
            except BaseException as raised:
                error = _without_frames(raised, 1)
            else:
                waiting.append((operations, steps))
                continue
            for operation in operations:
                self._end(operation, value, error)
            del error
        self._pending = waiting

    def _end(self, operation: Operation, value: Any, error: BaseException | None = None) -> None:
        exchange = self._exchange
        operation.value, operation.error, operation.is_done = value, error, True
        if error is not None and isinstance(error, ConnectionError | TimeoutError | _apache.ShuttingDown):
            error._of_operation = True  # type: ignore[union-attr]
        exchange.done.append(operation)
        if operation.is_awaited and not operation.is_withdrawn:
            self._kinds.add(type(error))
        if operation.runs_soon:
            exchange.sent += operation.size
            exchange.finished += 1
            if error is not None and isinstance(error, OSError) and operation.name == "write":
                exchange.broken = error
            elif error is not None and not operation.is_awaited and exchange.failed is None:
                exchange.failed = operation

    def _goes_on(self, error: BaseException, bell: Any) -> bool:
        """Return whether the handler reads or writes, for which a client has time when that of handlers is over."""
        if not isinstance(error, _apache.ShuttingDown) or _apache._stop_stage() != OVER:
            return False
        exchange, begin = self._exchange, time.monotonic()
        exchange.is_moving = None
        exchange.running.post(exchange.look)
        self._target._lend(bell, _LAST)
        if exchange.is_moving is None:  # called for something else, unless the loop is kept from its work
            return time.monotonic() - begin < _LAST
        return exchange.is_moving or exchange.is_over

    def _tell(self, error: BaseException, bell: Any) -> None:
        """Tell the handler that its client has left, or that the server stops.

        What it awaits of ``req`` or ``conn`` raises that; else its task is cancelled. Where httpd does not wait for it
        any longer, it has a short time to end.
        """
        exchange = self._exchange
        if not (self._is_told_now or type(error) is type(self._told)):
            self._is_told_now, self._told = True, error
            is_known = type(error) in self._kinds
            if not self._fail(error, lambda one: one.is_awaited and not one.is_withdrawn) and not is_known:
                exchange.running.post(exchange.cancel)
            return
        now = time.monotonic()
        if self._until is None:
            self._until = now + (_LAST_AT_ONCE if _apache._stop_stage() == AT_ONCE else _LAST)
        if now >= self._until:
            raise error
        self._target._lend(bell, self._until - now)

    def _fail(self, error: BaseException, which: Callable[[Operation], bool]) -> bool:
        """End operations with an error. Return whether there were some."""
        exchange, left, found = self._exchange, [], False
        while exchange.posted:
            self._pending.append(([exchange.posted.popleft()], None))
        for operations, steps in self._pending:
            if not any(which(operation) for operation in operations):
                left.append((operations, steps))
                continue
            found = True
            for operation in operations:
                self._end(operation, None, error)
        self._pending = [one for one in left if one[1] is not None]
        exchange.posted.extend(one[0][0] for one in left if one[1] is None)
        return found

    def _leave(self) -> None:
        """Go on without the handler, if that still runs, and without its tasks."""
        exchange = self._exchange
        exchange.is_gone, exchange.target, exchange.broken = True, None, None
        if not (self._pending or exchange.posted or not exchange.is_over):
            if exchange.done:
                exchange.running.post(exchange.give)
                if any(operation.is_awaited or operation.error is not None for operation in tuple(exchange.done)):
                    exchange.running.event.call()
            return
        failed = exchange.failed
        self._fail(RuntimeError("the request or connection is over"), lambda _: True)
        exchange.failed = failed
        exchange.running.post(exchange.give)
        if not exchange.is_over:
            exchange.running.post(exchange.cancel)
        exchange.running.event.call()


def _without_frames(error: BaseException, number: int) -> BaseException:
    """Take the first frames from the traceback of an exception, which is kept: they have what keeps it."""
    for _ in range(number):
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next
    return error


def _cause(group: BaseException) -> BaseException:
    """Return why tasks of a handler have failed (`asyncio.TaskGroup`) if the client or a stop of the server is why."""
    found, left = group, [group]
    while left:
        error = left.pop()
        if isinstance(error, BaseExceptionGroup):
            left.extend(error.exceptions)
        elif getattr(error, "_of_operation", False):
            found = error
        else:
            return group
    return found


def _take_over(context: contextvars.Context) -> None:
    """Set here what the handler has set in its context: the handlers behind it, and later phases, see it."""
    if len(context) <= OWN:
        return
    for variable, value in context.items():
        if variable is not served and variable.get(_missing) is not value:
            variable.set(value)
