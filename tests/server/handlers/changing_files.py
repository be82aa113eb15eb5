"""Files that change after they were named, and more than there is memory for."""

import os
import resource
from collections.abc import AsyncIterator, Callable
from typing import Any

from mod_python import apache

Body = AsyncIterator[object]


def _said(call: Callable[..., object], *arguments: object) -> str:
    try:
        call(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


async def shrinks_later(filter: Any) -> Body:
    """Name a file that becomes shorter before the next filter reads it."""
    path = filter.req.filename + ".part"
    async for chunk in filter:
        yield chunk
    yield apache.FileBucket(path)
    os.truncate(path, 10_000)


async def shrinks_at_once(filter: Any) -> Body:
    """Name a file that becomes shorter before it is sent on."""
    path = filter.req.filename + ".part"
    async for chunk in filter:
        yield chunk
    bucket = apache.FileBucket(path)
    os.truncate(path, 10_000)
    filter.req.log_error(_said(bucket.read).replace(path, "FILE"), apache.APLOG_NOTICE)
    yield bucket


async def truncates(filter: Any) -> Body:
    """Send buckets on as they are, and shorten the file that they are parts of."""
    async for bucket in filter.buckets():
        if bucket.path:
            os.truncate(bucket.path, 10_000)
        yield bucket


def sends(req: Any) -> int:
    req.content_type = "text/html"
    req.sendfile(req.filename)
    return apache.OK


def sparse(req: Any) -> int:
    """A file of 8 TB, of which hardly anything is on the disk."""
    with open(req.filename, "wb") as file:
        file.truncate(8 << 40)
    bucket = apache.FileBucket(req.filename)
    said = _said(bucket.read)
    first = apache.FileBucket(req.filename)
    first.split(1 << 20)
    os.truncate(req.filename, 0)
    req.write(f"{bucket.length} {said}\n")
    req.write(f"{first.length}")
    return apache.OK


async def reads_buckets(filter: Any) -> Body:
    """Take all buckets, and read the first one when others were taken since."""
    taken = [bucket async for bucket in filter.buckets()]
    yield f"{taken[0].length} {_said(taken[0].read)}".encode()


class Limited:
    """While this runs, the child has hardly more memory than it has now."""

    def __init__(self, more: int) -> None:
        self.more = more

    def __enter__(self) -> None:
        with open("/proc/self/statm") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        self.before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size + self.more, self.before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_AS, self.before)


def reads(req: Any) -> int:
    """Read a body that is larger than the memory."""
    with Limited(64 << 20):
        said = _said(getattr(req, req.args))
    req.write(said)
    return apache.OK


async def inputfilter(filter: Any) -> Body:
    with Limited(64 << 20):
        try:
            body = await filter.body()
        except MemoryError:
            body = b"MemoryError"
    yield body[:20]


def echo(req: Any) -> int:
    req.write(req.read())
    return apache.OK
