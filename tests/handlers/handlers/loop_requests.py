"""Handlers that run as tasks on asyncio's loop (`@apache.aio`)."""

import asyncio
import contextlib
import contextvars
import json
import os
import threading
from pathlib import Path
from typing import Any

from mod_python import Session, apache

colour = contextvars.ContextVar("colour", default="none")
kept: dict[str, Any] = {}


@apache.aio
async def greets(name: str, req: apache.AsyncRequest, *, end: str) -> int:
    await req.write(f"hello {name}{end}")
    return apache.OK


async def helped(req: apache.AsyncRequest) -> int:
    "A handler that calls one on the loop."
    await req.write("first ")
    await greets("a", req=req, end="!")
    await greets("b", req, end="?")
    return apache.OK


@apache.aio
async def hello(req: apache.AsyncRequest) -> int:
    req.content_type = "text/plain"
    req.write("hello")
    return apache.OK


@apache.aio
async def awaits(req: apache.AsyncRequest) -> int:
    req.content_type = "text/plain"
    headers = req.headers_out
    await req.write("before ")
    await asyncio.sleep(float(req.args or 0.05))
    headers["X-Late"] = "no"
    await req.write("after")
    return apache.OK


@apache.aio
async def thread(req: apache.AsyncRequest) -> int:
    "All steps are on the loop's thread, as what is bound to its thread needs, such as a greenlet."
    threads = [threading.current_thread().name]
    await asyncio.sleep(0)
    threads.append(threading.current_thread().name)
    await req.write(" ".join(threads))
    return apache.OK


@apache.aio
async def world(req: apache.AsyncRequest) -> int:
    "What asyncio has."
    lock, seen = asyncio.Lock(), []

    async def one(name: str) -> str:
        async with lock:
            await asyncio.sleep(0)
        seen.append((name, req.uri))
        await req.write(f"{name} ")
        return name

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        made = [group.create_task(one(name)) for name in ("a", "b")]
    names = await asyncio.gather(one("c"), one("d"))
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(5)
    except TimeoutError:
        await req.write("late ")
    await req.write(" ".join([*(task.result() for task in made), *names, str(len(seen))]))
    assert asyncio.current_task() is not None
    req.log_error("world was here", apache.APLOG_NOTICE)
    return apache.OK


@apache.aio
async def session(req: apache.AsyncRequest) -> int:
    opened = await Session.open_async(req)
    opened["seen"] = opened.get("seen", 0) + 1
    await asyncio.sleep(0)
    await opened.asave()
    await req.write(str(opened["seen"]))
    return apache.OK


@apache.aio
async def surroundings(req: apache.AsyncRequest) -> int:
    "Attributes and plain methods."
    req.add_cgi_vars()
    req.err_headers_out.add("X-Test", "err")
    await asyncio.sleep(0.01)
    req.notes["a"] = "b"
    found = {
        "options": dict(req.get_options()),
        "host": req.hostname,
        "method": req.subprocess_env["REQUEST_METHOD"],
        "client": req.connection.client_ip == req.useragent_ip,
        "thread": threading.current_thread().name,
        "server": req.server.server_hostname is not None,
        "notes": req.notes["a"],
        "closing": req.closing,
        "same": req.headers_in is req.headers_in,
    }
    req.content_type = "application/json"
    await req.write(json.dumps(found))
    return apache.OK


@apache.aio
async def reads(req: apache.AsyncRequest) -> int:
    "The body in each way."
    first = await req.read(5)
    line = await req.readline()
    rest = b"".join([piece async for piece in req])
    await req.write(repr([first, line, len(rest), await req.read()]))
    return apache.OK


@apache.aio
async def lines(req: apache.AsyncRequest) -> int:
    await req.write(repr([await req.readlines(3), await req.discard_request_body(), await req.read()]))
    return apache.OK


@apache.aio
async def form(req: apache.AsyncRequest) -> int:
    "A form whose body is given up twice before it has come."
    for _ in range(2):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await req.form()
    form = await req.form()
    await req.write(f"{form['a']} {len(str(form['b']))} {req.read_length}")
    return apache.OK


@apache.aio
async def echoes(req: apache.AsyncRequest) -> int:
    async for piece in req:
        await req.write(piece)
    return apache.OK


@apache.aio
async def both_ways(req: apache.AsyncRequest) -> int:
    "Reads and writes at the same time."

    async def read() -> int:
        return sum([len(piece) async for piece in req])

    reading = asyncio.create_task(read())
    for number in range(3):
        await req.write(f"{number}\n")
        await req.flush()
        await asyncio.sleep(0.01)
    await req.write(f"{await reading} read\n")
    return apache.OK


@apache.aio
async def impatient(req: apache.AsyncRequest) -> int:
    "A read that is cancelled loses nothing."
    late = 0
    for size in (100, 4):
        try:
            async with asyncio.timeout(0.2):
                await req.read(size)
        except TimeoutError:
            late += 1
        await req.write(f"late {late}\n")
        await req.flush()
    await req.write(repr(await req.read()))
    return apache.OK


@apache.aio
async def large(req: apache.AsyncRequest) -> int:
    for _ in range(int(req.args or 16)):
        await req.write(b"x" * 65536)
    return apache.OK


