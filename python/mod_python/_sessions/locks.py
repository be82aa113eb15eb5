"""Locks for sessions: each session has its own, all children share it, and waiting for it ends.

A lock belongs to the connection of the request. So a second session object of the same request, of an internal
redirection, or of the next request that came in one piece with this one, shares it instead of waiting for itself.
The kernel frees the locks of a process that dies.
"""

import contextlib
import errno
import fcntl
import itertools
import os
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any, Protocol

from mod_python._sessions.folder import opened

_FIRST_DELAY = 0.001
_LONGEST_DELAY = 0.02
_OPEN = os.O_RDWR | os.O_CLOEXEC


class LockLostError(Exception):
    """A lock that somebody else has had before its holder gave it back; the text is its key."""


class Locks(Protocol):
    """Locks by key, of which one can be tried."""

    name: str

    def try_lock(self, key: str) -> Any:
        """Take the lock of a key, and return a token for `unlock`; None if it is taken."""

    def unlock(self, key: str, token: Any) -> None:
        """Give back a lock. It raises nothing."""


class FileLocks:
    """Locks that all processes share, as bytes of one file: a key's lock is the byte whose offset its digits are.

    Args:
        path: the file; it is made when it is first needed, and stays empty.
        option: the one that names its place.
    """

    def __init__(self, path: str, option: str = "session.database_directory") -> None:
        self.name = path
        self._option = option

    def try_lock(self, key: str) -> int | None:
        """Take the lock of a key, 15 or more hexadecimal digits, and return a file descriptor; None if it is taken."""
        try:
            file = os.open(self.name, _OPEN)
        except OSError:
            file = -1
        if file < 0:
            file = opened(self.name, _OPEN, self._option)
        # struct flock (fcntl(2)). The lock belongs to the open file, not to the process, which has many threads.
        request = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, int(key[:15], 16), 1, 0)
        try:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, request)
        except OSError as error:
            os.close(file)
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return None
            raise
        return file

    def unlock(self, key: str, token: int) -> None:
        """Give back a lock."""
        # A process that was forked meanwhile has the open file, too: closing it here would not free the lock.
        request = struct.pack("hhqqi4x", fcntl.F_UNLCK, os.SEEK_SET, int(key[:15], 16), 1, 0)
        with contextlib.suppress(OSError):
            fcntl.fcntl(token, fcntl.F_OFD_SETLK, request)
        os.close(token)


class MemoryLocks:
    """Locks of the threads of one interpreter."""

    def __init__(self) -> None:
        self.name = ""
        self._taken: dict[str, int] = {}
        self._tokens = itertools.count()

    def try_lock(self, key: str) -> int | None:
        """Take the lock of a key; None if it is taken."""
        token = next(self._tokens)
        return token if self._taken.setdefault(key, token) == token else None

    def unlock(self, key: str, token: int) -> None:  # noqa: ARG002
        """Give back a lock."""
        self._taken.pop(key, None)


def delays(timeout: float) -> Iterator[float]:
    """Yield how many seconds to wait before each further try of a lock, the last when `timeout` seconds are over."""
    deadline = time.monotonic() + timeout
    delay = _FIRST_DELAY
    while (left := deadline - time.monotonic()) > 0:
        yield min(delay, left)
        delay = min(delay * 2, _LONGEST_DELAY)


class Held:
    """A lock that is held. Several of one owner can be the same lock; the last one that is released frees it.

    Args:
        locks: the locks.
        key: which of them.
        owner: a number for whom it is held: the key of a connection.
    """

    # By owner, locks and key: how many hold the lock, and what frees it. Under _guard, where nothing waits.
    _all: "dict[tuple[int, str, str], tuple[int, Any]]" = {}  # noqa: RUF012 - it is for all of them
    _guard = threading.Lock()

    def __init__(self, locks: Locks, key: str, owner: int) -> None:
        self._locks = locks
        self._id = (owner, locks.name, key)
        self._is_released = False
        self._process = os.getpid()

    @classmethod
    def acquire(cls, locks: Locks, key: str, owner: int, timeout: float) -> "Held | None":
        """Wait for a lock, and take it. Return None if it is not free after `timeout` seconds."""
        held = cls(locks, key, owner)
        if held.try_once():
            return held
        for delay in delays(timeout):
            time.sleep(delay)
            if held.try_once():
                return held
        return None

    def try_once(self) -> bool:
        """Take the lock if it is free or its owner's, and return whether that is so."""
        # It is added by who has taken the lock itself, and by nobody else meanwhile; others may take it away.
        if self._id in self._all:
            with self._guard:
                if self._id in self._all:
                    count, token = self._all[self._id]
                    self._all[self._id] = (count + 1, token)
                    return True
        taken = self._locks.try_lock(self._id[2])
        if taken is None:
            return False
        self._all[self._id] = (1, taken)
        return True

    def token(self) -> Any:
        """Return what `Locks.try_lock` has returned."""
        return self._all[self._id][1]

    def release(self) -> bool:
        """Give the lock back; any thread may. Return False, and do nothing, where that was done already.

        In a process that was forked it does nothing: the lock is still that of the request.
        """
        if self._process != os.getpid():
            return False
        with self._guard:
            if self._is_released:
                return False
            self._is_released = True
            count, token = self._all.pop(self._id)
            if count > 1:
                self._all[self._id] = (count - 1, token)
                return True
        self._locks.unlock(self._id[2], token)
        return True
