"""Exceptions that no code catches, in threads and in finalizers: each becomes one entry of the error log.

Python writes them to ``sys.stderr`` line by line, so that entries of other threads come between the lines.
"""

import os
import sys
import threading
from types import TracebackType

from mod_python import _apache

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from traceback import StackSummary, TracebackException

# How the files begin whose functions call those of an application: on asyncio's loop, of pages and published functions.
_CALLERS = ("_aio", "_asgi", "_loop", "_psp/", "psp.py", "_publisher/", "publisher.py", "_forms/arguments.py")
_SERVING = tuple(f"{__file__.rpartition('/')[0]}/{begin}" for begin in _CALLERS)
_LIBRARY = f"{os.__file__.rpartition('/')[0]}/"


def _log(title: str, value: BaseException | None, tb: TracebackType | None) -> None:
    code = tb.tb_frame.f_code.co_filename if tb is not None else __file__
    _apache._log(_apache.APLOG_ERR, _text(title, value, tb), code, tb.tb_lineno if tb is not None else 1)


def _text(title: str, value: BaseException | None, tb: TracebackType | None) -> str:
    return "\n".join([title, "".join(formatted(value, tb))]).rstrip("\n")


def log_failure(title: str, error: BaseException) -> None:
    """Log an exception that no code is told of, with its traceback, as an entry that begins with a title (str)."""
    _apache.log_error(_text(title, error, error.__traceback__))


def formatted(value: BaseException | None, tb: TracebackType | None) -> list[str]:
    """Return an exception and its traceback as lines, each with its end, as Python prints them.

    Frames of ours are left out that have called the application's. Where `traceback` cannot be imported, in an
    interpreter that ends or in a process without a free descriptor, the lines have neither code nor the exceptions
    before this one.
    """
    if value is None:
        return []
    try:
        import traceback  # takes long, and most children never need it

        whole = traceback.TracebackException(type(value), value, tb, compact=True)
        _leave_out_ours(whole)
        return list(whole.format())
    except Exception:
        lines = ["Traceback (most recent call last):\n"]
        while tb is not None:
            code = tb.tb_frame.f_code
            lines.append(f'  File "{code.co_filename}", line {tb.tb_lineno}, in {code.co_name}\n')
            tb = tb.tb_next
        return [*lines, f"{type(value).__name__}: {value}\n"]


def _leave_out_ours(whole: "TracebackException") -> None:
    """Leave frames of ours out of a traceback, and out of those of the exceptions in it and before it."""
    left = [whole]
    while left:
        one = left.pop()
        _leave_out_callers(one.stack)
        left += [other for other in (one.__cause__, one.__context__, *(one.exceptions or ())) if other is not None]


def _leave_out_callers(stack: "StackSummary") -> None:
    """Leave out the frames of ours behind which the application's come; where there are none, all of ours but one.

    Those of ours behind the application's are where something is refused.
    """
    files = [frame.filename for frame in stack]
    ours = [number for number, file in enumerate(files) if file.startswith(_SERVING)]
    theirs = [number for number, file in enumerate(files) if not file.startswith(_SERVING) and not _is_of_python(file)]
    end = theirs[-1] if theirs else ours[-1] if ours else 0
    stack[:end] = [frame for number, frame in enumerate(stack[:end]) if number not in ours]


def _is_of_python(file: str) -> bool:
    """Return whether a file is one of Python's own modules."""
    return file.startswith((_LIBRARY, "<frozen ")) and "-packages/" not in file


def _in_thread(failure: "threading.ExceptHookArgs") -> None:
    """Log the exception that ended a thread; ``SystemExit`` ends it silently, as Python has it."""
    if not issubclass(failure.exc_type, SystemExit):
        name = failure.thread.name if failure.thread is not None else "a thread"
        _log(f"exception in thread {name}", failure.exc_value, failure.exc_traceback)


def _unraisable(failure: "sys.UnraisableHookArgs") -> None:
    """Log an exception that cannot be raised, such as one of ``__del__``."""
    title = failure.err_msg or "exception ignored in"
    if failure.object is not None:  # else the title names it, from Python 3.14 on
        title += f": {failure.object!r}"
    _log(title, failure.exc_value, failure.exc_traceback)


def install() -> None:
    """Have Python call the functions of this module in this interpreter."""
    threading.excepthook = _in_thread
    sys.unraisablehook = _unraisable
