"""Handlers that are busy when their child is told to stop; called by call_by_path."""

import re
import sqlite3

from mod_python import apache


def at_end(data: object) -> None:
    print("the child is at its end")


def ask(number: int) -> int:
    """Ask a database for a number, so often."""
    apache.register_cleanup(at_end)
    apache.log_error("asks", apache.APLOG_NOTICE)
    with sqlite3.connect(":memory:") as database:
        for _ in range(number):
            database.execute("select random()").fetchall()
    return number


def sql(req: apache.Request) -> list[int]:
    return [ask(2000)]


def sql_forever(req: apache.Request) -> list[int]:
    return [ask(10**9)]


def registers(req: apache.Request) -> int:
    apache.register_cleanup(at_end)
    return apache.OK


def says_and_works(req: apache.Request) -> list[int]:
    apache.log_error("at work", apache.APLOG_NOTICE)
    return sql_forever(req)


def keeps_the_gil(req: apache.Request) -> list[bool]:
    apache.register_cleanup(at_end)
    apache.log_error("keeps it", apache.APLOG_NOTICE)
    return [bool(re.match(r"(a+)+$", "a" * 60 + "b"))]


def reads(conn: apache.Connection) -> int:
    seen = conn.read(3)
    conn.log_error("reads", apache.APLOG_NOTICE)
    try:
        seen += conn.read(-1)
    except ConnectionError as error:
        conn.log_error(f"read {len(seen)} bytes: ConnectionError: {error}", apache.APLOG_NOTICE)
    return apache.OK
