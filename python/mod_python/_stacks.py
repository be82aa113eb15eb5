"""The stacks of Python code in the error log, for ``PythonDumpSignal``: of threads, and of coroutines that wait."""

import gc
import sys
import threading
import traceback
from types import AsyncGeneratorType, CoroutineType, FrameType
from typing import Any

from mod_python import _apache


def _log(title: str, stack: list[str]) -> None:
    text = "\n".join([title, *(line.rstrip("\n") for line in stack)])
    _apache._log(_apache.APLOG_NOTICE, text, __file__, 1)


def _awaited(frame: FrameType, awaits: Any) -> list[str]:
    """Return the stack of a coroutine and of what it awaits, outermost first."""
    stack = traceback.format_stack(frame, 1)
    while awaits is not None:
        inner = getattr(awaits, "cr_frame", None) or getattr(awaits, "ag_frame", None)
        if inner is None:
            break
        stack += traceback.format_stack(inner, 1)
        awaits = getattr(awaits, "cr_await", None) or getattr(awaits, "ag_await", None)
    return stack


def write() -> None:
    """Write the stacks of this interpreter's threads, and of its coroutines that wait, as entries of the log."""
    interpreter = _apache.interpreter
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, running in sys._current_frames().items():
        if ident != threading.get_ident():
            name = names.get(ident, "one of httpd's")
            _log(f"interpreter {interpreter}, thread {ident} ({name}):", traceback.format_stack(running))
    waiting = [one for one in gc.get_objects() if isinstance(one, CoroutineType | AsyncGeneratorType)]
    inner = {id(awaited) for one in waiting if (awaited := _await_of(one)) is not None}
    for one in waiting:
        frame: FrameType | None = one.cr_frame if isinstance(one, CoroutineType) else one.ag_frame
        if id(one) not in inner and frame is not None and (awaits := _await_of(one)) is not None:
            _log(f"interpreter {interpreter}, {one.__qualname__} waits:", _awaited(frame, awaits))
    _log(f"interpreter {interpreter}: these were all stacks", [])


def _await_of(one: Any) -> Any:
    """Return what a coroutine or an asynchronous generator awaits, or None."""
    return one.cr_await if isinstance(one, CoroutineType) else one.ag_await
