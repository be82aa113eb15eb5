"""The module and its stand-in for httpd, loaded into this Python."""

import ctypes
import functools
import os
import subprocess
import sys
import threading
from ctypes import c_char, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
STAND_IN = "libmod_python_testing.so"
"""The library that has httpd's functions; beside this file once installed."""

_FUNCTIONS = {
    "bench_start": (c_void_p, c_void_p),
    "bench_open": (c_char_p, c_void_p, c_char_p, c_int, c_char_p),
    "bench_begin": (None, c_void_p),
    "bench_close": (None, c_void_p),
    "bench_set_header": (None, c_void_p, c_int, c_char_p, c_char_p),
    "bench_set_type": (None, c_void_p, c_char_p, c_char_p),
    "bench_note_headers": (None, c_void_p),
    "bench_keeps_alive": (c_int, c_void_p),
    "bench_put": (None, c_void_p, c_char, c_char_p, c_size_t),
    "bench_pass": (c_int, c_void_p),
    "bench_read": (c_int, c_void_p, c_char, c_int, c_int64),
    "bench_leave_at": (None, c_void_p, c_int),
    "bench_seen": (c_size_t, c_void_p, c_void_p),
    "take_line": (c_void_p, c_void_p, c_void_p),
    "free_line": (None, c_void_p),
}


class NotFound(ImportError):
    """The module, or what belongs to it, is not where it is looked for."""


def tree() -> Path | None:
    """The source tree that this package is part of, if it is."""
    root = PACKAGE.parent.parent
    return root if (root / "Cargo.toml").exists() else None


@functools.cache
def module() -> Path:
    """Where the module is: MOD_PYTHON_SO, else the source tree's, else the one that httpd loads.

    Raises:
        NotFound: there is none.
    """
    if named := os.environ.get("MOD_PYTHON_SO"):
        return Path(named)
    root = tree()
    places = [root / "target/release/libmod_python.so"] if root else []
    for apxs in ("apxs2", "apxs"):
        try:
            asked = subprocess.run([apxs, "-q", "LIBEXECDIR"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        places.append(Path(asked.stdout.strip(), "mod_python.so"))
    places += [Path(folder, "mod_python.so") for folder in ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules")]
    for place in places:
        if place.exists():
            return place
    raise NotFound(f"no mod_python.so in {', '.join(map(str, places))}: set MOD_PYTHON_SO to its path")


def _stand_in() -> Path:
    places = [PACKAGE / "testing" / STAND_IN, module().parent / STAND_IN]
    for place in places:
        if place.exists():
            return place
    raise NotFound(f"no {STAND_IN} in {places[0].parent}: copy it there from the folder where the module was built")


class Library:
    """The stand-in's functions; while one runs, other threads may run Python."""

    def __init__(self) -> None:
        self._here = threading.local()
        # The module finds httpd's functions among those that are loaded for all.
        stand_in = ctypes.CDLL(str(_stand_in()), mode=ctypes.RTLD_GLOBAL)
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = stand_in[name]
            function.restype, function.argtypes = result, arguments
            self.__dict__[name] = function
        built = ctypes.CDLL(str(module()))
        record = ctypes.addressof(ctypes.c_byte.in_dll(built, "python_module"))
        self._server = self.bench_start(record)
        host = c_void_p.in_dll(built, "mod_python_host").value
        assert host is not None
        self._host = ctypes.PYFUNCTYPE(c_char_p, c_void_p)(host)
        self.enter()
        from mod_python import _apache
        from mod_python.version import version

        if version != _apache._version:
            raise ImportError(f"{module()} is of version {_apache._version}, this package of {version}")

    def enter(self) -> None:
        """Make this thread one that may call the functions."""
        if not hasattr(self._here, "entered"):
            wrong = self._host(self._server)
            if wrong:
                raise ImportError(wrong.decode())
            self._here.entered = True


@functools.cache
def library() -> Library:
    """The library, loaded once.

    Raises:
        NotFound: it is not there.
        ImportError: it is for another Python, or another version of the package.
    """
    try:
        return Library()
    except OSError as error:
        raise ImportError(f"{error} (this is Python {sys.version.split()[0]})") from error


library()
