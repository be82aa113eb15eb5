"""A server behind a proxy that answers with gzip, whether or not the client accepts it; and filters for its pages."""

import gzip
import time
import zlib
from collections.abc import AsyncIterator
from typing import Any

from mod_python import apache

PAGE = b"<p>" + b"".join(b"%d page, " % number for number in range(2000)) + b"</p>"
CODED = gzip.compress(PAGE, mtime=0)

# What stands in the place of the body, by the name of the path.
BODIES = {
    "page": CODED,
    "small": gzip.compress(b"<p>s</p>", mtime=0),
    "empty": b"",
    "nothing": gzip.compress(b"", mtime=0),
    "cut": CODED[:-1],
    "cut_early": CODED[:7],
    "crc": CODED[:-8] + bytes(4) + CODED[-4:],
    "damaged": CODED[:100] + b"\xff" * 40 + CODED[140:],
    "garbage": CODED + b"garbage",
    "members": CODED + CODED,
    "plain": PAGE,
    "named": CODED[:3] + b"\x1e" + CODED[4:10] + b"\x03\0abcname\0comment\0xx" + CODED[10:],
    "deflate": zlib.compress(PAGE),
    "br": b"no brotli",
    "double": gzip.compress(CODED, mtime=0),
}
CODINGS = {"deflate": "deflate", "br": "br", "double": "gzip, gzip", "page_x": "X-GZIP", "page_list": "identity, gzip"}


def handler(req: apache.Request) -> int:
    """Answer with the body that the path names; `tiny`, `slow`, `forbids` and `part` in the query are how."""
    name, args = (req.path_info or "").strip("/"), (req.args or "").split("&")
    if name == "asked":
        req.write(req.headers_in.get("Accept-Encoding", ""))
        return apache.OK
    req.content_type = "text/html"
    req.headers_out["ETag"] = '"strong"'
    req.headers_out["Content-Encoding"] = CODINGS.get(name, "gzip")
    req.headers_out["Content-MD5"] = "of the coded body"
    if "vary" in args:
        req.headers_out["Vary"] = "Accept-Encoding"
    if "forbids" in args:
        req.headers_out["Cache-Control"] = "private, no-transform"
    if "kept" in args:
        req.headers_out["Cache-Control"] = "max-age=100"
    body = BODIES[name.partition("_")[0] if name in ("page_x", "page_list") else name]
    if "part" in args:
        req.status = apache.HTTP_PARTIAL_CONTENT
        req.headers_out["Content-Range"] = f"bytes 0-9/{len(body)}"
        body = body[:10]
    unmet = req.meets_conditions()
    if unmet != apache.OK:
        del req.headers_out["Content-Encoding"]
        req.status = unmet
        return apache.OK
    if "tiny" in args:
        for at in range(min(len(body), 300)):
            req.write(body[at : at + 1])
        body = body[300:]
    if "chunked" not in args and "tiny" not in args:
        req.set_content_length(len(body))
    if req.method != "HEAD":
        req.write(body)
    return apache.OK


def adds_filter(req: apache.Request) -> int:
    req.content_type = "text/html"
    req.headers_out["Content-Encoding"] = "gzip"
    req.add_output_filter("PLAIN")
    req.write(CODED)
    return apache.OK


def bomb(req: apache.Request) -> int:
    """Zeros, as many MiB as the query says, all but the first of them as one piece that is repeated."""
    req.content_type = "text/html"
    req.headers_out["Content-Encoding"] = "gzip"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for _ in range(int(req.args or "1")):
        req.write(packer.compress(bytes(1 << 20)))
    req.write(packer.flush())
    return apache.OK


def slow(req: apache.Request) -> int:
    """Two pieces with a pause, each flushed by the compressor and by the server."""
    req.content_type = "text/html"
    req.headers_out["Content-Encoding"] = "gzip"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    req.write(packer.compress(b"first ") + packer.flush(zlib.Z_SYNC_FLUSH))
    req.flush()
    time.sleep(1.5)
    req.write(packer.compress(b"second") + packer.flush())
    return apache.OK


def half(req: apache.Request) -> int:
    req.headers_out["Cache-Control"] = "max-age=100"
    req.write("half")
    req.flush()
    raise RuntimeError("half a response")


def two_pieces(req: apache.Request) -> int:
    req.headers_out["Cache-Control"] = "max-age=100"
    req.write("one")
    req.flush()
    req.write("two")
    return apache.OK


async def fails_later(filter: Any) -> AsyncIterator[object]:
    async for chunk in filter:
        if b"two" in chunk:
            raise RuntimeError("half a body")
        yield chunk
        yield apache.FLUSH


async def adds_tail(filter: Any) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk
    yield b"<tail>"


def plain_upper(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data.upper())


def steps_out(filter: apache.Filter) -> None:
    filter.disable()


async def passes_on(filter: Any) -> AsyncIterator[bytes]:
    await filter.peek(10)
    filter.pass_on()
    return
    yield b""


async def ends_early(filter: Any) -> AsyncIterator[bytes]:
    async for _ in filter:
        yield b"end"
        return


async def same(filter: Any) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk


async def fails_first(filter: Any) -> AsyncIterator[bytes]:
    await filter.read(10)
    raise RuntimeError("failed for a coded response")
    yield b""


async def closes(filter: Any) -> AsyncIterator[bytes]:
    """Note that it was closed, whatever happens."""
    try:
        async for chunk in filter:
            yield chunk
    finally:
        filter.req.log_error(f"closed at {filter.req.uri}", apache.APLOG_NOTICE)


def reader(req: apache.Request) -> int:
    """Answer what a reader of the request's body sees; the end of the path is how it reads."""
    how = (req.path_info or req.uri).rpartition("/")[2]
    if how == "refuses":
        return apache.HTTP_FORBIDDEN
    if how == "sink":
        req.write(str(sum(len(data) for data in iter(lambda: req.read(65536), b""))))
        return apache.OK
    if how == "echoes":
        while data := req.read(6):
            req.write(data)
            req.flush()
        return apache.OK
    names = ("Content-Encoding", "Content-Length", "Transfer-Encoding", "Content-MD5")
    before = {name: req.headers_in.get(name) for name in names}
    body = req.read()
    req.write(f"{before} {req.headers_in.get('Content-Encoding')} {len(body)} {body[:20]!r}")
    return apache.OK


def redirects(req: apache.Request) -> int:
    req.internal_redirect("/redirected/x")
    return apache.OK
