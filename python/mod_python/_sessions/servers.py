"""Sessions on a server that several machines can share: ``SqlSession`` and ``RedisSession``."""

import re
from pathlib import Path
from typing import Any

from mod_python._sessions.database import DatabaseStore
from mod_python._sessions.locks import FileLocks, Locks
from mod_python._sessions.pool import only_one
from mod_python._sessions.postgresql import PostgreSQLStore
from mod_python._sessions.postgresql import statements as postgresql_statements
from mod_python._sessions.records import ACCESSED, TIMEOUT, Record
from mod_python._sessions.redis_store import RedisStore
from mod_python._sessions.stored import StoredSession

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
_LOCK_SECONDS = 20
_FILE = "sql_session.url"
_REDIS_URLS = ("redis://", "rediss://", "unix://")


class _ServerSession(StoredSession):
    """A session whose lock and record belong to the same store."""

    def make_locks(self) -> Locks:
        """Return the locks of the store."""
        locks: Locks = self._store
        return locks

    def do_load(self) -> Record | None:
        """Read the record."""
        return self._decoded(self._store.load(self._sid, self._token()))

    def do_save(self, record: Record) -> None:
        """Write the record."""
        expires = record[ACCESSED] + record[TIMEOUT]
        self._store.save(self._sid, self._codec.encode(self._sid, record), expires, self._token())

    def _token(self) -> Any:
        return None if self._lock_held is None else self._lock_held.token()


class SqlSession(_ServerSession):
    """A session in a table of PostgreSQL, or of a file of SQLite: ``PythonOption mod_python.sql_session.url``.

    PostgreSQL needs psycopg 3. The table is made when it is first needed; `statements` returns what makes it.
    """

    _stores: dict[tuple[str, str], PostgreSQLStore] = {}  # noqa: RUF012 - it is for all of them
    _files: dict[tuple[Path, str], DatabaseStore] = {}  # noqa: RUF012

    def open_store(self) -> None:
        """Find the database, which is connected to when it is first used."""
        url = self._options.text("sql_session.url")
        table = self._options.text("sql_session.table", "mp_session")
        if _TABLE.fullmatch(table) is None:
            raise ValueError(f"PythonOption mod_python.sql_session.table {table}: write a name, or SCHEMA.NAME")
        self._path: Path | None = None
        if url.startswith("sqlite:"):
            self._path = path = Path(url.removeprefix("sqlite:").removeprefix("//"))
            if not path.is_absolute():
                raise ValueError(f"PythonOption mod_python.sql_session.url {url}: write sqlite:///PATH/OF/THE/FILE")
            self._store = only_one(self._files, (path, table), lambda: DatabaseStore(path, table, _FILE, is_own=False))
        elif url.startswith(("postgresql://", "postgres://")) or "=" in url:
            self._store = only_one(self._stores, (url, table), lambda: PostgreSQLStore(url, table))
        else:
            raise ValueError(
                f"PythonOption mod_python.sql_session.url {url or '(missing)'}: write postgresql://USER@HOST/DATABASE, "
                f"host=... dbname=... as libpq has it, or sqlite:///PATH/OF/THE/FILE"
            )
        self._codec = self.codec()

    def make_locks(self) -> Locks:
        """Return the locks of the server; those of a file are in another one beside it."""
        return super().make_locks() if self._path is None else FileLocks(f"{self._path}.locks", _FILE)

    @staticmethod
    def statements(table: str = "mp_session") -> list[str]:
        """Return the statements that make the table of PostgreSQL, for a user who may not make it."""
        return postgresql_statements(table)


class RedisSession(_ServerSession):
    """A session in Redis, which ends there by itself: ``PythonOption mod_python.redis_session.url``. It needs redis-py.

    Its lock ends after ``PythonOption mod_python.redis_session.lock_seconds``, 20 without it. A request that takes
    longer can still save, unless another one has the session or has changed it; then save() raises
    ``apache.SERVER_RETURN`` with 503.
    """

    _stores: dict[tuple[str, str, float], RedisStore] = {}  # noqa: RUF012 - it is for all of them

    def open_store(self) -> None:
        """Find the server, which is connected to when it is first used."""
        url = self._options.text("redis_session.url", "redis://localhost:6379/0")
        if not url.startswith(_REDIS_URLS):
            raise ValueError(
                f"PythonOption mod_python.redis_session.url {url}: write redis://HOST:PORT/NUMBER, the same with "
                f"rediss: for TLS, or unix:///PATH/OF/THE/SOCKET?db=NUMBER"
            )
        prefix = self._options.text("redis_session.prefix", "mp_sess:")
        seconds = self._options.number("redis_session.lock_seconds", _LOCK_SECONDS)
        key = (url, prefix, seconds)
        self._store = only_one(self._stores, key, lambda: RedisStore(*key))
        self._codec = self.codec()

    def do_cleanup(self) -> None:
        """Do nothing: Redis removes what has expired."""
