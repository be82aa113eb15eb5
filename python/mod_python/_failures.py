"""Exceptions that no code catches, in threads and in finalizers: each becomes one entry of the error log.

Python writes them to ``sys.stderr`` line by line, so that entries of other threads come between the lines.
"""

import sys
import threading
import traceback
from types import TracebackType

from mod_python import _apache


def _log(title: str, value: BaseException | None, tb: TracebackType | None) -> None:
    lines = traceback.format_exception(type(value), value, tb) if value is not None else []
    code = tb.tb_frame.f_code.co_filename if tb is not None else __file__
    text = "\n".join([title, "".join(lines)]).rstrip("\n")
    _apache._log(_apache.APLOG_ERR, text, code, tb.tb_lineno if tb is not None else 1)


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
