"""Sessions in a table of PostgreSQL, by psycopg 3, and their locks: for ``SqlSession``."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from mod_python._sessions.folder import SessionStoreError
from mod_python._sessions.locks import LockLostError
from mod_python._sessions.pool import Pool

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

T = TypeVar("T")

_CONNECT_SECONDS = "10"
_SAVE = (
    "INSERT INTO {table} VALUES (%s, %s, %s) "
    "ON CONFLICT (sid) DO UPDATE SET expires = EXCLUDED.expires, record = EXCLUDED.record"
)


class PostgreSQLLock:
    """The lock of a session: the connection whose advisory lock it is, and the record that was seen with it."""

    def __init__(self, connection: "Connection", sid: str) -> None:
        self.connection = connection
        self.sid = sid
        self.seen: bytes | None = None


class PostgreSQLStore:
    """Loads and saves the bytes of sessions, and locks them: it is the `Locks` of ``SqlSession``, too.

    A lock is an advisory one of the server's (pg_advisory_lock), which the server frees when the connection ends: that
    of a child that was killed. So a session that is locked has a connection until it is unlocked.

    Args:
        url: how to connect, as libpq has it: a URL, or ``host=... dbname=...``.
        table: the name of the table; it is made when it is first needed.
    """

    def __init__(self, url: str, table: str) -> None:
        self.name = f"{url} {table}"
        self._url = url
        self._table = table
        self._save = _SAVE.format(table=table)
        self._delete = f"DELETE FROM {table} WHERE sid = %s"
        self._clean_up = f"DELETE FROM {table} WHERE expires < %s"
        self._load = f"SELECT record FROM {table} WHERE sid = %s"
        self._pool: Pool[Connection] = Pool(self._connect, _is_lost)

    # ---- records

    def load(self, sid: str, lock: PostgreSQLLock | None) -> bytes | None:
        """Return the bytes of a session, or None."""
        record = self._run(lambda connection: self._record(connection, sid), lock)
        if lock is not None:
            lock.seen = record
        return record

    def save(self, sid: str, data: bytes, expires: float, lock: PostgreSQLLock | None) -> None:
        """Write the bytes of a session that expires at a time, in seconds since 1970.

        Raises:
            LockLostError: the lock was lost with its connection, and somebody else has changed the session.
        """
        self._run(lambda connection: connection.execute(self._save, (sid, expires, data)), lock)
        if lock is not None:
            lock.seen = data

    def delete(self, sid: str) -> None:
        """Remove a session, if it is there."""
        self._run(lambda connection: connection.execute(self._delete, (sid,)), None)

    def clean_up(self, now: float) -> int:
        """Remove sessions that have expired, and return how many."""
        return self._run(lambda connection: connection.execute(self._clean_up, (now,)).rowcount, None)

    # ---- locks

    def try_lock(self, key: str) -> PostgreSQLLock | None:
        """Take the lock of a session; None if it is taken."""
        connection, is_ours = self._pool.taken_for(lambda connection: _lock(connection, key))
        if is_ours:
            return PostgreSQLLock(connection, key)
        self._pool.give(connection)
        return None

    def unlock(self, key: str, token: PostgreSQLLock) -> None:
        """Give back a lock."""
        try:
            token.connection.execute("SELECT pg_advisory_unlock(%s)", (_number(key),))
        except Exception:
            token.connection.close()  # which frees it, too
        else:
            self._pool.give(token.connection)

    # ---- connections

    def _connect(self) -> "Connection":
        try:
            import psycopg
            from psycopg.conninfo import conninfo_to_dict
        except ImportError as error:
            raise SessionStoreError(
                f"SqlSession needs psycopg 3 for PostgreSQL ({error}): install the package python3-psycopg of Debian, "
                f"or psycopg[binary] with pip"
            ) from error
        options = {"connect_timeout": _CONNECT_SECONDS, "application_name": "mod_python", **conninfo_to_dict(self._url)}
        return psycopg.connect(autocommit=True, **options)  # type: ignore[arg-type]  # they are texts for libpq

    def _run(self, work: "Callable[[Connection], T]", lock: PostgreSQLLock | None) -> T:
        """Do something on the connection of the lock, or on any; on a new one, once, if that is lost."""

        def with_table(connection: "Connection") -> T:
            from psycopg.errors import UndefinedTable

            try:
                return work(connection)
            except UndefinedTable:
                self._make_table(connection)
                return work(connection)

        if lock is None:
            return self._pool.run(with_table)
        try:
            return with_table(lock.connection)
        except BaseException as error:
            if not _is_lost(lock.connection, error):
                raise
            lock.connection.close()
        self._pool.close()
        self._regain(lock)
        return with_table(lock.connection)

    def _regain(self, lock: PostgreSQLLock) -> None:
        """Take a lock whose connection was lost again. Raise LockLostError if somebody else had it meanwhile."""
        lock.connection = self._pool.take()
        if not _lock(lock.connection, lock.sid) or self._record(lock.connection, lock.sid) != lock.seen:
            raise LockLostError(lock.sid)

    def _record(self, connection: "Connection", sid: str) -> bytes | None:
        row = connection.execute(self._load, (sid,)).fetchone()
        return None if row is None else bytes(row[0])

    def _make_table(self, connection: "Connection") -> None:
        from psycopg import errors

        for statement in statements(self._table):
            try:
                connection.execute(statement)
            except (errors.UniqueViolation, errors.DuplicateTable, errors.DuplicateObject):
                pass  # another child has made it at the same time
            except errors.InsufficientPrivilege as error:
                text = "; ".join(statements(self._table))
                raise SessionStoreError(
                    f"there is no table {self._table}, and this user of the database may not make it: let one who may "
                    f"run: {text}; and let this user SELECT, INSERT, UPDATE and DELETE in it"
                ) from error


def statements(table: str) -> list[str]:
    """Return the statements that make the table of sessions."""
    name = table.rpartition(".")[2]
    return [
        f"CREATE TABLE IF NOT EXISTS {table} "
        f"(sid text PRIMARY KEY, expires double precision NOT NULL, record bytea NOT NULL)",
        f"CREATE INDEX IF NOT EXISTS {name}_expires ON {table} (expires)",
    ]


def _is_lost(connection: "Connection", error: BaseException) -> bool:
    return isinstance(error, Exception) and connection.closed


def _number(sid: str) -> int:
    return int(sid[:15], 16)


def _lock(connection: "Connection", sid: str) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_number(sid),)).fetchone()
    return row is not None and bool(row[0])
