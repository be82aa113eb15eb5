"""Connections to a database of sessions: each is used by one thread at a time, and kept for the next one."""

import contextlib
import os
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from mod_python import apache


class Closable(Protocol):
    """A connection."""

    def close(self) -> None:
        """Close it."""


C = TypeVar("C", bound=Closable)
K = TypeVar("K")
T = TypeVar("T")

_MOST_IDLE = 8


def only_one(known: dict[K, T], key: K, make: Callable[[], T]) -> T:
    """Return what is known under a key, which is made at first: the same for all threads."""
    found = known.get(key)
    return known.setdefault(key, make()) if found is None else found


class Pool(Generic[C]):
    """The connections of a child to one database; no lock is held while one is made or used.

    There are as many as threads use one at the same time; of those that are idle, up to 8 are kept. Connections of the
    process that has forked this one are left alone.

    Args:
        connect: makes a connection.
        is_lost: tells of a connection, and the exception that its use raised, whether the server has gone away.
    """

    # What the process that has forked this one uses: closing it here would end it there.
    _of_others: "list[list[Closable]]" = []  # noqa: RUF012 - it is for all of them

    def __init__(self, connect: Callable[[], C], is_lost: Callable[[C, BaseException], bool]) -> None:
        self._connect = connect
        self._is_lost = is_lost
        self._idle: list[C] = []
        self._process = 0

    def take(self) -> C:
        """Return a connection, which is the caller's until `give` or its `close`."""
        if self._process != os.getpid():
            self._of_others.append([*self._idle])
            self._idle, self._process = [], os.getpid()
            apache.register_cleanup(Pool.close, self)
        try:
            return self._idle.pop()
        except IndexError:
            pass  # what fails below has nothing to do with this
        return self._connect()

    def give(self, connection: C) -> None:
        """Take a connection back."""
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            with contextlib.suppress(Exception):
                self._idle.pop().close()

    def taken_for(self, work: Callable[[C], T]) -> tuple[C, T]:
        """Return a connection, which is the caller's as that of `take`, and what `work` returns for it.

        If the connection is lost, `work` is called with a new one, once.

        Raises:
            BaseException: whatever `work` raises.
        """
        connection = self.take()
        try:
            return connection, work(connection)
        except BaseException as error:
            is_lost = self._is_lost(connection, error)
            connection.close()
            if not is_lost:
                raise
        self.close()  # the others were made before the server went away, too
        connection = self.take()
        try:
            return connection, work(connection)
        except BaseException:
            connection.close()
            raise

    def run(self, work: Callable[[C], T]) -> T:
        """Return what `work` returns for a connection, as `taken_for`."""
        connection, result = self.taken_for(work)
        self.give(connection)
        return result
