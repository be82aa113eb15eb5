"""Sessions in one file of SQLite, which all children share: what ``DbmSession`` is now."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from mod_python._session_folder import SessionFolderError

_WAIT_SECONDS = 30
_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (sid TEXT PRIMARY KEY, expires REAL NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_expires ON session (expires);
"""


class DatabaseStore:
    """Loads and saves the bytes of sessions.

    Args:
        path: the file. With write-ahead logging, readers and a writer do not wait for each other, and a child that is
            killed leaves no broken file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []

    def load(self, sid: str) -> bytes | None:
        """Return the bytes of a session, or None."""
        with self._connection() as connection:
            row = connection.execute("SELECT record FROM session WHERE sid = ?", (sid,)).fetchone()
        return None if row is None else bytes(row[0])

    def save(self, sid: str, data: bytes, expires: float) -> None:
        """Write the bytes of a session that expires at a time, in seconds since 1970."""
        with self._connection() as connection:
            connection.execute("INSERT OR REPLACE INTO session VALUES (?, ?, ?)", (sid, expires, data))

    def delete(self, sid: str) -> None:
        """Remove a session, if it is there."""
        with self._connection() as connection:
            connection.execute("DELETE FROM session WHERE sid = ?", (sid,))

    def clean_up(self, now: float) -> int:
        """Remove sessions that have expired, and return how many."""
        with self._connection() as connection:
            return connection.execute("DELETE FROM session WHERE expires < ?", (now,)).rowcount

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection: each is used by one thread at a time, so that no lock is held while one waits."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._new()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _new(self) -> sqlite3.Connection:
        # SQLite gives its other files the permissions of this one.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        connection = sqlite3.connect(self._path, _WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_SCHEMA)
            except sqlite3.OperationalError:
                # Where several children make the file at the same time, SQLite does not wait for the others.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            except sqlite3.DatabaseError as error:
                raise SessionFolderError(
                    f"{self._path} is no file of SQLite ({error}): remove it, or name another one in "
                    f"PythonOption mod_python.dbm_session.database_filename"
                ) from error
            else:
                return
