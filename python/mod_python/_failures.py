"""Exceptions that no code catches, in threads and in finalizers: each becomes one entry of the error log.

Python writes them to ``sys.stderr`` line by line, so that entries of other threads come between the lines.
"""

import sys
import threading
from types import TracebackType

from mod_python import _apache


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

    Where `traceback` cannot be imported, in an interpreter that ends or in a process without a free descriptor, the
    lines have neither code nor the exceptions before this one.
    """
    if value is None:
        return []
    try:
        import traceback  # takes long, and most children never need it

        return traceback.format_exception(type(value), value, tb)
    except Exception:
        lines = ["Traceback (most recent call last):\n"]
        while tb is not None:
            code = tb.tb_frame.f_code
            lines.append(f'  File "{code.co_filename}", line {tb.tb_lineno}, in {code.co_name}\n')
            tb = tb.tb_next
        return [*lines, f"{type(value).__name__}: {value}\n"]


def _in_thread(failure: "threading.ExceptHookArgs") -> None:
    """Log the exception that ended a thread; ``SystemExit`` ends it silently, as Python has it."""
    if not issubclass(failure.exc_type, SystemExit):
        name = failure.thread.name if failure.thread is not None else "a thread"
        _log(f"exception in thread {name}", failure.exc_value, failure.exc_traceback)


def _unraisable(failure: "sys.UnraisableHookArgs") -> None:
    """Log an exception that cannot be raised, such as one of ``__del__``."""
    _log(f"{failure.err_msg or 'exception ignored in'}: {failure.object!r}", failure.exc_value, failure.exc_traceback)


def install() -> None:
    """Have Python call the functions of this module in this interpreter."""
    threading.excepthook = _in_thread
    sys.unraisablehook = _unraisable
