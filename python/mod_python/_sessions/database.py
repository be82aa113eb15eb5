"""Sessions in one file of SQLite, which all children share: what ``DbmSession`` is now."""

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mod_python import apache
from mod_python._sessions.folder import SessionFolderError, made
from mod_python._sessions.pool import Pool

_WAIT_SECONDS = 30
# The codes of errors for which others are the reason that use the file, and end soon.
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
# How many sessions are removed at once.
_PORTION = 1000
# How often the file is made anew where others remove it meanwhile.
_TRIES = 5
_SCHEMA = """
CREATE TABLE IF NOT EXISTS {0} (sid TEXT PRIMARY KEY, expires REAL NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS {0}_expires ON {0} (expires);
"""


class _FileGoneError(Exception):
    """The file of a connection was removed, or another one has its place."""


class _Connection(sqlite3.Connection):
    """A connection, and the file that it has open, as `_identity` tells it."""

    file: tuple[int, int] | None = None


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from others; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - pathlib takes longer than the call
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _is_malformed(error: BaseException | None) -> bool:
    """Whether SQLite has found a file to be none of its own, or one that is broken."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, sqlite3.DatabaseError) and code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class DatabaseStore:
    """Loads and saves the bytes of sessions.

    Args:
        path: the file. With write-ahead logging, readers and a writer do not wait for each other, and a child that is
            killed leaves no broken file. Whoever removes it ends all sessions, and a new one is made.
        table: the name of the table.
        option: the one that names the file.
        is_own: whether there are sessions alone in the file, so that it is made anew where it is broken.
    """

    def __init__(
        self,
        path: Path,
        table: str = "session",
        option: str = "dbm_session.database_filename",
        *,
        is_own: bool = True,
    ) -> None:
        self._path = path
        self._option = option
        self._is_own = is_own
        self._table = table
        # The file that this process has used last.
        self._used: tuple[int, int] | None = None
        self._pool: Pool[_Connection] = Pool(self._new, self._is_gone)

    def load(self, sid: str, lock: object = None) -> bytes | None:  # noqa: ARG002 - other stores need it
        """Return the bytes of a session, or None."""
        text = f"SELECT record FROM {self._table} WHERE sid = ?"

        def look(connection: _Connection) -> Any:
            if connection.file != _identity(self._path):
                raise _FileGoneError(self._path)
            return connection.execute(text, (sid,)).fetchone()

        row = self._run(look)
        return None if row is None else bytes(row[0])

    def save(self, sid: str, data: bytes, expires: float, lock: object = None) -> None:  # noqa: ARG002
        """Write the bytes of a session that expires at a time, in seconds since 1970."""
        text = f"INSERT OR REPLACE INTO {self._table} VALUES (?, ?, ?)"
        self._run(lambda connection: connection.execute(text, (sid, expires, data)))

    def delete(self, sid: str) -> None:
        """Remove a session, if it is there."""
        text = f"DELETE FROM {self._table} WHERE sid = ?"
        self._run(lambda connection: connection.execute(text, (sid,)))

    def clean_up(self, now: float) -> int:
        """Remove sessions that have expired, and return how many.

        They go a portion at a time, between which others can save: a file of SQLite has one writer.
        """
        found = f"SELECT sid FROM {self._table} WHERE expires < ? LIMIT {_PORTION}"
        text = f"DELETE FROM {self._table} WHERE sid IN ({found})"
        removed = 0
        while True:
            begun = time.monotonic()
            count: int = self._run(lambda connection: connection.execute(text, (now,)).rowcount)
            removed += count
            if count < _PORTION:
                return removed
            time.sleep(time.monotonic() - begun)

    def _run(self, work: Callable[[_Connection], Any]) -> Any:
        """Return what `work` returns for a connection. Errors of SQLite do not name its file."""
        try:
            return self._pool.run(work)
        except sqlite3.Error as error:
            error.add_note(f"The file of the sessions is {self._path}.")
            raise

    def _is_gone(self, connection: _Connection, error: BaseException) -> bool:
        """Whether the use of a connection failed because its file was removed, or is to be made anew."""
        if connection.file != _identity(self._path):
            return isinstance(error, _FileGoneError | sqlite3.Error)
        if not (self._is_own and _is_malformed(error)):
            return False
        self._discard(connection.file)
        return True

    def _new(self) -> _Connection:
        tries = 0
        while True:
            tries += 1
            try:
                with self._making(fcntl.LOCK_SH):
                    return self._made()
            except _FileGoneError as error:  # while it was prepared
                if tries == _TRIES:
                    raise
                if self._is_own and _is_malformed(error.__cause__):
                    self._discard(self._used)

    def _made(self) -> _Connection:
        # SQLite gives its other files the permissions of this one.
        made(self._path, self._option)
        file = _identity(self._path)
        connection = sqlite3.connect(
            self._path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False, factory=_Connection
        )
        connection.file = file
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._used = file
        return connection

    def _prepare(self, connection: _Connection) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_SCHEMA.format(self._table))
            except sqlite3.DatabaseError as error:
                was_whole = self._is_own and connection.file == self._used
                if connection.file != _identity(self._path) or (was_whole and _is_malformed(error)):
                    raise _FileGoneError(self._path) from error
                if not isinstance(error, sqlite3.OperationalError):
                    step = "remove" if self._is_own else "restore"
                    raise SessionFolderError(
                        f"{self._path} is no file of SQLite ({error}): {step} it, or name another one in "
                        f"PythonOption mod_python.{self._option}"
                    ) from error
                # Where several children make the file at the same time, SQLite does not wait for the others.
                if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def _discard(self, file: tuple[int, int] | None) -> None:
        """Remove a file that this process has used, and that is broken now, unless another process has done so."""
        with self._making(fcntl.LOCK_EX):
            if _identity(self._path) != file:
                return
            for end in ("", "-wal", "-shm"):
                Path(f"{self._path}{end}").unlink(missing_ok=True)
        apache.log_error(
            f"mod_python: {self._path} was broken, as it can be by its removal while it was used: "
            f"it is made anew, and the sessions in it have ended"
        )

    @contextlib.contextmanager
    def _making(self, kind: int) -> Iterator[None]:
        """Wait until no other process makes the file (`LOCK_EX`), or removes a broken one (`LOCK_SH`)."""
        try:
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:  # it may not be listed, or is not there, as will be said
            yield
            return
        try:
            fcntl.flock(folder, kind)
            yield
        finally:
            os.close(folder)
