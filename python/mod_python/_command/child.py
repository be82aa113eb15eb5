"""Imported first as a child of httpd starts, it tells `mod_python serve` of the child and of its end.

The end of a child that is killed, or calls `os._exit()`, is no word of httpd's worth. Where the child crashes,
`faulthandler` writes the line of the code that was run.
"""

import contextlib
import os
import sys

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from typing import NoReturn

BEGINS = b"mod_python: child begins: "  # and its process ID
ENDS = b"mod_python: child ends: "  # and its process ID: httpd ends it
EXITS = b"mod_python: child exits: "  # and its process ID, the line and the file of code that calls os._exit()

_exit_at_once = os._exit


def tell(line: bytes) -> None:
    """Write a line for `serve`, which reads the error log."""
    with contextlib.suppress(OSError):  # code has closed it, or nobody reads it any more
        os.write(_LOG, line)


def _tell(what: bytes, more: str = "") -> None:
    tell(what + f"{_PID}{more}".encode(errors="surrogateescape").replace(b"\n", b"?") + b"\n")


def _exit(status: int) -> "NoReturn":
    """End this process as ``os._exit()`` does, and tell which code has called it, unless the process is a fork."""
    if os.getpid() == _PID:
        frame = sys._getframe(1)
        _tell(EXITS, f" {frame.f_lineno} {frame.f_code.co_filename}")
    _exit_at_once(status)


if "mod_python._apache" in sys.modules:  # in httpd
    import faulthandler

    from mod_python import _apache

    _PID = os.getpid()
    _LOG = os.dup(2)  # the error log, which `serve` reads; code may put another file in the place of standard error
    _tell(BEGINS)
    faulthandler.enable(_LOG, all_threads=False)
    os._exit = _exit
    _apache.register_cleanup(lambda _: _tell(ENDS))
