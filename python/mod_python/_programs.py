"""Programs that Python code starts: the signals that httpd's threads block are not blocked in them.

The MPMs with threads block nearly all signals on each thread that serves requests, and a program inherits that from
the thread that starts it: ``Popen.terminate()`` would have no effect on it. So nothing is blocked while a thread starts
one. A signal that comes for this process meanwhile goes to the main thread, which the kernel asks first.
"""

import _posixsubprocess
import _signal  # type: ignore[import-not-found]  # typeshed has the module signal only
import functools
import os
import sys

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    T = TypeVar("T")


def _unblocking(function: "Callable[P, T]") -> "Callable[P, T]":
    """Return a function that calls this one with no signal blocked on the thread."""

    @functools.wraps(function)
    def start(*arguments: "P.args", **options: "P.kwargs") -> "T":
        blocked = _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        try:
            return function(*arguments, **options)
        finally:
            if blocked:
                _signal.pthread_sigmask(_signal.SIG_SETMASK, blocked)

    return start


def install() -> None:
    """Put such functions in the place of those by which the standard library starts programs."""
    _posixsubprocess.fork_exec = _unblocking(_posixsubprocess.fork_exec)
    if (subprocess := sys.modules.get("subprocess")) is not None:  # another module of httpd has started Python
        subprocess._fork_exec = _posixsubprocess.fork_exec  # type: ignore[attr-defined]
    os.system = _unblocking(os.system)
    os.posix_spawn = _unblocking(os.posix_spawn)
    os.posix_spawnp = _unblocking(os.posix_spawnp)
