"""Filters behind the headers, and handlers whose responses become error pages."""

from collections.abc import AsyncIterator

from mod_python import apache

Body = AsyncIterator[bytes]


async def longer(filter: apache.AsyncFilter) -> Body:
    yield b"<" * 50
    async for chunk in filter:
        yield chunk
    yield b">" * 50


async def shorter(filter: apache.AsyncFilter) -> Body:
    async for chunk in filter:
        yield chunk[:10]
        return


def plain_longer(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(b"<" + data + b">")


async def same(filter: apache.AsyncFilter) -> Body:
    async for chunk in filter:
        yield chunk.swapcase()


def gives(req: apache.Request) -> int:
    """Give the status that the query says."""
    return int(req.args or 0)


def page(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write("a page of one's own")
    return apache.OK


def late(req: apache.Request) -> int:
    """Write a byte under a header that a module set and that httpd refuses when the headers go out."""
    req.write("h")
    return apache.OK


def redirects(req: apache.Request) -> int:
    req.internal_redirect("/page")
    return apache.OK
