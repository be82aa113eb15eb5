"""Coroutines of published code, which run to their ends on the thread of the request."""

from collections.abc import Awaitable
from typing import Any


def is_awaitable(value: object) -> bool:
    """Return whether a value can be awaited, as a coroutine."""
    return hasattr(type(value), "__await__")


def run(awaitable: Awaitable[Any]) -> Any:
    """Run an awaitable to its end on this thread, on an event loop of its own, and return its result.

    ``req`` answers on this thread only, so the code runs here; when it ends, the tasks that it has left are cancelled:
    nothing of one request runs in another. Within, ``await apache.aio(...)`` reaches the event loop that all requests
    of the interpreter share.

    Raises:
        BaseException: whatever is raised within.
    """
    import asyncio  # which takes long to import

    async def result() -> Any:
        return await awaitable

    # A subrequest, whose page is published while a coroutine of the page around it runs on this thread: its task is
    # put aside, since from Python 3.14 on a thread has one task, whichever its loop.
    outer = asyncio._get_running_loop()
    task = None if outer is None else asyncio.current_task(outer)
    if outer is not None and task is not None:
        asyncio._leave_task(outer, task)
    asyncio._set_running_loop(None)
    try:
        return asyncio.run(result())
    finally:
        asyncio._set_running_loop(outer)
        if outer is not None and task is not None:
            asyncio._enter_task(outer, task)
