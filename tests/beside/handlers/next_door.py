"""Handlers and filters that run in one httpd with PHP, Perl, WSGI, ModSecurity, WebDAV and a cache."""

import itertools
from collections.abc import AsyncIterator

from mod_python import apache

_number = itertools.count()


def count(req: apache.Request) -> int:
    req.notes["seen"] = "by Python"
    return apache.DECLINED


def accesshandler(req: apache.Request) -> int:
    main = req
    while main.main is not None:  # mod_dav looks at files by requests of requests
        main = main.main
    return apache.OK if main.notes["seen"] == "by Python" else apache.HTTP_FORBIDDEN


def fixuphandler(req: apache.Request) -> int:
    req.headers_out["X-Seen"] = req.notes["seen"]
    return apache.OK


def handler(req: apache.Request) -> int:
    body = req.read()
    name = "sub" if apache.interpreter == "sub" else "python"
    req.content_type = "text/plain"
    req.write(f"{name} read {len(body)} of {body[:10].decode()}\n")
    return apache.OK


def cached(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.headers_out["Cache-Control"] = "max-age=600"
    req.write(f"{next(_number)}\n")
    return apache.OK


async def echo(conn: apache.AsyncConnection) -> int:
    async for line in conn:
        await conn.write(line.upper())
    return apache.OK


def upper(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data.upper())
    if data is None:
        filter.close()


def lower(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data.lower())
    if data is None:
        filter.close()


async def stream(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk
    yield b"."
