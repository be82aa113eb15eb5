"""Keys and their values in SQLite, shared by all children of the server."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

DATABASES = 16
NEVER = (1 << 63) - 1
PATIENCE = 5.0  # seconds that a batch waits for those of other children
SWEEP = 1.0  # seconds between two removals of what has expired
PORTION = 1000  # rows that one scan looks at
PORTION_BYTES = 1 << 20  # bytes of keys after which it ends
SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id INTEGER PRIMARY KEY, -- where SCAN is; it stays when the value changes
    db INTEGER NOT NULL,
    expires INTEGER NOT NULL, -- in milliseconds since 1970; before what may be long, so that that need not be read
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (db, key)
);
CREATE INDEX IF NOT EXISTS expiring ON keys (expires) WHERE expires < 9223372036854775807;
"""
PUT = """
INSERT INTO keys (db, key, value, expires) VALUES (?, ?, ?, ?)
ON CONFLICT (db, key) DO UPDATE SET value = excluded.value, expires = excluded.expires
"""


def now() -> int:
    """The time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Keys:
    """One file of keys. All is done within a `batch`, times are in milliseconds since 1970."""

    def __init__(self, path: str, most: int) -> None:
        """Open it, or make one, for at most so many bytes of keys and values."""
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        # Written before the answer, but not synced: a crash of httpd loses nothing, one of the machine
        # the last seconds, as Redis does with its usual settings. The file stays whole in any case.
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA)
        (page,) = self._db.execute("PRAGMA page_size").fetchone()
        self._db.execute(f"PRAGMA max_page_count = {most // page}")
        self._do = self._db.execute
        self._swept = 0.0

    @contextmanager
    def batch(self, writes: bool) -> Iterator[None]:
        """What is done meanwhile is done as a whole or, if it raises sqlite3.Error, not at all."""
        with self._lock:
            self._do("BEGIN IMMEDIATE" if writes else "BEGIN")
            try:
                if writes and time.monotonic() > self._swept + SWEEP:
                    self._sweep()
                yield
                self._do("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._do("ROLLBACK")

    def _sweep(self) -> None:
        self._swept = time.monotonic()
        dead = "SELECT id FROM keys WHERE expires < ? LIMIT 1000"
        self._do(f"DELETE FROM keys WHERE id IN ({dead})", (now(),))

    def get(self, db: int, key: bytes) -> bytes | None:
        """The value of a key."""
        query = "SELECT value FROM keys WHERE db = ? AND key = ? AND expires > ?"
        row = self._do(query, (db, key, now())).fetchone()
        return row[0] if row else None

    def expires(self, db: int, key: bytes) -> int | None:
        """When a key that is there expires, or NEVER."""
        query = "SELECT expires FROM keys WHERE db = ? AND key = ? AND expires > ?"
        row = self._do(query, (db, key, now())).fetchone()
        return row[0] if row else None

    def put(self, db: int, key: bytes, value: bytes, expires: int = NEVER) -> None:
        """Set a key, whether it is there or not."""
        self._do(PUT, (db, key, value, expires))

    def put_new(self, db: int, key: bytes, value: bytes, expires: int) -> bool:
        """Set a key that is not there; tell whether that was so."""
        return self._do(PUT + "WHERE keys.expires <= ?", (db, key, value, expires, now())).rowcount > 0

    def change(self, db: int, key: bytes, value: bytes, expires: int | None = None) -> bool:
        """Set a key that is there; tell whether that was so. Without `expires`, that stays."""
        query = "UPDATE keys SET value = ?, expires = coalesce(?, expires) WHERE db = ? AND key = ? AND expires > ?"
        return self._do(query, (value, expires, db, key, now())).rowcount > 0

    def expire(self, db: int, key: bytes, expires: int) -> bool:
        """Change the time of a key; tell whether it is there."""
        query = "UPDATE keys SET expires = ? WHERE db = ? AND key = ? AND expires > ?"
        return self._do(query, (expires, db, key, now())).rowcount > 0

    def delete(self, db: int, key: bytes) -> bool:
        """Remove a key; tell whether it was there."""
        return self._do("DELETE FROM keys WHERE db = ? AND key = ? AND expires > ?", (db, key, now())).rowcount > 0

    def flush(self, db: int) -> None:
        """Remove all keys of a database."""
        self._do("DELETE FROM keys WHERE db = ?", (db,))

    def scan(self, db: int, after: int, most: int = PORTION) -> tuple[list[bytes], int]:
        """The next keys behind a place, at most so many, and the place behind them; 0 if there are no more.

        It ends sooner when it has looked at PORTION rows, of other databases too, or found PORTION_BYTES.
        """
        key = "CASE WHEN db = ? AND expires > ? THEN key END"
        rows = self._do(f"SELECT id, {key} FROM keys WHERE id > ? ORDER BY id LIMIT ?", (db, now(), after, PORTION))
        found: list[bytes] = []
        seen = size = place = 0
        for place, name in rows:
            seen += 1
            if name is not None:
                found.append(name)
                size += len(name)
            if len(found) >= most or size >= PORTION_BYTES:
                rows.close()
                return found, place
        return found, place if seen == PORTION else 0

    def sizes(self) -> dict[int, tuple[int, int]]:
        """The numbers of all keys, and of those that expire, for each database that has any."""
        query = "SELECT db, count(*), sum(expires < ?) FROM keys WHERE expires > ? GROUP BY db"
        return {db: (count, mortal) for db, count, mortal in self._do(query, (NEVER, now()))}


@cache
def opened(path: str, most: int) -> Keys:
    """The file of that path: one connection to it for each interpreter of a child."""
    return Keys(path, most)
