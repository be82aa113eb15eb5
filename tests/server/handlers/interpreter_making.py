"""What is asked while interpreters are made, and descriptors that run out."""

import contextlib
import os
import resource
import threading
import time
from pathlib import Path

from mod_python import apache

taken: list[int] = []


def handler(req: apache.Request) -> int:
    req.write(apache.interpreter)
    return apache.OK


def adds(req: apache.Request) -> int:
    "Gives its request a filter, which needs to know the interpreter."
    apache.log_error("interpreter_making adds", apache.APLOG_NOTICE)
    deadline = time.monotonic() + 20
    while not (Path(os.environ["MAKING"]) / "added").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    req.register_output_filter("ADDED", upper)
    req.add_output_filter("ADDED")
    req.write("added")
    return apache.OK


def upper(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data.upper())
    if data is None:
        filter.close()


def same(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data)
    if data is None:
        filter.close()


async def connectionhandler(conn: apache.AsyncConnection) -> None:
    conn.log_error("interpreter_making connection", apache.APLOG_NOTICE)
    async for line in conn:
        await conn.write(line.upper())


async def named(conn: apache.AsyncConnection) -> None:
    await conn.write(apache.interpreter)


def fill(req: apache.Request) -> int:
    "Takes all descriptors of this child, or with ?limit lets it have none, until the test says that it is enough."
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if req.args == "limit":
        resource.setrlimit(resource.RLIMIT_NOFILE, (4, hard))
    else:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 300), hard))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open("/", os.O_RDONLY))

    def give_back() -> None:
        enough = Path(os.environ["MAKING"]) / "enough"
        deadline = time.monotonic() + 20
        while not enough.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        for descriptor in taken:
            os.close(descriptor)
        taken.clear()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        enough.unlink()

    threading.Thread(target=give_back).start()
    return apache.OK
