"""Handlers and filters that set a variable of contextvars, and tell what they see of it."""

from collections.abc import AsyncIterator
from contextvars import ContextVar

from mod_python import apache

name: ContextVar[str] = ContextVar("name", default="nobody")


def sets(req: apache.Request) -> int:
    """Set what the query says, in an early phase."""
    if req.args:
        name.set(req.args)
    return apache.OK


def chains(req: apache.Request) -> int:
    """Reset what the phase before has set, and set this phase's name; any phase of any request."""
    if kept := getattr(req, "token", None):
        name.reset(kept)
        assert name.get() == "nobody"
    req.token = name.set(f"{getattr(req, 'chained', '')}{(req.phase or '')[6:-7] or 'Content'} ")
    req.chained = name.get()
    return apache.DECLINED


def ends_chain(req: apache.Request) -> int:
    """Reset what the last phase has set, and say in the log which phases came before."""
    name.reset(req.token)
    print(f"{req.uri}: {req.chained}then {name.get()}")
    return apache.OK


def redirects(req: apache.Request) -> int:
    """Have another request answered on this thread, within this call."""
    name.set("outside")
    req.internal_redirect("/reset")
    return apache.OK


def opens(req: apache.Request) -> int:
    req.token = name.set("opened")
    return apache.OK


def closes(req: apache.Request) -> int:
    """Reset what was set before the handler, and what the handler has set."""
    name.reset(req.token)
    print(f"{req.uri}: back to {name.get()}")
    return apache.OK


def cleans(req: apache.Request) -> int:
    """Leave a function that says what was set when it was registered."""
    name.set("handler")
    req.register_cleanup(lambda _: print(f"cleanup of {name.get()}"))
    name.set("later")
    return apache.OK


def tells(req: apache.Request) -> int:
    """Write what is set, through the filters, and set another value."""
    req.content_type = "text/plain"
    req.write(f"{name.get()} ")
    name.set("handler")
    return apache.OK


def plain(filter: apache.Filter) -> None:
    """Add what is set to the end."""
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.write(f"plain:{name.get()} ")


async def first(filter: apache.Filter) -> AsyncIterator[bytes]:
    """Set a value in one step, and tell in another one what has become of it."""
    before = name.get()
    name.set("first")
    async for chunk in filter:
        yield chunk
    yield f"first:{before},{name.get()} ".encode()


async def second(filter: apache.Filter) -> AsyncIterator[bytes]:
    before = name.get()
    name.set("second")
    async for chunk in filter:
        yield chunk
    yield f"second:{before},{name.get()} ".encode()


async def connection(conn: apache.AsyncConnection) -> None:
    """Set each line but an empty one; answer what was set, also on asyncio's loop."""
    while line := await conn.readline():
        if text := line.strip().decode():
            name.set(text)
            await conn.sleep(0)
        await conn.write(f"{name.get()} {await apache.aio(on_loop())}\n")


async def on_loop() -> str:
    return name.get()


def plain_connection(conn: apache.Connection) -> int:
    conn.write(f"{name.get()}\n")
    name.set("connection")
    return apache.OK
