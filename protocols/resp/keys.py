"""Keys and their values in SQLite, shared by all children of the server."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

DATABASES = 16
NEVER = (1 << 63) - 1
PATIENCE = 5.0  # seconds that a transaction waits for those of other children
SWEEP = 1.0  # seconds between two removals of expired keys
PORTION = 1000  # rows that one scan reads at most
PORTION_BYTES = 1 << 20  # bytes of keys after which a scan ends
SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id INTEGER PRIMARY KEY, -- the cursor of SCAN; a new value does not change it
    db INTEGER NOT NULL,
    expires INTEGER NOT NULL, -- Unix time in milliseconds; stands before key and value, which may be long
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
    """Return the Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class Keys:
    """One file of keys. Its methods are called within `batch`; times are Unix times in milliseconds.

    Any thread may use it: `batch` holds a lock for as long as its block runs.
    """

    def __init__(self, path: str, most: int) -> None:
        """Open or make the file at `path`, which may grow to `most` bytes. Raise sqlite3.Error."""
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        # A commit writes, but does not sync: a crash of the machine may lose the last seconds, as with the
        # default settings of Redis. The file stays consistent in any case.
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA)
        (page,) = self._db.execute("PRAGMA page_size").fetchone()
        self._db.execute(f"PRAGMA max_page_count = {most // page}")
        self._do = self._db.execute
        self._swept = 0.0

    @contextmanager
    def batch(self, writes: bool) -> Iterator[None]:
        """Run a block as one transaction, which is rolled back if the block raises. Raise sqlite3.Error."""
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
        """Return the value of a key, or None."""
        query = "SELECT value FROM keys WHERE db = ? AND key = ? AND expires > ?"
        row = self._do(query, (db, key, now())).fetchone()
        return row[0] if row else None

    def expires(self, db: int, key: bytes) -> int | None:
        """Return when a key expires, or NEVER; None if it does not exist."""
        query = "SELECT expires FROM keys WHERE db = ? AND key = ? AND expires > ?"
        row = self._do(query, (db, key, now())).fetchone()
        return row[0] if row else None

    def put(self, db: int, key: bytes, value: bytes, expires: int = NEVER) -> None:
        """Set a key, whether it exists or not."""
        self._do(PUT, (db, key, value, expires))

    def put_new(self, db: int, key: bytes, value: bytes, expires: int) -> bool:
        """Set a key unless it exists; return whether it was set."""
        return self._do(PUT + "WHERE keys.expires <= ?", (db, key, value, expires, now())).rowcount > 0

    def change(self, db: int, key: bytes, value: bytes, expires: int | None = None) -> bool:
        """Set a key if it exists; return whether it was set. Without `expires` its time stays."""
        query = "UPDATE keys SET value = ?, expires = coalesce(?, expires) WHERE db = ? AND key = ? AND expires > ?"
        return self._do(query, (value, expires, db, key, now())).rowcount > 0

    def expire(self, db: int, key: bytes, expires: int) -> bool:
        """Change when a key expires; return whether it exists."""
        query = "UPDATE keys SET expires = ? WHERE db = ? AND key = ? AND expires > ?"
        return self._do(query, (expires, db, key, now())).rowcount > 0

    def delete(self, db: int, key: bytes) -> bool:
        """Remove a key; return whether it existed."""
        return self._do("DELETE FROM keys WHERE db = ? AND key = ? AND expires > ?", (db, key, now())).rowcount > 0

    def flush(self, db: int) -> None:
        """Remove all keys of a database."""
        self._do("DELETE FROM keys WHERE db = ?", (db,))

    def scan(self, db: int, after: int, most: int = PORTION) -> tuple[list[bytes], int]:
        """Return at most `most` keys behind the cursor `after`, and the next cursor; 0 if there are no more keys.

        It returns fewer after PORTION rows, which may be of other databases, or PORTION_BYTES of keys.
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
        """Return, for each database with keys, how many it has and how many of these expire."""
        query = "SELECT db, count(*), sum(expires < ?) FROM keys WHERE expires > ? GROUP BY db"
        return {db: (count, mortal) for db, count, mortal in self._do(query, (NEVER, now()))}


@cache
def opened(path: str, most: int) -> Keys:
    """Return the file at `path`. Each interpreter of a child opens it once."""
    return Keys(path, most)
