"""Filters with a limit for each step, and what they do with their time."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from mod_python import apache

Body = AsyncIterator[bytes]
ENDED: Counter[str] = Counter()


async def spin(filter: Any) -> Body:
    """Never come to an end by itself."""
    try:
        async for chunk in filter:
            yield chunk
            while True:
                pass
    finally:
        ENDED["spin"] += 1


def plain_spin(filter: Any) -> None:
    filter.read()
    while True:
        pass


async def late(filter: Any) -> Body:
    """Be in C code for longer than the limit, again and again."""
    async for chunk in filter:
        for _ in range(50):
            time.sleep(0.3)
        yield chunk


async def stubborn(filter: Any) -> Body:
    """Catch what interrupts it, once."""
    async for chunk in filter:
        try:
            while True:
                pass
        except apache.FilterTimeout:
            ENDED["caught"] += 1
        while True:
            yield chunk
            while True:
                pass


async def tolerant(filter: Any) -> Body:
    """An `except Exception` is not meant to catch it."""
    async for chunk in filter:
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                ENDED["swallowed"] += 1
        yield chunk


async def many_steps(filter: Any) -> Body:
    """Take long all in all, but not in one step."""
    async for chunk in filter:
        for byte in chunk:
            time.sleep(0.02)
            yield bytes([byte])


async def waits(filter: Any) -> Body:
    """Wait long for what comes, and for whom it goes to: that is no step of Python."""
    async for chunk in filter:
        yield chunk * 100
        yield apache.FLUSH  # type: ignore[misc]


async def short(filter: Any) -> Body:
    """Just within the limit."""
    async for chunk in filter:
        time.sleep(0.1)
        yield chunk


async def in_finally(filter: Any) -> Body:
    try:
        async for chunk in filter:
            yield chunk
    finally:
        ENDED["finally"] += 1
        while not filter.req.args:
            pass


async def read_input(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk
        while b"spin" in chunk:
            pass


# ---- handlers


def slow(req: apache.Request) -> int:
    """Longer than any limit here, in Python and asleep: nobody interrupts a handler."""
    req.write("one ")
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        pass
    time.sleep(0.3)
    req.write("two")
    return apache.OK


def quick(req: apache.Request) -> int:
    """Work in Python for a while: the victim, if an interruption hits the wrong request."""
    until = time.monotonic() + 0.05
    while time.monotonic() < until:
        pass
    req.write("unhurt")
    return apache.OK


def echo(req: apache.Request) -> int:
    try:
        req.write(req.read())
    except OSError:
        req.write("an error")
    return apache.OK


def ended(req: apache.Request) -> int:
    req.write(repr(dict(ENDED)))
    ENDED.clear()
    return apache.OK
