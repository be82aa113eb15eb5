"""Sessions: data of a visitor that the server keeps, found again by a cookie."""  # noqa: N999 - mod_python's name

import tempfile
import time
from pathlib import Path
from typing import Any

from mod_python import apache
from mod_python._sessions.base import CLEANUP_CHANCE, DFT_LOCK, DFT_TIMEOUT, BaseSession, ShippedSession
from mod_python._sessions.cache import CacheSession
from mod_python._sessions.cleanup import in_background
from mod_python._sessions.cookie import COOKIE_NAME
from mod_python._sessions.database import DatabaseStore
from mod_python._sessions.files import FileStore
from mod_python._sessions.folder import SessionFolderError, SessionStoreError
from mod_python._sessions.locks import FileLocks, Locks, MemoryLocks
from mod_python._sessions.options import SessionOptions
from mod_python._sessions.pool import only_one
from mod_python._sessions.records import Record, is_expired
from mod_python._sessions.servers import RedisSession, SqlSession
from mod_python._sessions.stored import StoredSession, tell_removed

__all__ = [
    "CLEANUP_CHANCE",
    "COOKIE_NAME",
    "DFT_CLEANUP_TIME_LIMIT",
    "DFT_FAST_CLEANUP",
    "DFT_GRACE_PERIOD",
    "DFT_LOCK",
    "DFT_TIMEOUT",
    "DFT_VERIFY_CLEANUP",
    "BaseSession",
    "CacheSession",
    "DbmSession",
    "FileSession",
    "MemorySession",
    "RedisSession",
    "Session",
    "SessionFolderError",
    "SessionStoreError",
    "SqlSession",
    "open_async",
    "tempdir",
]

DFT_FAST_CLEANUP = True
DFT_VERIFY_CLEANUP = True
DFT_GRACE_PERIOD = 240
DFT_CLEANUP_TIME_LIMIT = 2
tempdir = tempfile.gettempdir()


class MemorySession(ShippedSession):
    """A session in the memory of one child, and of one interpreter: for servers with one child.

    Values need not be picklable. What a value has in it is shared with other requests of the session.
    """

    _records: dict[str, Record] = {}  # noqa: RUF012 - it is for all of them
    _memory_locks = MemoryLocks()

    def make_locks(self) -> Locks:
        """Return the locks of this interpreter."""
        return self._memory_locks

    def do_load(self) -> Record | None:
        """Return the record."""
        return self._records.get(self._sid)

    def do_save(self, record: Record) -> None:
        """Keep the record."""
        self._records[self._sid] = record

    def do_delete(self) -> None:
        """Drop the record."""
        self._records.pop(self._sid, None)

    def do_cleanup(self) -> None:
        """Drop records that have expired."""
        now = time.time()
        removed = 0
        for sid, record in list(self._records.items()):
            # A record that was saved meanwhile is another one.
            if is_expired(record, now) and self._records.get(sid) is record:
                self._records.pop(sid, None)
                removed += 1
        tell_removed(type(self), removed)


class FileSession(StoredSession):
    """A session in a file of its own, in ``mp_sess`` below ``PythonOption mod_python.session.database_directory``."""

    def __init__(
        self,
        req: apache.Request,
        sid: str | int | None = 0,
        secret: str | bytes | None = None,
        timeout: float = 0,
        lock: bool | int = DFT_LOCK,
        fast_cleanup: bool | int = -1,
        verify_cleanup: bool | int = -1,
    ) -> None:
        """As `BaseSession`.

        Args:
            req: the request.
            sid: as for `BaseSession`, and so are the arguments that are not listed here.
            secret: as for `BaseSession`.
            timeout: as for `BaseSession`.
            lock: as for `BaseSession`.
            fast_cleanup: whether the clean-up looks only at files that were not used for the time-out and
                ``cleanup_grace_period``; -1 for what ``PythonOption mod_python.file_session.enable_fast_cleanup`` says.
            verify_cleanup: whether the clean-up reads these files for their own time-out; -1 for what
                ``PythonOption mod_python.file_session.verify_session_timeout`` says.
        """
        self._fast, self._verify = fast_cleanup, verify_cleanup
        super().__init__(req, sid, secret, timeout, lock)

    def open_store(self) -> None:
        """Make the folder, if it is not there."""
        self._codec = self.codec()
        folder = self.folder()
        self._store = FileStore(folder, FileLocks(f"{folder}/locks"), self._codec)

    def folder(self) -> Path:
        """Return the folder of the files."""
        return self._options.folder("file_session")

    def do_load(self) -> Record | None:
        """Read the file."""
        return self._decoded(self._store.load(self._sid))

    def do_save(self, record: Record) -> None:
        """Write the file."""
        self._store.save(self._sid, self._codec.encode(self._sid, record))

    def do_delete(self) -> None:
        """Remove the file."""
        self._store.delete(self._sid)

    def do_cleanup(self) -> None:
        """Remove files that have expired, on a thread of its own, for as long as ``cleanup_time_limit`` lets it."""
        options = self._options
        fast, verify = self._fast, self._verify
        if fast == -1:
            fast = options.flag("file_session.enable_fast_cleanup", DFT_FAST_CLEANUP)
        if verify == -1:
            verify = options.flag("file_session.verify_session_timeout", DFT_VERIFY_CLEANUP)
        grace = options.number("file_session.cleanup_grace_period", DFT_GRACE_PERIOD)
        limit = options.number("file_session.cleanup_time_limit", DFT_CLEANUP_TIME_LIMIT)
        kind, store, age = type(self), self._store, self._timeout + grace
        in_background(lambda: tell_removed(kind, store.clean_up(age, bool(fast), bool(verify), limit)))


