"""Handlers and filters of several interpreters, for requests in which C modules use Python, too."""

import sqlite3

from mod_python import apache


def _by_callback() -> str:
    """The interpreter in which sqlite3, which uses PyGILState_Ensure, calls a function."""
    found = []
    with sqlite3.connect(":memory:") as database:
        database.create_function("here", 0, lambda: found.append(apache.interpreter))
        database.execute("select here()").fetchall()
    return str(found[0])


def fixuphandler(req: apache.Request) -> int:
    assert _by_callback() == apache.interpreter
    return apache.OK


def handler(req: apache.Request) -> int:
    """Pages whose subrequests and redirects come to C modules while this Python code waits."""
    req.content_type = "text/plain"
    req.read()
    req.write(f"{apache.interpreter} {_by_callback()}\n")
    if req.args == "redirect":
        req.internal_redirect("/c")
    req.write(f"{apache.interpreter} {_by_callback()}\n")
    return apache.OK


def outputfilter(filter: apache.Filter) -> None:
    assert _by_callback() == apache.interpreter
    while data := filter.read():
        filter.write(data.upper())
        filter.flush()
    if data is None:
        filter.close()


def inputfilter(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data.upper())
    if data is None:
        filter.close()
