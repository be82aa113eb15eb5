"""Filters as mod_python's users wrote them, one for each behaviour that changed."""

import sys
from typing import Any

from mod_python import apache

SEEN: dict[str, list[Any]] = {}


def reads(filter: Any) -> None:
    """Note what read() gives, call by call; never close."""
    calls = SEEN.setdefault(filter.req.uri, [])
    calls.append([])
    for _ in range(3):
        data = filter.read()
        calls[-1].append(data)
        if data is None:
            return
        filter.write(data)


def one_read(filter: Any) -> None:
    """Read one byte and leave the rest."""
    if "seen" not in vars(filter):
        filter.seen = True
        filter.write(b"[" + (filter.read(1) or b"") + b"]")


def nothing(filter: Any) -> None:
    """Read nothing at all."""


def close(filter: Any) -> None:
    """As the manual shows it."""
    data = filter.read()
    while data:
        filter.write(data.upper())
        data = filter.read()
    if data is None:
        filter.close()
        filter.close()


def raises(filter: Any) -> None:
    filter.read()
    raise KeyError("in a filter")


def forbids(filter: Any) -> None:
    filter.read()
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)


def tells(filter: Any) -> None:
    """Tell what the filter, and its request, say of themselves."""
    while (data := filter.read()) is not None:
        if not data:
            return
    path = [folder for folder in sys.path if "w72" in folder]
    filter.write(repr((filter.name, filter.req.phase, filter.req.get_config().get("PythonDebug"), path)))


def counts(filter: Any) -> None:
    """Keep state from call to call."""
    filter.calls = getattr(filter, "calls", 0) + 1
    while data := filter.read():
        filter.write(data)
    if data is None:
        filter.write(f" {filter.calls}")


def included(filter: Any) -> None:
    while (data := filter.read()) is not None:
        if not data:
            return
        filter.write(data)
    filter.write(b"(in)" if filter.req.main else b"(main)")


def modes(filter: Any) -> None:
    SEEN.setdefault("modes", []).append((filter.mode, filter.block, filter.readbytes))
    while data := filter.read():
        filter.write(data)


def ends(filter: Any) -> None:
    """End the body after its first piece."""
    filter.write(filter.read(2) or b"")
    filter.close()


def disables(filter: Any) -> None:
    """Step out, and then do in the same call what the query says."""
    filter.disable()
    word = filter.req.args
    if word == "write":
        filter.write(b"written ")
    elif word == "read":
        filter.write(b"[" + (filter.read(2) or b"") + b"]")
    elif word == "pass":
        filter.pass_on()
    elif word == "close":
        filter.close()


# ---- handlers


def flushes(req: apache.Request) -> int:
    req.write("one")
    req.write("two", 0)
    return apache.OK


def small(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write("small", 0)
    return apache.OK


def reader(req: apache.Request) -> int:
    try:
        data = req.read()
    except OSError as error:
        data = type(error).__name__.encode()
    req.write(data)
    return apache.OK


def tell(req: apache.Request) -> int:
    req.write(repr(SEEN.pop(req.args or "", None)))
    return apache.OK
