"""Loads the module and the test double of httpd into this process."""

import ctypes
import functools
import sys
import threading
import types
from ctypes import c_char, c_char_p, c_int, c_int64, c_size_t, c_void_p
from typing import Any

from mod_python import _places

_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "bench_start": (c_void_p, c_void_p),
    "bench_open": (c_char_p, c_void_p, c_char_p, c_char_p, c_int, c_char_p),
    "bench_begin": (None, c_void_p),
    "bench_close": (None, c_void_p),
    "bench_set_header": (None, c_void_p, c_int, c_char_p, c_char_p),
    "bench_set_type": (None, c_void_p, c_char_p, c_char_p),
    "bench_note_headers": (None, c_void_p),
    "bench_put": (None, c_void_p, c_char, c_char_p, c_size_t),
    "bench_touches": (c_size_t,),
    "bench_pass": (c_int, c_void_p),
    "bench_read": (c_int, c_void_p, c_char, c_int, c_int64),
    "bench_leave_at": (None, c_void_p, c_int),
    "bench_seen": (c_size_t, c_void_p, c_void_p),
    "take_line": (c_void_p, c_void_p, c_void_p),
    "free_line": (None, c_void_p),
}


class Library(types.SimpleNamespace):
    """The functions of the test double. ctypes releases the GIL while one of them runs."""

    def __init__(self) -> None:
        super().__init__()
        self._here = threading.local()
        # RTLD_GLOBAL: the module finds httpd's functions in the test double.
        test_double = ctypes.CDLL(str(_places.test_double()), mode=ctypes.RTLD_GLOBAL)
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = test_double[name]
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)
        built = ctypes.CDLL(str(_places.module()))
        record = ctypes.addressof(ctypes.c_byte.in_dll(built, "python_module"))
        self._server = self.bench_start(record)
        host = c_void_p.in_dll(built, "mod_python_host").value
        assert host is not None
        self._host = ctypes.PYFUNCTYPE(c_char_p, c_void_p)(host)
        self.enter()
        from mod_python import _apache
        from mod_python.version import version

        if version != _apache._version:
            raise ImportError(f"{_places.module()} is of version {_apache._version}, this package of {version}")

    def enter(self) -> None:
        """Prepare this thread to call the functions; each thread must do so. Raise ImportError if it cannot."""
        if not hasattr(self._here, "entered"):
            wrong = self._host(self._server)
            if wrong:
                raise ImportError(wrong.decode())
            self._here.entered = True


@functools.cache
def library() -> Library:
    """Return the library; the first call loads it.

    Raises:
        NotFoundError: the module or the test double does not exist.
        ImportError: they are for another Python, or for another version of the package.
    """
    try:
        return Library()
    except OSError as error:
        raise ImportError(f"{error} (this is Python {sys.version.split()[0]})") from error


library()
