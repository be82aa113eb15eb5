"""Handlers and filters that give, or raise, the number which the last part of the path says."""

from collections.abc import AsyncIterator

from mod_python import apache


def wanted(req: apache.Request) -> int:
    return int(req.unparsed_uri.partition("?")[0].rpartition("/")[2])


def gives(req: apache.Request) -> int:
    return wanted(req)


def raises(req: apache.Request) -> int:
    raise apache.SERVER_RETURN(wanted(req))


def gives_late(req: apache.Request) -> int:
    req.write("a part;")
    return wanted(req)


def raises_late(req: apache.Request) -> int:
    req.write("a part;")
    raise apache.SERVER_RETURN(wanted(req))


def page(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write("the body;" * 3, flush=False)
    return apache.OK


def reads(req: apache.Request) -> int:
    req.write(f"read {req.read()!r}", flush=False)
    return apache.OK


def discards(req: apache.Request) -> int:
    return req.discard_request_body()


def of(filter: apache.Filter | apache.AsyncFilter) -> int:
    assert filter.req is not None
    return wanted(filter.req)


def plain(filter: apache.Filter) -> None:
    filter.read()
    raise apache.SERVER_RETURN(of(filter))


async def stream(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for _ in filter:
        raise apache.SERVER_RETURN(of(filter))
    yield b""


def plain_late(filter: apache.Filter) -> None:
    filter.write(b"a part;")
    filter.flush()
    raise apache.SERVER_RETURN(of(filter))


async def stream_late(filter: apache.AsyncFilter) -> AsyncIterator[bytes | apache.Flush]:
    yield b"a part;"
    yield apache.FLUSH
    raise apache.SERVER_RETURN(of(filter))
