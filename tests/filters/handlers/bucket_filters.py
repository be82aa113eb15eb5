"""Filters that work with buckets."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from mod_python import apache

Buckets = AsyncIterator[object]
KEPT: list[Any] = []


async def identity(filter: Any) -> Buckets:
    async for bucket in filter.buckets():
        yield bucket


async def upper(filter: Any) -> Buckets:
    async for bucket in filter.buckets():
        if not bucket.is_metadata:
            yield bucket.read().upper()


async def read_and_yield(filter: Any) -> Buckets:
    """Look at all data, and send on the very buckets."""
    async for bucket in filter.buckets():
        bucket.read()
        yield bucket


async def mirror(filter: Any) -> Buckets:
    """Reverse the halves of each bucket."""
    async for bucket in filter.buckets():
        rest = bucket.split((bucket.length or 0) // 2)
        if rest is not None:
            yield rest
        yield bucket


async def halves(filter: Any) -> Buckets:
    """Cut each bucket in two, and send both in their order: one as bytes, one as it is."""
    async for bucket in filter.buckets():
        rest = bucket.split((bucket.length or 0) // 2)
        yield bucket.read()
        if rest is not None:
            yield rest


async def all_at_once(filter: Any) -> Buckets:
    """Hold all buckets, over all calls, and read every second one late."""
    held = [bucket async for bucket in filter.buckets()]
    for number, bucket in enumerate(held):
        yield bucket.read() if number % 2 else bucket


async def some(filter: Any) -> Buckets:
    """Mix all ways of reading; drop what was taken, and put it back by hand."""
    async for bucket in filter.buckets():
        if not bucket.is_metadata:
            yield bucket.read()
            break
    yield await filter.read(2)
    async for bucket in filter.buckets():
        yield bucket
    yield await filter.body()


async def look_and_step_out(filter: Any) -> Buckets:
    taken = []
    async for bucket in filter.buckets():
        taken.append(bucket)
        if not bucket.is_metadata:
            if rest := bucket.split(1):
                taken.append(rest)
            bucket.read()
            await filter.read(1)
            break
    filter.pass_on()
    for bucket in taken:
        try:
            bucket.read()
        except RuntimeError as error:
            assert "has gone on" in str(error)
        else:
            assert bucket.is_metadata
    return
    yield


async def tell(filter: Any) -> Buckets:
    """Tell what each bucket says of itself."""
    async for bucket in filter.buckets():
        about = f"{bucket.type}={bucket.length}"
        if bucket.path is not None:
            about += f"@{Path(bucket.path).name}+{bucket.offset}"
        if bucket.is_metadata:
            assert bucket.read() == b""
            assert bucket.split(1) is None
            about = bucket.type
        yield about.encode() + b"\n"


async def part(filter: Any) -> Buckets:
    """Yield parts of the file, the last first."""
    path = filter.req.filename
    last = apache.FileBucket(path, 7)
    assert (last.type, last.path, last.offset, last.is_metadata) == ("FILE", path, 7, False)
    first = apache.FileBucket(path, 0, 5)
    end = first.split(2)
    assert end is not None
    assert (first.read() + end.read(), end.offset, first.length) == (apache.FileBucket(path, length=5).read(), 2, 2)
    yield last
    yield first
    yield end
    async for _ in filter.buckets():
        pass


async def wrong(filter: Any) -> Buckets:
    """Tell what errors say."""
    path = filter.req.filename
    yield b""
    for arguments in [(path + "no",), (path, 5000), (path, 0, 5000), (path, 2, 5000), ("/dev/null",), (path, -1)]:
        try:
            yield apache.FileBucket(*arguments)
        except (OSError, ValueError, OverflowError) as error:
            yield f"{type(error).__name__}\n".encode()
    async for bucket in filter.buckets():
        if not bucket.is_metadata:
            KEPT.append(bucket)
            yield bucket
            try:
                bucket.read()
            except RuntimeError as error:
                yield str(error).encode()


async def keep(filter: Any) -> Buckets:
    async for bucket in filter.buckets():
        KEPT.append(bucket)
        yield b"" if bucket.is_metadata else bucket.read()


async def twice(filter: Any) -> Buckets:
    async for bucket in filter.buckets():
        yield bucket
        yield bucket


def kept(req: apache.Request) -> int:
    """Use the buckets of other requests; only metadata, a mere name, still answers."""
    for bucket in KEPT:
        for use in (bucket.read, lambda bucket=bucket: bucket.length, lambda bucket=bucket: bucket.split(1)):
            try:
                req.write(f"{use()}\n")
            except RuntimeError as error:
                req.write(f"{error}\n")
    KEPT.clear()
    return apache.OK


def echo(req: apache.Request) -> int:
    req.write(req.read())
    return apache.OK
