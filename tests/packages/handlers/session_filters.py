"""Async filters and handlers that use sessions."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from mod_python import Session, apache
from mod_python._sessions.async_forms import acquire
from mod_python._sessions.locks import Held


async def outputfilter(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    page = filter.req.args or "visit"
    told = await PAGES[page](filter.req)
    async for _ in filter:
        pass
    yield json.dumps(told).encode()


async def handler(req: apache.AsyncRequest) -> int:
    await req.write(json.dumps(await PAGES[req.args or "visit"](req)))
    return apache.OK


on_loop = apache.aio(handler)


async def visit(req: apache.Request) -> Any:
    session = await Session.open_async(req)
    visits = session.get("visits", 0)
    await apache.aio(asyncio.sleep(0.01))
    session["visits"] = visits + 1
    await session.asave()
    return shown(session)


def shown(session: Any) -> dict[str, Any]:
    return {"id": session.id(), "new": session.is_new(), "data": dict(session), "kind": type(session).__name__}


async def look(req: apache.Request) -> Any:
    return shown(await Session.open_async(req))


async def login(req: apache.Request) -> Any:
    session = await Session.open_async(req)
    old = session.id()
    session["user"] = "ada"
    return [old, await session.arenew(), session.id()]


async def logout(req: apache.Request) -> Any:
    session = await Session.open_async(req)
    await session.ainvalidate()
    session["visits"] = 9
    await session.asave()
    return shown(session)


async def delete(req: apache.Request) -> Any:
    session = await Session.open_async(req)
    await session.adelete()
    return shown(session)


async def reload(req: apache.Request) -> Any:
    session = await Session.open_async(req)
    session["visits"] = "not saved"
    await session.aunlock()
    await session.alock()
    return [await session.aload(), dict(session)]


async def twice(req: apache.Request) -> Any:
    first = await Session.open_async(req)
    second = await Session.open_async(req, sid=first.id())
    third = Session.Session(req, sid=first.id())
    return [first.id() == second.id() == third.id()] if not first.is_new() else []


class SlowLocks:
    """Locks that take their time."""

    name = "slow"

    def __init__(self) -> None:
        self.told: list[str] = []

    def try_lock(self, key: str) -> int:  # noqa: ARG002
        time.sleep(0.3)
        self.told.append("locked")
        return 1

    def unlock(self, key: str, token: int) -> None:  # noqa: ARG002
        self.told.append("unlocked")


async def given_up(req: apache.Request) -> Any:
    """Nobody waits for a lock any more while a thread takes it."""
    locks = SlowLocks()

    async def cancelled() -> None:
        task = asyncio.create_task(acquire(locks, "0" * 32, 1, 5))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
        while len(locks.told) < 2:
            await asyncio.sleep(0.01)

    await apache.aio(cancelled())
    return [locks.told, [key for key in Held._all if key[1] == "slow"]]


PAGES = {function.__name__: function for function in (visit, look, login, logout, delete, reload, twice, given_up)}
