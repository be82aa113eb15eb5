"""Streaming filters that return, or raise SERVER_RETURN, before the end of the body."""

import time
from collections.abc import AsyncIterator

from mod_python import apache

Body = AsyncIterator[bytes]


async def returns(filter: apache.AsyncFilter) -> Body:
    async for chunk in filter:
        yield chunk[:2]
        return


async def raises(filter: apache.AsyncFilter) -> Body:
    """Raise the result that the query says."""
    assert filter.req is not None
    async for chunk in filter:
        yield chunk[:2]
        raise apache.SERVER_RETURN(int(filter.req.args or 0))


async def raises_untouched(filter: apache.AsyncFilter) -> Body:
    assert filter.req is not None
    raise apache.SERVER_RETURN(int(filter.req.args or 0))
    yield


async def raises_with_status(filter: apache.AsyncFilter) -> Body:
    assert filter.req is not None
    async for chunk in filter:
        raise apache.SERVER_RETURN(int(filter.req.args or 0), 499)
        yield chunk


def whole(req: apache.Request) -> int:
    req.write("0123456789", flush=False)
    return apache.OK


def pieces(req: apache.Request) -> int:
    for piece in ("01234", "56789"):
        req.write(piece)
        req.flush()
        # What sends this through mod_proxy_http is to see two pieces.
        time.sleep(0.05)
    return apache.OK


def echo(req: apache.Request) -> int:
    req.write(b"<" + req.read() + b">")
    return apache.OK
