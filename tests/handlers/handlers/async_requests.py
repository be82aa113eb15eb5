"""`async def` handlers of requests."""

import asyncio
import contextvars
import time
from pathlib import Path
from typing import Any

from mod_python import Session, apache, util

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")


def note(req: apache.Request, text: str) -> None:
    req.log_error(f"life: {text}", apache.APLOG_NOTICE)


async def hello(req: apache.AsyncRequest) -> int:
    req.content_type = "text/plain"
    await req.write("hello")
    return apache.OK


async def sleeps(req: apache.AsyncRequest) -> int:
    await req.write("before ")
    await req.sleep(float(req.args or 0))
    await req.sleep(0)
    await req.write("after")
    return apache.OK


async def loop(req: apache.AsyncRequest) -> int:
    async def answer() -> str:
        await asyncio.sleep(0.05)
        return "from the loop"

    await req.write(await apache.aio(answer()))
    return apache.OK


async def reads(req: apache.AsyncRequest) -> int:
    "Reads in each way."
    found = [await req.read(3), await req.readline(), await req.readline(2), *await req.readlines(4)]
    pieces = b""
    async for piece in req:
        assert piece
        pieces += piece
    found += [pieces, await req.read(), await req.read(5)]
    await req.write(repr(found))
    return apache.OK


async def whole(req: apache.AsyncRequest) -> int:
    "Reads a part, and all the rest."
    start, rest = await req.read(100), await req.read()
    await req.write(f"{len(start)} {len(rest)} {start[:10]!r} {rest[-10:]!r} {req.read_length}")
    return apache.OK


async def counts(req: apache.AsyncRequest) -> int:
    total = 0
    async for piece in req:
        assert 0 < len(piece) <= 65536
        total += len(piece)
    await req.write(f"{total} {await req.discard_request_body()}")
    return apache.OK


async def echoes(req: apache.AsyncRequest) -> int:
    async for piece in req:
        await req.write(piece)
    return apache.OK


async def large(req: apache.AsyncRequest) -> int:
    for _ in range(64):
        await req.write(b"x" * 65536, False)
    await req.flush()
    return apache.OK


async def not_awaited(req: apache.AsyncRequest) -> int:
    req.write("one ")
    req.write("two ", False)
    await req.sleep(0.01)
    note(req, f"{req.bytes_sent} sent")
    req.write("three")
    return apache.OK


async def files(req: apache.AsyncRequest) -> int:
    await req.write("file: ", False)
    sent = await req.sendfile(str(Path(__file__).with_name("async_requests.txt")), 2, 5)
    await req.write(f" {sent}")
    try:
        await req.sendfile("/no/such/file")
    except FileNotFoundError:
        await req.write(" no file")
    return apache.OK


async def form(req: apache.AsyncRequest) -> int:
    await req.sleep(0.01)
    await req.write(f"{req.form().getfirst('name')} {util.FieldStorage(req).getfirst('query')}")
    return apache.OK


async def awaited_form(req: apache.AsyncRequest) -> int:
    form = await req.form()
    await req.write(f"{form.getfirst('name', '').strip()} {req.form() is form} {req.read_length}")
    return apache.OK


async def session(req: apache.AsyncRequest) -> int:
    kept = Session.MemorySession(req)
    kept["count"] = kept.get("count", 0) + 1
    kept.save()
    await req.write(f"{kept['count']}")
    return apache.OK


async def gives(req: apache.AsyncRequest) -> object:
    "Returns what the query says."
    await req.sleep(0.01)
    match req.args:
        case "none":
            return None
        case "text":
            return "text"
        case "status":
            req.status = apache.HTTP_CREATED
            await req.write("made")
            return apache.OK
        case "raised":
            raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
        case "done":
            await req.write("done")
            return apache.DONE
        case other:
            return int(other or 0)


async def declines(req: apache.AsyncRequest) -> int:
    await req.sleep(0.01)
    return apache.DECLINED


async def fails(req: apache.AsyncRequest) -> int:
    await req.sleep(0.01)
    if req.args == "late":
        await req.write("a part")
    raise KeyError("fails")


