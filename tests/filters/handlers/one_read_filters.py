"""Filters and handlers in the style of mod_python 3.5 that read all of a brigade by one read()."""

from typing import Any

from mod_python import apache


def once(filter: Any) -> None:
    """Read, write, close, as many filters for 3.5 do."""
    s = filter.read()
    if s:
        filter.write(s)
        filter.close()


def lengths(filter: Any) -> None:
    """Tell how long each piece is, in place of the body."""
    while (data := filter.read()) is not None:
        if not data:
            return
        filter.write(f"{len(data)} ")


def asks(filter: Any) -> None:
    """Ask for a number of bytes, and end the body behind them."""
    if data := filter.read(int(filter.req.args)):
        filter.write(data)
        filter.close()


def first_line(filter: Any) -> None:
    if line := filter.readline():
        filter.write(line)
        filter.close()


def ten(req: apache.Request) -> int:
    """Write ten pieces that httpd does not send at once."""
    req.content_type = "text/plain"
    for number in range(10):
        req.write(str(number) * int(req.args or 1), 0)
    return apache.OK


def slow(req: apache.Request) -> int:
    """Flush between two pieces, so that a filter is called for each."""
    req.content_type = "text/plain"
    req.write("one", 0)
    req.write("two")
    req.write("three", 0)
    return apache.OK


def reader(req: apache.Request) -> int:
    try:
        req.write(str(len(req.read())))
    except OSError as error:
        req.write(f"OSError {error}")
    return apache.OK
