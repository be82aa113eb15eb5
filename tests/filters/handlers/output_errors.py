"""Output filters that fail, each in its own way."""

import sys
from collections.abc import Iterator
from typing import Any

from mod_python import apache

kept: list[apache.Filter] = []


def at_once(filter: apache.Filter) -> None:
    raise ValueError("no < good")


def after_reading(filter: apache.Filter) -> None:
    filter.write(filter.read() or b"")
    raise ValueError("read and written")


def later(filter: apache.Filter) -> None:
    """Fail in the second call, or at the end of a body that came in one."""
    if hasattr(filter, "called"):
        raise ValueError("late")
    filter.called = True
    while chunk := filter.read():
        filter.write(chunk.upper())
    if chunk is None:
        raise ValueError("at the end")


def after_flush(filter: apache.Filter) -> None:
    filter.write(b"out")
    filter.flush()
    raise ValueError("flushed")


def forbid(filter: apache.Filter) -> None:
    filter.write(b"forget this")
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)


def forbid_later(filter: apache.Filter) -> None:
    filter.write(b"out")
    filter.flush()
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)


def return_ok(filter: apache.Filter) -> None:
    filter.write(b"A" + (filter.read() or b""))
    raise apache.SERVER_RETURN(apache.OK)


def return_status(filter: apache.Filter) -> None:
    raise apache.SERVER_RETURN(apache.OK, apache.HTTP_NON_AUTHORITATIVE)


def redirect(filter: apache.Filter) -> None:
    filter.req.headers_out["Location"] = "/elsewhere"
    raise apache.SERVER_RETURN(apache.HTTP_MOVED_TEMPORARILY)


def exits(filter: apache.Filter) -> None:
    sys.exit(3)


def recurses(filter: apache.Filter) -> None:
    recurses(filter)


def generator(filter: apache.Filter) -> Iterator[bytes]:
    yield b"no"


async def coroutine(filter: apache.AsyncFilter) -> None:
    pass


def spins(filter: apache.Filter) -> None:
    while filter.read() is not None:
        pass


def writes_number(filter: apache.Filter) -> None:
    number: Any = 5
    filter.write(number)


def writes_after_close(filter: apache.Filter) -> None:
    filter.write(b"whole")
    filter.close()
    filter.write(b"more")


def keeps(filter: apache.Filter) -> None:
    """Keep the filter beyond its request, and try it in the next one."""
    if filter in kept:
        return
    for old in kept:
        for name, arguments in (("read", ()), ("write", (b"x",)), ("close", ()), ("req", ()), ("name", ())):
            try:
                getattr(old, name)(*arguments)
            except RuntimeError as error:
                print("refused:", error)
    kept.append(filter)
