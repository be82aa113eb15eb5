"""Writes a line to a file for each kind of end of a child; called by call_by_path."""

import atexit
import logging
import os
import threading
import time
import weakref
from pathlib import Path
from typing import Any

from mod_python import apache

_FOLDER = Path(__file__).parent
_is_at_end = threading.Event()
_kept: list[Any] = []


class Thing:
    """Has a finalizer."""


class Late:
    """Must not be finalized: modules are not taken apart."""

    def __del__(self) -> None:
        say("__del__")


class SaysItsEnd(logging.Handler):
    """Is closed by ``logging.shutdown()``."""

    def close(self) -> None:
        super().close()
        say("logging")


def _path(name: str) -> Path:
    return _FOLDER / f"{name}-{os.getpid()}-{apache.interpreter}"


def say(what: object) -> None:
    """Append a line to the file of this process and interpreter."""
    with open(_path("end"), "a") as file:
        file.write(f"{what}\n")


def _thread() -> None:
    _is_at_end.wait()
    time.sleep(0.2)
    say("thread")


def _at_end(_: object) -> None:
    say("cleanup")
    _is_at_end.set()


def register(req: apache.Request) -> list[object]:
    """Leave something for each kind of end, once in each child."""
    if not _kept:
        _register()
    return [os.getpid(), apache.interpreter]


def _register() -> None:
    threading.Thread(target=_thread, name="ends with the others", daemon=False).start()
    atexit.register(say, "atexit")
    logger = logging.getLogger("endings")
    handler = SaysItsEnd()
    logger.addHandler(handler)
    thing = Thing()
    weakref.finalize(thing, say, "finalize")
    unwritten = open(_path("file"), "w")  # noqa: SIM115
    unwritten.write("flushed\n")
    apache.register_cleanup(_at_end)
    _kept.extend([handler, thing, unwritten, Late()])


def never_ends(req: apache.Request) -> list[int]:
    """Leave a thread behind that no daemon is and never ends."""
    atexit.register(say, "atexit")
    threading.Thread(target=threading.Event().wait, name="never ends", daemon=False).start()
    return [os.getpid()]


def blocks(req: apache.Request) -> list[int]:
    """Leave a function of atexit that never returns."""
    atexit.register(say, "atexit")
    atexit.register(threading.Event().wait)
    return [os.getpid()]


def locked(req: apache.Request) -> list[int]:
    """Leave a function of atexit that waits for a lock that nobody lets go of."""
    lock = threading.Lock()
    lock.acquire()
    atexit.register(lock.acquire)
    return [os.getpid()]


def _raise(error: BaseException) -> None:
    raise error


def raises(req: apache.Request) -> list[int]:
    """Leave functions of atexit that raise, and one that does not."""
    atexit.register(say, "after the others")
    atexit.register(_raise, ValueError("at exit"))
    atexit.register(_raise, SystemExit(3))
    return [os.getpid()]


def daemon(req: apache.Request) -> list[int]:
    """Leave a daemon that computes for ever."""
    threading.Thread(target=_compute, daemon=True).start()
    atexit.register(say, "atexit")
    return [os.getpid()]


def _compute() -> None:
    while True:
        _kept[:] = [[]]


def endless(req: apache.Request) -> int:
    """Never return."""
    atexit.register(say, "atexit")
    apache.log_error("endless", apache.APLOG_NOTICE)
    _compute()
    return apache.OK


def keeps_the_gil(req: apache.Request) -> list[bool]:
    """Never return, and keep the GIL."""
    import re

    atexit.register(say, "atexit")
    apache.log_error("keeps_the_gil", apache.APLOG_NOTICE)
    return [bool(re.match(r"(a+)+$", "a" * 60 + "b"))]


def forks(req: apache.Request) -> list[int]:
    """Fork a process that ends, and one that raises SystemExit."""
    atexit.register(say, "atexit")
    apache.register_cleanup(say, "cleanup")
    for exits in (False, True):
        pid = os.fork()
        if pid == 0:
            if exits:
                raise SystemExit(0)
            return []
        os.waitpid(pid, 0)
    return [os.getpid()]
