"""Handlers for all requests of a server that talks past HTTP."""

from raw_connections import echo  # type: ignore[import-not-found]

from mod_python import apache


def post_read(req: apache.Request) -> int:
    "The first phase of all."
    return int(echo(req)) if req.uri == "/in-PostReadRequest" else apache.DECLINED


def nothing(req: apache.Request) -> int:
    return apache.DECLINED
