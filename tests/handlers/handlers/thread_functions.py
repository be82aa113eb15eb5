"""Sets what belongs to a thread, and looks for it; called by call_by_path."""

import contextvars
import ctypes
import decimal
import sys
import threading
import time
from types import FrameType

from mod_python import apache

_variable = contextvars.ContextVar[str]("variable")


def _ignore(frame: FrameType, event: str, argument: object) -> None:
    """Trace nothing."""


def looks(req: apache.Request) -> list[object]:
    for _ in range(1000):  # an exception that was sent arrives between two of Python's instructions
        pass
    name = _variable.get(None)
    return [threading.get_ident(), sys.gettrace(), sys.getprofile(), decimal.getcontext().prec, name]


def _set() -> None:
    _variable.set("set")
    decimal.getcontext().prec = 3
    sys.settrace(_ignore)
    sys.setprofile(_ignore)


def leaves(req: apache.Request) -> list[object]:
    _set()
    return [threading.get_ident()]


def fixup(req: apache.Request) -> int:
    _set()
    return apache.OK


leaves_by_phase = looks


def _send(thread: int) -> None:
    time.sleep(0.3)  # the request is over by then
    exception = ctypes.py_object(KeyError)
    number = ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), exception)
    apache.log_error(f"the exception was sent to {number} thread", apache.APLOG_NOTICE)


def asks_for_exception(req: apache.Request) -> list[int]:
    thread = threading.get_ident()
    threading.Thread(target=_send, args=(thread,), daemon=True).start()
    return [thread]


def profile_main_thread() -> None:
    sys.setprofile(_ignore)


def profiled(req: apache.Request) -> list[bool]:
    return [sys.getprofile() is _ignore]