class DbmSession(StoredSession):
    """A session in one file for all: a database of SQLite, where mod_python 3 had a dbm file."""

    _stores: dict[Path, DatabaseStore] = {}  # noqa: RUF012 - it is for all of them

    def __init__(
        self,
        req: apache.Request,
        dbm: str | None = None,
        sid: str | int | None = 0,
        secret: str | bytes | None = None,
        dbmtype: Any = None,  # noqa: ARG002 - the kinds of dbm files of mod_python 3
        timeout: float = 0,
        lock: bool | int = DFT_LOCK,
    ) -> None:
        """As `BaseSession`.

        Args:
            req: the request.
            dbm: the path of the file, which may be in the folder of the sessions; without it
                ``PythonOption mod_python.dbm_session.database_filename``, or ``mp_sess.dbm`` in that folder.
            sid: as for `BaseSession`, and so are the arguments that are not listed here.
            secret: as for `BaseSession`.
            dbmtype: ignored.
            timeout: as for `BaseSession`.
            lock: as for `BaseSession`.
        """
        self._named = dbm
        super().__init__(req, sid, secret, timeout, lock)

    def open_store(self) -> None:
        """Find the file; it is made when it is first read."""
        self._codec = self.codec()
        named = self._named or self._options.text("dbm_session.database_filename")
        path = self.folder() / (named or "mp_sess.dbm")
        self._store = only_one(self._stores, path, lambda: DatabaseStore(path))

    def folder(self) -> Path:
        """Return the folder of the file."""
        return self._options.folder("dbm_session")


_KINDS: dict[str, type[BaseSession]] = {
    kind.__name__: kind for kind in (MemorySession, FileSession, DbmSession, SqlSession, RedisSession, CacheSession)
}


def Session(  # noqa: N802 - mod_python's name
    req: apache.Request,
    sid: str | int | None = 0,
    secret: str | bytes | None = None,
    timeout: float = 0,
    lock: bool | int = DFT_LOCK,
) -> BaseSession:
    """Return a session of the kind that ``PythonOption mod_python.session.session_type`` names.

    Without it, it is a `MemorySession` where httpd has one child with threads, else a `DbmSession`. The arguments are
    those of `BaseSession`.

    Raises:
        ValueError: the option names no kind of session.
    """
    return _kind_of(req)(req, sid=sid, secret=secret, timeout=timeout, lock=lock)


async def open_async(
    req: apache.Request,
    sid: str | int | None = 0,
    secret: str | bytes | None = None,
    timeout: float = 0,
    lock: bool | int = DFT_LOCK,
) -> BaseSession:
    """Return a session as `Session` does, for async code: no thread waits for its lock.

    In a filter, await it before the first ``yield``, because the cookie goes with the headers.

    Raises:
        apache.SERVER_RETURN: with 503, if the session is not free in time.
        ValueError: as `Session`.
    """
    return await _kind_of(req).open_async(req, sid=sid, secret=secret, timeout=timeout, lock=lock)


def _kind_of(req: apache.Request) -> type[BaseSession]:
    name = SessionOptions(req).text("session.session_type")
    if not name:
        name = "MemorySession" if _has_one_child() else "DbmSession"
    if name not in _KINDS:
        raise ValueError(f"PythonOption mod_python.session.session_type {name}: write {' or '.join(_KINDS)}")
    return _KINDS[name]


def _has_one_child() -> bool:
    """Whether all requests come to threads of one process."""
    is_threaded = apache.mpm_query(apache.AP_MPMQ_IS_THREADED) != 0
    is_forked = apache.mpm_query(apache.AP_MPMQ_IS_FORKED) != 0
    return is_threaded and (not is_forked or apache.mpm_query(apache.AP_MPMQ_MAX_DAEMONS) == 1)