async def foreign(_: apache.AsyncRequest) -> int:
    await asyncio.sleep(1)
    return apache.OK


async def redirects(req: apache.AsyncRequest) -> int:
    await req.sleep(0.01)
    req.internal_redirect(req.args or "/async/hello")
    return apache.OK


async def moved(req: apache.AsyncRequest) -> int:
    util.redirect(req, "/elsewhere")
    return apache.OK


async def first(req: apache.AsyncRequest) -> int:
    variable.set("set")
    await req.write("first ")
    await req.sleep(0.01)
    return apache.OK


async def resets(req: apache.AsyncRequest) -> int:
    "Resets a variable that was set before it has waited."
    token = variable.set("set")
    await req.sleep(0.02)
    variable.reset(token)
    await req.write("reset")
    return apache.OK


def second(req: apache.Request) -> int:
    req.write(f"second {variable.get('not set')} {req.read()!r} ")
    return apache.OK


async def third(req: apache.AsyncRequest) -> int:
    await req.write("third")
    return apache.OK


def logs(req: apache.Request) -> int:
    note(req, f"logged {req.status} {req.bytes_sent}")
    req.register_cleanup(lambda _: note(req, "cleaned up"), None)
    return apache.OK


def cleans(req: apache.Request) -> int:
    note(req, f"cleanup {req.uri}")
    return apache.OK


async def elsewhere(_: apache.AsyncRequest) -> int:
    return apache.OK


def plain(req: apache.Request) -> int:
    "The methods of async def handlers in a plain one."
    asynchronous: Any = req
    found = []
    for name in ("sleep", "aiter"):
        try:
            _ = asynchronous.sleep(1) if name == "sleep" else aiter(asynchronous)
        except RuntimeError as error:
            found.append(str(error))
    req.write("\n".join([*found, str(req.closing)]))
    return apache.OK


async def wrong(req: apache.AsyncRequest) -> int:
    "What a sleep refuses, and a wait in other hands."
    for seconds in (-1, float("nan"), "1"):
        try:
            await req.sleep(seconds)  # type: ignore[arg-type]
        except (ValueError, TypeError) as error:
            await req.write(f"{type(error).__name__} ")
    try:
        await apache.aio(req.read())
    except RuntimeError as error:
        await req.write(str(error))
    return apache.OK


async def _long() -> None:
    try:
        apache.log_error("on the loop: begins", apache.APLOG_NOTICE)
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        apache.log_error("life: cancelled", apache.APLOG_NOTICE)
        raise


def blocks(req: apache.Request) -> int:
    "Holds its thread."
    note(req, "blocks: begins")
    time.sleep(float(req.args or 0))
    req.write("blocked")
    return apache.OK


async def waits(req: apache.AsyncRequest) -> int:
    "Waits as the query says until the client leaves."
    note(req, "begins")
    try:
        match req.args:
            case "sleep":
                await req.sleep(20)
            case "aio":
                await apache.aio(_long())
            case "read":
                while await req.read(1):
                    pass
            case "echo":
                async for piece in req:
                    await req.write(piece)
            case "write":
                while True:
                    await req.write(b"x" * 65536)
            case "flow":
                for _ in range(24 * 16):
                    await req.write(b"x" * 65536)
            case "started":
                await req.write("started")
                await req.sleep(20)
            case "again":
                try:
                    await req.sleep(20)
                except ConnectionResetError:
                    await req.sleep(0.1)
                    await req.write("answer")
                    return apache.OK
            case "brief":
                await req.sleep(0.4)
                await req.write(f"answer {await req.read()!r}")
                return apache.OK
    except BaseException as error:
        note(req, type(error).__name__)
        raise
    finally:
        note(req, "finally")
    return apache.OK


tally = {"begun": 0, "ended": 0}


async def counted(req: apache.AsyncRequest) -> int:
    "Waits for long, as one of many."
    tally["begun"] += 1
    try:
        await req.sleep(30)
    finally:
        tally["ended"] += 1
    return apache.OK


def count(req: apache.Request) -> int:
    req.write(f"{tally['begun']} {tally['ended']}")
    return apache.OK
