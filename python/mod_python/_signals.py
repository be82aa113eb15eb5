"""The signals by which httpd ends its children, which Python code in a child cannot take.

Only the main thread of the main interpreter can set actions of signals, so only that interpreter imports this module.
In a process that Python code has forked all signals can be taken.
"""

import faulthandler
import os
import signal
import sys
import threading

from mod_python import _apache

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_HTTPDS = frozenset((signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH, signal.SIGINT))
_python_action: "Callable[[int, Any], Any]" = signal.signal
_set_interrupts = signal.siginterrupt
_register, _unregister = faulthandler.register, faulthandler.unregister

_is_forked = False
_refused: set[tuple[str, int, int]] = set()


def _forked() -> None:
    global _is_forked
    _is_forked = True


def _place() -> tuple[str, int]:
    """Return the file and line of the call, leaving out the modules `signal` and `asyncio`."""
    frame = sys._getframe(3)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("signal", "asyncio"):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _refuse(signalnum: int, function: str) -> None:
    """Log, once for each place and signal, that a call has no effect."""
    file, line = _place()
    if (file, line, signalnum) not in _refused:
        _refused.add((file, line, signalnum))
        _apache.log_error(
            f"{file}:{line}: {function}({signal.Signals(signalnum).name}) has no effect: this signal is httpd's, which "
            "stops its children by it; use apache.register_cleanup() for what is to be done at the end of a child, or "
            "another signal, such as SIGUSR2",
            _apache.APLOG_WARNING,
        )


def _is_httpds(signalnum: int) -> bool:
    return signalnum in _HTTPDS and not _is_forked


def _is_asyncio_run() -> bool:
    """Return whether ``asyncio.run()`` takes SIGINT, for Ctrl-C at a terminal: an httpd's child has none."""
    return sys._getframe(2).f_globals.get("__name__") == "asyncio.runners"


def _signal_action(signalnum: int, handler: "Any") -> "Any":
    """Set the action of a signal and return the former one, as ``signal.signal()``; of httpd's signals leave it.

    Raises:
        TypeError: the handler is none.
        ValueError: this is not the main thread.
    """
    is_action = callable(handler) or handler in (signal.SIG_DFL, signal.SIG_IGN)
    if not _is_httpds(signalnum) or not is_action or threading.get_ident() != threading.main_thread().ident:
        return _python_action(signalnum, handler)
    if not (signalnum == signal.SIGINT and _is_asyncio_run()):
        _refuse(signalnum, "signal.signal")
    return signal.getsignal(signalnum)


def _siginterrupt(signalnum: int, flag: bool) -> None:
    """Set whether a signal interrupts system calls, as ``signal.siginterrupt()``; of httpd's signals leave it."""
    if not _is_httpds(signalnum):
        _set_interrupts(signalnum, flag)


def _faulthandler_register(signum: int, *arguments: "Any", **options: "Any") -> None:
    """Have a signal write tracebacks, as ``faulthandler.register()``; of httpd's signals do nothing."""
    if _is_httpds(signum):
        _refuse(signum, "faulthandler.register")
    else:
        _register(signum, *arguments, **options)


def _faulthandler_unregister(signum: int) -> bool:
    """Undo `_faulthandler_register`, as ``faulthandler.unregister()``. Return whether there was anything to undo."""
    return not _is_httpds(signum) and bool(_unregister(signum))


def install() -> None:
    """Put the functions of this module in the place of Python's."""
    os.register_at_fork(after_in_child=_forked)
    signal.signal = _signal_action
    signal.siginterrupt = _siginterrupt
    faulthandler.register = _faulthandler_register
    faulthandler.unregister = _faulthandler_unregister  # type: ignore[assignment]
