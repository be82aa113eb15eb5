"""What Python has of the server side of WSGI (PEP 3333); the rest is in ``src/python/request/wsgi``."""

import io
import os
import stat
import threading
from collections.abc import Callable
from typing import Any

from mod_python import _apache, _streams

_BLOCK = 65536


class FileWrapper:
    """``wsgi.file_wrapper``: the blocks of a file-like object, from where it stands.

    A server sends the file itself if it is a regular one, see `regular_file`.

    Args:
        file: an object with ``read(size)``, which returns bytes. ``close()`` is called at the end if it has that.
        block_size: how many bytes are read at a time, where they are read.
    """

    def __init__(self, file: Any, block_size: int = _BLOCK) -> None:
        self.file = file
        self.block_size = block_size

    def __iter__(self) -> "FileWrapper":
        return self

    def __next__(self) -> bytes:
        data: bytes = self.file.read(self.block_size)
        if data:
            return data
        raise StopIteration

    def close(self) -> None:
        """Close the file, if it can be closed."""
        close = getattr(self.file, "close", None)
        if close is not None:
            close()


def regular_file(wrapper: FileWrapper) -> tuple[int, int, int] | None:
    """Return the descriptor of a wrapper's file, its position and its size in bytes.

    Returns:
        None if the bytes that ``read()`` returns may be others than those of a regular file: objects of any other class
        than those of ``io``, such as a GzipFile, may have a descriptor as well; and the files of /proc and /sys, which
        take up no blocks, do not say their true size.
    """
    file = getattr(wrapper.file, "file", wrapper.file)  # tempfile.NamedTemporaryFile() wraps one
    raw = file.raw if type(file) in (io.BufferedReader, io.BufferedRandom) else file
    if type(raw) is not io.FileIO:
        return None
    try:
        if type(file) is io.BufferedRandom:
            file.flush()
        found = os.fstat(raw.fileno())
        may_lie = found.st_blocks == 0 and found.st_size <= _BLOCK
        return (raw.fileno(), file.tell(), found.st_size) if stat.S_ISREG(found.st_mode) and not may_lie else None
    except (OSError, ValueError):  # reading it says what is wrong
        return None


def constants() -> dict[str, Any]:
    """Return the entries of an environ that are the same for all requests of an interpreter."""
    return {
        "wsgi.version": (1, 0),
        "wsgi.errors": _streams.LogStream(is_error=True),
        "wsgi.multithread": _apache.mpm_query(_apache.AP_MPMQ_IS_THREADED) != 0,
        "wsgi.multiprocess": _apache.mpm_query(_apache.AP_MPMQ_IS_FORKED) != 0
        and _apache.mpm_query(_apache.AP_MPMQ_MAX_DAEMONS) != 1,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
    }


_made: dict[tuple[str, str], tuple[object, Any]] = {}
_locks: dict[tuple[str, str], Any] = {}


def made(module: object, name: str) -> Any:
    """Return the application that a factory has made for this version of its module, or None."""
    kept = _made.get((getattr(module, "__name__", repr(module)), name))
    return kept[1] if kept is not None and kept[0] is module else None


def made_by(module: object, name: str, factory: Callable[[], Any]) -> Any:
    """Return the application that a factory makes; it is called once for each version of its module.

    Other threads that want it at the same time wait. If the factory raises, the next request calls it again.

    Args:
        module: the module of the factory.
        name: the name of the factory in it.
        factory: a callable without arguments.

    Raises:
        Exception: what the factory raises.
    """
    key = (getattr(module, "__name__", repr(module)), name)
    kept = _made.get(key)
    if kept is not None and kept[0] is module:
        return kept[1]
    with _locks.setdefault(key, threading.RLock()):
        kept = _made.get(key)
        if kept is None or kept[0] is not module:
            kept = _made[key] = (module, factory())
        return kept[1]
