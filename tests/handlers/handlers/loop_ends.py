"""Handlers on asyncio's loop (`@apache.aio`) whose client leaves, whose server stops, and whose tasks outlive them."""

import asyncio
import contextlib
import functools
import json
from typing import Any

from mod_python import apache

kept: dict[str, Any] = {}
ended: list[str] = []
tasks: list[Any] = []


@apache.aio
async def outlives(req: apache.AsyncRequest) -> int:
    kept["req"], kept["errors"] = req, []

    async def later() -> None:
        await asyncio.sleep(0.1)
        for use in (lambda: req.uri, lambda: req.write("x")):
            try:
                use()
            except RuntimeError as error:
                kept["errors"].append(str(error))
        try:
            await reading
        except RuntimeError as error:
            kept["errors"].append(str(error))

    async def read() -> None:
        await req.sleep(10)

    reading = asyncio.create_task(read())
    tasks[:] = [asyncio.create_task(later()), reading]
    await asyncio.sleep(0.01)
    await req.write("gone soon")
    return apache.OK


def outlived(req: apache.Request) -> int:
    req.write(json.dumps(kept.get("errors")))
    return apache.OK


@apache.aio
async def forgets(req: apache.AsyncRequest) -> int:
    async def later() -> None:
        await asyncio.sleep(0.05)
        raise KeyError("forgotten")

    asyncio.create_task(later())  # noqa: RUF006 - it is what is tried
    return apache.OK


async def _forgets(what: str, req: apache.AsyncRequest) -> int:
    async def fails() -> None:
        raise KeyError(what)

    asyncio.create_task(fails())  # noqa: RUF006 - it is what is tried
    return apache.OK


forgets_partly = apache.aio(functools.partial(_forgets, "forgotten"))


class OwnError(BaseException):
    pass


@apache.aio
async def own_error(req: apache.AsyncRequest) -> int:
    raise OwnError("mine")


@apache.aio
async def waits(req: apache.AsyncRequest) -> int:
    "Notes how it is told."
    try:
        if req.args == "reads":
            await req.read(10)
        elif req.args == "after":
            await req.read(30)
            await asyncio.sleep(30)
        elif req.args == "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(30))
                group.create_task(req.read(10))
        elif req.args == "op":
            await req.sleep(30)
        elif req.args == "writes":
            while True:
                await req.write(b"x" * 65536)
        else:
            await asyncio.sleep(30)
    except BaseException as error:
        ended.append(f"{type(error).__name__} {req.uri}")
        raise
    finally:
        ended.append("finally")
    return apache.OK


@apache.aio
async def goes_on(req: apache.AsyncRequest) -> int:
    "Catches that the client has left."
    with contextlib.suppress(asyncio.CancelledError, apache.ShuttingDown):
        await asyncio.sleep(30)
    await asyncio.sleep(0.05)
    ended.append("went on")
    return apache.OK


def how(req: apache.Request) -> int:
    req.write(" ".join(ended))
    ended.clear()
    return apache.OK


@apache.aio
async def events(req: apache.AsyncRequest) -> int:
    async with apache.sse(req, heartbeat=0.2) as stream:
        await stream.send("one")
        await asyncio.sleep(float(req.args or 0.7))
        await stream.send("two")
    return apache.OK


@apache.aio
async def says(req: apache.AsyncRequest) -> int:
    apache.log_error("says: begins", apache.APLOG_NOTICE)
    try:
        await (req.sleep(30) if req.args == "op" else asyncio.sleep(30))
    except BaseException as error:
        apache.log_error(f"says: {type(error).__name__}", apache.APLOG_NOTICE)
        raise
    return apache.OK


@apache.aio
async def answers(req: apache.AsyncRequest) -> int:
    "Answers although the server stops."
    try:
        await req.sleep(30)
    except apache.ShuttingDown:
        await req.write("told")
    return apache.OK


@apache.aio
async def logs_late(req: apache.AsyncRequest) -> int:
    await asyncio.sleep(0.3)
    req.log_error("of a request that waits")
    return apache.OK
