"""Counts visits in SQLite, or in PostgreSQL by psycopg: one pool of connections for each child.

A request has a connection for one transaction, so a child needs fewer of them than it has threads.
"""

import contextlib
import queue
import sqlite3
from collections.abc import Iterator
from typing import Any

from mod_python import apache

TABLE = "CREATE TABLE IF NOT EXISTS visits (page TEXT PRIMARY KEY, count INTEGER)"
VISIT = "INSERT INTO visits VALUES ('/', 1) ON CONFLICT (page) DO UPDATE SET count = visits.count + 1 RETURNING count"


class SqlitePool(queue.LifoQueue[sqlite3.Connection]):
    """Connections to a file, with those functions of psycopg_pool.ConnectionPool that are used here."""

    @contextlib.contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for one transaction."""
        connection = self.get(timeout=30)
        try:
            with connection:  # commits at the end, or rolls back
                yield connection
        finally:
            self.put(connection)

    def close(self) -> None:
        """Close the connections that are not lent."""
        while not self.empty():
            self.get(timeout=1).close()


def open_pool() -> Any:
    options = apache.main_server.get_options()
    address, size = options["database"], int(options["connections"])
    if address.startswith("postgresql:"):
        from psycopg_pool import ConnectionPool

        opened: Any = ConnectionPool(address, min_size=1, max_size=size)  # connects in the background
    else:
        opened = SqlitePool()
        for _ in range(size):
            opened.put(sqlite3.connect(address, timeout=30, check_same_thread=False))
        opened.queue[0].execute(TABLE)
    apache.register_cleanup(lambda _: opened.close())
    return opened


pool = apache.kept("pool", open_pool)  # once in a child: a new version of this file has the pool of the old one


def handler(req: apache.Request) -> int:
    with pool.connection() as connection:
        [count] = connection.execute(VISIT).fetchone()
    req.write(f"visit {count}\n")
    return apache.OK
