"""Handlers on asyncio's loop (`@apache.aio`) whose requests httpd's threads offer to the loop."""

import asyncio
import contextvars
import functools
import gc
import json
import os
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from mod_python import _aio_exchange, _aio_offers, apache

colour = contextvars.ContextVar("colour", default="none")
kept: list[Any] = []
told: list[str] = []
counts = {
    "begun": 0,
    "offered": 0,
    "driven": 0,
}  # by httpd's threads, by the loop, and of these by httpd's threads then


def _counted(owner: type, name: str, count: str) -> None:
    method = getattr(owner, name)

    @functools.wraps(method)
    def counting(*arguments: Any) -> Any:
        counts[count] += 1
        return method(*arguments)

    setattr(owner, name, counting)


_counted(_aio_exchange.Driver, "run", "begun")
_counted(_aio_offers.OfferedExchange, "begin_here", "offered")
_counted(_aio_exchange.Driver, "resume", "driven")


def counted(req: apache.Request) -> int:
    req.write(json.dumps({**counts, "told": told}))
    return apache.OK


def collected(req: apache.Request) -> int:
    "Counts the objects that only the collector of garbage has freed since this was called before."
    gc.disable()
    req.write(str(gc.collect()))
    return apache.OK


@apache.aio
async def hello(req: apache.AsyncRequest) -> int:
    req.content_type = "text/plain"
    await req.write("hello")
    return apache.OK


@apache.aio
async def pieces(req: apache.AsyncRequest) -> int:
    req.status, req.headers_out["X-Made"] = apache.HTTP_CREATED, "here"
    req.write("one ")
    await req.write("two ", False)
    await req.write(b"three", flush=True)
    return apache.OK


@apache.aio
async def late(req: apache.AsyncRequest) -> int:
    await asyncio.sleep(float(req.args or 0.02))
    await req.write(f"late {threading.current_thread().name}")
    return apache.OK


@apache.aio
async def silent(req: apache.AsyncRequest) -> int:
    return apache.OK


@apache.aio
async def large(req: apache.AsyncRequest) -> int:
    req.write(b"x" * int(req.args or 0))
    return apache.OK


@apache.aio
async def fills(req: apache.AsyncRequest) -> int:
    try:
        await req.write(b"x" * int(req.args or 0))
    except ConnectionResetError:
        told.append("left")
        raise
    return apache.OK


@apache.aio
async def needs(req: apache.AsyncRequest) -> Any:
    "Needs httpd's thread, or Python there."
    what = req.args
    if what == "reads":
        await req.write(await req.read())
    elif what == "flushes":
        await req.write("a")
        await req.flush()
        await req.write("b")
    elif what == "sleeps":
        await req.write("a")
        await asyncio.sleep(0.01)
        await req.write("b")
    elif what == "sends":
        await req.sendfile(__file__, 0, 3)
    elif what == "redirects":
        await req.internal_redirect("/offered/hello")  # type: ignore[func-returns-value,misc]
    elif what == "sets":
        colour.set("blue")
        await req.write("set")
    elif what == "adds":
        req.add_handler("PythonHandler", "offered::second")
        await req.write("first ")
    elif what == "is_odd":
        await req.write("odd", 1)
    return {"missing": apache.HTTP_NOT_FOUND, "done": apache.DONE, "declines": apache.DECLINED, "nothing": None}.get(
        str(what), apache.OK
    )


@apache.aio
async def raises(req: apache.AsyncRequest) -> int:
    if req.args == "return":
        raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
    raise LookupError("on the loop")


def second(req: apache.Request) -> int:
    req.write("second")
    return apache.OK


@apache.aio
async def marks(req: apache.AsyncRequest) -> int:
    "Sets an attribute for a later phase, and adds a handler to it."
    req.colour = "green"
    req.add_handler("PythonLogHandler", "offered::logs_late")
    apache.log_error("on the loop", apache.APLOG_NOTICE)
    await req.write("marked")
    return apache.OK


def logs(req: apache.Request) -> int:
    told.append(f"{getattr(req, 'colour', None)} {colour.get()}")
    return apache.OK


def logs_late(req: apache.Request) -> int:
    told.append("late")
    return apache.OK


@apache.aio
async def outlives(req: apache.AsyncRequest) -> int:
    kept.append(req)

    async def later() -> None:
        await asyncio.sleep(0.1)
        found = []
        for use in (lambda: req.uri, lambda: req.write("x")):
            try:
                use()
            except RuntimeError as error:
                found.append(type(error).__name__)
        told.append(f"outlived: {' '.join(found)}")

    async def writes(writing: Any) -> None:
        await writing
        told.append("outlived: written")

    if req.args == "writes":
        kept.append(asyncio.create_task(writes(req.write("x" * 100_000))))
        return apache.OK
    if req.args:
        kept.append(asyncio.create_task(later()))
    await req.write("gone soon")
    return apache.OK


@apache.aio
async def waits(req: apache.AsyncRequest) -> int:
    try:
        await (req.sleep(30) if req.args == "op" else asyncio.sleep(0 if req.args == "now" else 30))
    except BaseException as error:
        told.append(type(error).__name__)
        apache.log_error(f"told {type(error).__name__}", apache.APLOG_NOTICE)
        raise
    return apache.OK


@apache.aio
async def blocks(req: apache.AsyncRequest) -> int:
    time.sleep(float(req.args or 0))
    await req.write("blocked")
    return apache.OK


@apache.aio
async def forks(req: apache.AsyncRequest) -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    _, status = await asyncio.to_thread(os.waitpid, pid, 0)
    await req.write(str(os.waitstatus_to_exitcode(status)))
    return apache.OK


def over(handler: Callable[[apache.AsyncRequest], Awaitable[int]]) -> Callable[[apache.AsyncRequest], Any]:
    @functools.wraps(handler)
    async def wrapped(req: apache.AsyncRequest) -> int:
        req.headers_out["X-Over"] = "yes"
        return await handler(req)

    return wrapped


@over
@apache.aio
async def under(req: apache.AsyncRequest) -> int:
    await req.write("under")
    return apache.OK


def guarded_by(handler: Callable[[apache.AsyncRequest], Awaitable[int]]) -> Callable[[apache.AsyncRequest], Any]:
    "The attributes of what is on the loop are those of the handler that it guards."

    @functools.wraps(handler)
    @apache.aio
    async def guards(req: apache.AsyncRequest) -> int:
        return await handler(req) if req.args == "key" else apache.HTTP_FORBIDDEN

    return guards


@guarded_by
async def guarded(req: apache.AsyncRequest) -> int:
    await req.write("inside")
    return apache.OK


class Page:
    def __init__(self, req: apache.Request) -> None:
        self.uri = req.uri

    @apache.aio
    async def show(self, req: apache.AsyncRequest) -> int:
        await req.write(self.uri)
        return apache.OK
