"""Log entries of code that works for a request or connection elsewhere than in a call of httpd's."""

import asyncio
import concurrent.futures
import contextvars
import logging
import sys
import threading
from collections.abc import Callable

from mod_python import apache
from mod_python.logging import ErrorLogHandler

logger = logging.getLogger("origins")
logger.propagate = False
logger.setLevel(logging.INFO)
logger.addHandler(ErrorLogHandler())

later: list[Callable[[], None]] = []
kept: set[object] = set()
over = threading.Event()


def says(text: str) -> None:
    print(f"printed {text}")
    print(f"on stderr {text}", file=sys.stderr)
    logger.error("logged %s", text)
    apache.log_error(f"by apache {text}", apache.APLOG_NOTICE)


async def _says(text: str) -> None:
    await asyncio.sleep(0.01)
    says(text)


async def _leaves_a_task() -> None:
    async def waits() -> None:
        while not over.is_set():
            await asyncio.sleep(0.01)
        says("too late")

    kept.add(asyncio.create_task(waits()))


async def connectionhandler(conn: apache.AsyncConnection) -> None:
    async for line in conn:
        match line.strip():
            case b"leaves":
                await apache.aio(_leaves_a_task())
            case b"over":
                over.set()
            case text:
                await apache.aio(_says(text.decode()))
        await conn.write(line)


def plain_connection(conn: apache.Connection) -> int:
    _in_thread(conn.readline().decode().strip())
    conn.write("done\n")
    return apache.OK


def _in_thread(text: str) -> None:
    thread = threading.Thread(target=contextvars.copy_context().run, args=(says, text))
    thread.start()
    thread.join()


def handler(req: apache.Request) -> int:
    req.content_type = "text/plain"
    match req.args:
        case "thread":
            _in_thread("in a thread")
        case "executor":
            with concurrent.futures.ThreadPoolExecutor() as executor:
                executor.submit(contextvars.copy_context().run, says, "in an executor").result()
        case "to_thread":
            asyncio.run(asyncio.to_thread(says, "from a loop"))
        case "aio":
            asyncio.run(apache.aio(_says("on another loop")))
        case "keeps":
            context = contextvars.copy_context()
            later.append(lambda: context.run(says, "too late"))
        case "later":
            thread = threading.Thread(target=later.pop())
            thread.start()
            thread.join()
        case "fails":
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
    req.write("done\n")
    return apache.OK


async def outputfilter(filter: apache.AsyncFilter):  # type: ignore[no-untyped-def]
    async for chunk in filter:
        yield chunk
    await apache.aio(_says("for a filter"))
