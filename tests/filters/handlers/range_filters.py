"""Filters and sources of bodies of which clients ask for ranges."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

from mod_python import apache

# A line of eight bytes for each number: the place of each byte of a body can be told from it.
LINES = 1 << 15


def numbered(count: int) -> bytes:
    return b"".join(b"%07x\n" % number for number in range(count))


# ---- filters


async def same(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk


async def upper(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk.upper()


def plain_upper(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data.upper())


async def buckets(filter: apache.AsyncFilter) -> AsyncIterator[apache.Bucket]:
    async for bucket in filter.buckets():
        yield bucket


async def steps_out(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    """Look at the first bytes, and hand on the rest as it is."""
    yield await filter.read(10)
    filter.pass_on()


async def steps_out_at_once(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    filter.pass_on()
    return
    yield b""


async def counted(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    """Log how many bytes there were, and whether the end came."""
    seen, ended = 0, False
    try:
        async for chunk in filter:
            seen += len(chunk)
            yield chunk
        ended = True
    finally:
        print(f"{filter.name} saw {seen} bytes, ended: {ended}, Range: {filter.req.headers_in.get('Range')};")


async def doubled(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk + chunk


async def fails(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    """Fail when byte number 100000 comes."""
    seen = 0
    async for chunk in filter:
        seen += len(chunk)
        if seen > 100_000:
            raise RuntimeError("a failure in the middle")
        yield chunk


async def forbids(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    seen = 0
    async for chunk in filter:
        seen += len(chunk)
        if seen > 100_000:
            raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
        yield chunk


# ---- handlers


def pieces(req: apache.Request) -> int:
    """Write the body in pieces, its length said beforehand unless the query is "unknown"; "short" ends it early."""
    body = numbered(LINES)
    req.content_type = "text/plain"
    if req.args != "unknown":
        req.set_content_length(len(body))
    if req.args == "none":
        req.headers_out["Accept-Ranges"] = "none"
    if req.args == "short":
        body = body[:150_000]
    for start in range(0, len(body), 10_000):
        req.write(body[start : start + 10_000])
        if req.args == "status":
            req.status = apache.HTTP_OK
    return apache.OK


def adds(req: apache.Request) -> int:
    """Send a file through the filters that the query names."""
    for name in (req.args or "").split(";"):
        req.add_output_filter(name)
    path = f"{req.document_root()}/file"
    req.set_content_length(Path(path).stat().st_size)
    req.sendfile(path)
    return apache.OK


def crumbs(req: apache.Request) -> int:
    """Write each byte alone."""
    body = numbered(100)
    req.content_type = "text/plain"
    req.set_content_length(len(body))
    for number in range(len(body)):
        req.write(body[number : number + 1])
    return apache.OK


def waits(req: apache.Request) -> int:
    """Write one half of the body, and the other when a file is there."""
    body = numbered(LINES)
    req.content_type = "text/plain"
    req.set_content_length(len(body))
    req.write(body[: len(body) // 2])
    deadline = time.monotonic() + 20
    while not Path(req.args or "").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    req.write(body[len(body) // 2 :])
    return apache.OK


def redirects(req: apache.Request) -> int:
    req.internal_redirect(f"/{req.args}")
    return apache.OK


def raises(req: apache.Request) -> int:
    """Fail after some of the body was written."""
    req.set_content_length(100)
    req.write(b"x" * 10, 0)
    raise RuntimeError("a handler that fails")


def ranged(req: apache.Request) -> int:
    """Answer a range as a server behind a proxy does, and say what was asked."""
    body = numbered(LINES)
    asked = req.headers_in.get("Range")
    print(f"asked for {asked}, if {req.headers_in.get('If-Range')};")
    req.content_type = "text/html" if req.args == "html" else "text/plain"
    req.headers_out["ETag"] = '"strong"'
    if asked is not None or req.args == "unasked":
        req.status = apache.HTTP_PARTIAL_CONTENT
        req.headers_out["Content-Range"] = f"bytes 2-4/{len(body)}"
        body = body[2:5]
    req.set_content_length(len(body))
    req.write(body)
    return apache.OK


def mail(req: apache.Request) -> int:
    """Send an address; the range of it alone when a range is asked for."""
    body = b"write to ada@example.org\n"
    req.content_type = "text/plain"
    if req.headers_in.get("Range") is not None:
        req.status = apache.HTTP_PARTIAL_CONTENT
        req.headers_out["Content-Range"] = f"bytes 9-23/{len(body)}"
        body = body[9:24]
    req.set_content_length(len(body))
    req.write(body)
    return apache.OK


def log(req: apache.Request) -> int:
    """Say what the log phase sees."""
    print(f"logged {req.headers_in.get('Range')}, if {req.headers_in.get('If-Range')};")
    return apache.OK
