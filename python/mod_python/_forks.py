"""Forks by Python code, which CPython can do in a process with one interpreter only.

With several, ``PyOS_AfterFork_Child`` of CPython 3.11 waits for a lock of its own in the new process, for ever; in an
interpreter that is not the main one it aborts. So the fork is refused, as an exception where it is called.
"""

import functools
import os
import sys

from mod_python import _apache

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    T = TypeVar("T")


def _refusing(function: "Callable[P, T]") -> "Callable[P, T]":
    """Return a function that calls this one where the process has one interpreter."""

    @functools.wraps(function)
    def fork(*arguments: "P.args", **options: "P.kwargs") -> "T":
        if _apache._interpreter_count() > 1:
            raise RuntimeError(
                f"os.{function.__name__}() does not work in a process with several Python interpreters: the new "
                "process would hang or abort; run another program by subprocess, without preexec_fn, or let all "
                "applications run in one interpreter, by PythonInterpreter main_interpreter"
            )
        # While another thread still imports it, this is no task on its loop.
        refuses_fork = getattr(sys.modules.get("mod_python._aio"), "refuses_fork", None)
        if refuses_fork is not None and refuses_fork():
            raise RuntimeError(
                f"os.{function.__name__}() does not work in a task on uvloop's event loop: the new process would go on "
                "with the tasks of others; run another program by subprocess, or fork in asyncio.to_thread()"
            )
        return function(*arguments, **options)

    return fork


def _starting(method: "Callable[P, T]") -> "Callable[P, T]":
    """Return a method of uvloop that starts a program in a process with one interpreter: it forks as CPython does."""

    @functools.wraps(method)
    def start(*arguments: "P.args", **options: "P.kwargs") -> "T":
        if _apache._interpreter_count() > 1:
            raise RuntimeError(
                "uvloop starts no programs in a process with several Python interpreters: the new process would hang; "
                "run them by subprocess, in asyncio.to_thread(), or let all applications run in one interpreter, by "
                "PythonInterpreter main_interpreter"
            )
        return method(*arguments, **options)

    return start


def guard_programs(loop: "AbstractEventLoop") -> None:
    """Have a loop of uvloop's start programs only where the process has one interpreter."""
    for name in ("subprocess_exec", "subprocess_shell"):
        setattr(loop, name, _starting(getattr(loop, name)))


def install() -> None:
    """Put functions that refuse in the place of those of `os`, in this interpreter."""
    os.fork = _refusing(os.fork)
    os.forkpty = _refusing(os.forkpty)