@apache.aio
async def files(req: apache.AsyncRequest) -> int:
    name = Path(os.environ["LOOP_FILE"])
    await req.write("<")
    sent = await req.sendfile(str(name), 1, 3)
    await req.write(f"> {sent} ")
    try:
        await req.sendfile("/no/such/file")
    except FileNotFoundError as error:
        await req.write(type(error).__name__)
    return apache.OK


@apache.aio
async def not_awaited(req: apache.AsyncRequest) -> int:
    req.write("one ")
    await asyncio.sleep(0.05)
    req.write("two ")
    assert req.uri
    await req.sleep(0.01)
    req.write("three")
    return apache.OK


@apache.aio
async def gives(req: apache.AsyncRequest) -> int:
    what = req.args or ""
    await asyncio.sleep(0)
    if what == "raised":
        raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)
    if what == "status":
        req.status = apache.HTTP_CREATED
        await req.write("made")
        return apache.OK
    if what == "done":
        await req.write("done")
        return apache.DONE
    if what == "declined":
        return apache.DECLINED
    return int(what)


@apache.aio
async def fails(req: apache.AsyncRequest) -> int:
    if req.args == "late":
        await req.write("begun")
        await req.flush()
    await asyncio.sleep(0.01)
    raise LookupError("on the loop")


@apache.aio
async def quits(req: apache.AsyncRequest) -> int:
    raise SystemExit("enough")


@apache.aio
async def ends_itself(req: apache.AsyncRequest) -> int:
    "Raises what Python ends coroutines with."
    if req.args == "task":
        await asyncio.create_task(ends())
    elif req.args == "late":
        await asyncio.sleep(0.01)
    raise GeneratorExit("by myself")


async def ends() -> None:
    await asyncio.sleep(0)
    raise GeneratorExit("by myself")


@apache.aio
async def in_tasks(req: apache.AsyncRequest) -> int:
    "What `req` gives to await, in tasks of its own."
    begun = asyncio.create_task(req.read(1))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(req.write("<")), group.create_task(req.sleep(0.01))]  # type: ignore[arg-type]
    gathered = await asyncio.gather(req.read(1), req.write("> "), asyncio.wait_for(req.read(1), 5))
    cancelled = asyncio.create_task(req.read(9))
    await asyncio.sleep(0.01)
    cancelled.cancel()
    late = await asyncio.wait({cancelled})
    dropped = asyncio.create_task(req.read(9))
    dropped.cancel()
    await asyncio.wait({dropped})
    found = [await begun, *(task.result() for task in tasks), *gathered, len(late[0]), await req.readline()]
    await req.write(repr(found))
    return apache.OK


@apache.aio
async def wrong(req: apache.AsyncRequest) -> int:
    "What is refused."
    found = []
    calls: list[Any] = [lambda: req.write(5), lambda: next(req), lambda: req.connection.read(), lambda: req.form().list]  # type: ignore[arg-type]
    calls.append(lambda: Session.Session(req))
    for call in calls:
        try:
            call()
        except (TypeError, RuntimeError) as error:
            found.append(f"{type(error).__name__}: {error}")
    found.append(repr([(await req.form())["a"], req.form()["a"], req.form.list]))
    await req.write("\n".join(found))
    return apache.OK


@apache.aio
async def redirects(req: apache.AsyncRequest) -> int:
    await asyncio.sleep(0.01)
    if req.uri.endswith("now"):
        req.internal_redirect("/loop/hello")
    else:
        await req.internal_redirect("/loop/hello")  # type: ignore[func-returns-value,misc]
    return apache.OK


async def plain(req: apache.AsyncRequest) -> int:
    await req.write("plain ")
    await req.sleep(0.01)
    return apache.OK


def first(req: apache.Request) -> int:
    req.write("first ")
    return apache.OK


@apache.aio
async def second(req: apache.AsyncRequest) -> int:
    colour.set("blue")
    await asyncio.sleep(0.01)
    await req.write("second ")
    return apache.OK


def third(req: apache.Request) -> int:
    req.write(f"third {colour.get()}")
    return apache.OK


def logs(req: apache.Request) -> int:
    if colour.get() != "none":
        req.log_error(f"logged {colour.get()}", apache.APLOG_NOTICE)
    return apache.OK


@apache.aio
async def elsewhere(req: apache.AsyncRequest) -> int:
    return apache.OK


def refuses(loop: Any, coroutine: Any, **more: Any) -> Any:
    coroutine.close()
    raise LookupError("no task")


@apache.aio
async def sets_factory(req: apache.AsyncRequest) -> int:
    asyncio.get_running_loop().set_task_factory(refuses)
    return apache.OK


async def awaits_none(req: apache.AsyncRequest) -> int:
    "Awaits what cannot be a task."
    try:
        await apache.aio(asyncio.sleep(0))
    except LookupError as error:
        await req.write(str(error))
    return apache.OK


async def unsets_factory(req: apache.AsyncRequest) -> int:
    loop = kept["loop"]
    loop.call_soon_threadsafe(loop.set_task_factory, None)
    return apache.OK


@apache.aio
async def notes_loop(req: apache.AsyncRequest) -> int:
    kept["loop"] = asyncio.get_running_loop()
    await req.write(type(kept["loop"]).__module__)
    return apache.OK
