"""Tasks on asyncio's loop: which request the log names for what nobody fetches, and their end with the child."""

import asyncio
import contextvars
import sys
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from mod_python import _apache

if TYPE_CHECKING:
    from mod_python._aio import _Loop
    from mod_python._loop_side import Exchange

# The handler that code works for, also that of tasks which outlive it.
served: "contextvars.ContextVar[Exchange]" = contextvars.ContextVar("mod_python.served")
_END = 0.5  # the part of PythonShutdownTimeout that tasks have for their end


class Task(asyncio.Task[Any]):
    """A task that tells its context, as those of Python 3.12 do."""

    def __init__(
        self, work: Coroutine[Any, Any, Any], *, loop: Any, context: contextvars.Context | None = None
    ) -> None:
        self._own_context = contextvars.copy_context() if context is None else context
        super().__init__(work, loop=loop, context=self._own_context)

    def get_context(self) -> contextvars.Context:
        return self._own_context


def _make(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any) -> asyncio.Task[Any]:
    return Task(work, loop=loop, **more)


def look_after(running: "_Loop") -> None:
    """Have the log name the request of a task whose exception nobody fetches, and end tasks at the end of the child."""
    if sys.version_info < (3, 12):
        running.loop.set_task_factory(_make)  # type: ignore[arg-type]
    running.loop.set_exception_handler(_report)
    _apache.register_cleanup(_end, running)


def has_own_factory(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether Python code has set a task factory."""
    return loop.get_task_factory() not in (None, _make)


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    task, error = context.get("future", context.get("task")), context.get("exception")
    variables = getattr(task, "get_context", contextvars.Context)()
    exchange = variables.get(served)
    if exchange is None or error is None:
        loop.default_exception_handler(context)
    else:
        # A copy, since from Python 3.12 on the loop has entered the context itself.
        variables.copy().run(exchange.log_failure, context.get("message", "a task failed"), error)


def _end(running: "_Loop") -> None:
    """Cancel what runs, and wait for its end; at the end of the child, on its main thread."""
    is_over = threading.Event()

    async def cancel() -> None:
        left = asyncio.all_tasks(running.loop) - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=time * _END)
        is_over.set()

    time = float(_apache._shutdown_time())
    if not running.is_over and time > 0 and asyncio.all_tasks(running.loop):
        running.post(lambda: running.loop.create_task(cancel()))
        running.event.call()
        is_over.wait(time * _END)
