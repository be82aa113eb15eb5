"""Filters and handlers that are counted."""

import time
from collections.abc import AsyncIterator
from typing import Any

from mod_python import apache

Body = AsyncIterator[bytes]


async def upper(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk.upper()


async def whole(filter: Any) -> Body:
    yield await filter.body()


def fails(filter: Any) -> None:
    raise KeyError("counted")


def slow(filter: Any) -> None:
    time.sleep(0.2)
    while chunk := filter.read():
        filter.write(chunk)


slower = slow


def stuck(filter: Any) -> None:
    time.sleep(2)
    slow(filter)


async def fast(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk


def length(req: Any) -> int:
    req.write(b"%d" % len(req.read()))
    return apache.OK


def late(req: Any) -> int:
    raise KeyError("handler")


def wait(conn: Any) -> int:
    conn.write(b"here\n")
    conn.readline()
    return apache.OK


async def park(conn: Any) -> None:
    await conn.write(b"here\n")
    await conn.readline()
