"""Filters of connections, and handlers that tell what they saw."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from mod_python import apache

Chunks = AsyncIterator[object]
# What happened in this child, by name.
SEEN: Counter[str] = Counter()
FIRST: dict[str, bytes] = {}


async def outputfilter(filter: Any) -> Chunks:
    """Count connections, and what goes over each; mark it in a local variable."""
    SEEN["connections"] += 1
    number = 0
    try:
        async for chunk in filter:
            number += chunk.count(b"number")
            yield chunk.replace(b"number", b"%06d" % number)
    finally:
        SEEN["closed"] += 1
        filter.connection.log_error(f"closed after {number}", apache.APLOG_INFO)


async def inputfilter(filter: Any) -> Chunks:
    """Write another path into request lines."""
    assert filter.req is None
    async for chunk in filter:
        yield chunk.replace(b"/old/", b"/new/")


def upper(filter: Any) -> None:
    """As a plain function: what is marked comes in capitals, and tallies are counted in an attribute."""
    while data := filter.read():
        filter.tally = getattr(filter, "tally", 0) + data.count(b"<tally>")
        filter.write(data.replace(b"<mark>", b"<MARK>").replace(b"<tally>", b"%07d" % filter.tally))


def plain_input(filter: Any) -> None:
    while data := filter.read():
        filter.write(data.replace(b"/older/", b"/newer/"))


async def first_out(filter: Any) -> Chunks:
    async for chunk in filter:
        FIRST.setdefault(f"{filter.name} out {filter.connection.local_addr[1]}", chunk[:5])
        yield chunk


async def first_in(filter: Any) -> Chunks:
    async for chunk in filter:
        FIRST.setdefault(f"{filter.name} in {filter.connection.local_addr[1]}", chunk[:5])
        yield chunk


def plain_first(filter: Any) -> None:
    """For both ways."""
    while data := filter.read():
        way = "in" if filter.is_input else "out"
        FIRST.setdefault(f"{filter.name} {way} {filter.connection.local_addr[1]}", data[:5])
        filter.write(data)


async def metadata(filter: Any) -> Chunks:
    """Count the types of buckets that pass."""
    async for bucket in filter.buckets():
        SEEN[bucket.type if bucket.is_metadata else "data"] += 1
        yield bucket


async def refused(filter: Any) -> Chunks:
    """Try everything that would hold data back."""
    for name, arguments in {"read": (1,), "peek": (1,), "lines": (), "body": (), "replace": ({"a": "b"},)}.items():
        try:
            getattr(filter, name)(*arguments)
        except RuntimeError as error:
            SEEN[f"{name}: {error}"] += 1
    async for chunk in filter:
        yield chunk


def close(filter: Any) -> None:
    try:
        filter.close()
    except RuntimeError as error:
        SEEN[f"close: {error}"] += 1


async def leave(filter: Any) -> Chunks:
    """Return early: what follows goes by."""
    async for chunk in filter:
        yield chunk.replace(b"once", b"ONCE")
        if b"once" in chunk:
            return


async def fail(filter: Any) -> Chunks:
    async for chunk in filter:
        if b"poison" in chunk:
            raise ValueError("poison")
        yield chunk


async def fail_in(filter: Any) -> Chunks:
    async for chunk in filter:
        if b"poison" in chunk:
            raise ValueError("poison")
        yield chunk


async def slow_step(filter: Any) -> Chunks:
    async for chunk in filter:
        if b"linger" in chunk:
            while True:
                time.sleep(0.01)
        yield chunk


async def body_only(filter: Any) -> Chunks:
    """Of a filter behind the headers: change the length of what it sees, and show where that begins and ends."""
    yield b"<"
    async for chunk in filter:
        yield chunk + chunk
    yield b">"


async def same(filter: Any) -> Chunks:
    async for chunk in filter:
        yield chunk


# ---- handlers


def seen(req: apache.Request) -> int:
    """Tell what happened since the last time, this request not included, but the last one of this kind."""
    lines = [f"{name}={count}\n" for name, count in sorted(SEEN.items())]
    lines += [f"{name}={first!r}\n" for name, first in sorted(FIRST.items())]
    SEEN.clear()
    FIRST.clear()
    req.write("".join(lines))
    return apache.OK


def say(req: apache.Request) -> int:
    """Answer with the query, if there is one, or the path."""
    req.content_type = "text/plain"
    req.write(req.args or req.uri)
    return apache.OK


def events(req: apache.Request) -> int:
    """Server-sent events."""
    req.content_type = "text/event-stream"
    for number in range(3):
        req.write(f"data: {number}\n\n")
        time.sleep(0.1)
    return apache.OK


def length(req: apache.Request) -> int:
    """Answer with a Content-Length that was said beforehand, in two pieces."""
    req.set_content_length(6)
    req.write("abc")
    req.write("def")
    return apache.OK
