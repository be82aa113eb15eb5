"""`async def` handlers that write more than a slow client takes."""

import random
from collections.abc import Iterator
from pathlib import Path

from mod_python import apache

DATA = random.Random(1).randbytes(2 * 1024 * 1024)


def note(req: apache.Request, text: str) -> None:
    req.log_error(f"writes: {text}", apache.APLOG_NOTICE)


async def hello(req: apache.AsyncRequest) -> int:
    await req.write("hello")
    return apache.OK


def pieces() -> Iterator[bytes]:
    at, length = 0, 1
    while at < len(DATA):
        yield DATA[at : at + length]
        at, length = at + length, length * 3 % 70_001


async def whole(req: apache.AsyncRequest) -> int:
    "One large piece."
    await req.write(DATA)
    return apache.OK


async def counted(req: apache.AsyncRequest) -> int:
    "The same, whose length is said."
    req.set_content_length(len(DATA))
    await req.write(DATA)
    return apache.OK


async def parts(req: apache.AsyncRequest) -> int:
    "Pieces of all sizes."
    for piece in pieces():
        await req.write(piece)
    return apache.OK


async def held(req: apache.AsyncRequest) -> int:
    "The same, held back."
    for piece in pieces():
        await req.write(piece, False)
    return apache.OK


async def file(req: apache.AsyncRequest) -> int:
    "A file, between two pieces."
    req.write(DATA[:1000])
    sent = await req.sendfile(str(Path(req.document_root()) / "data.bin"), 1000, len(DATA) - 2000)
    assert sent == len(DATA) - 2000
    await req.write(DATA[-1000:])
    return apache.OK


async def left(req: apache.AsyncRequest) -> int:
    "Awaits nothing before it returns."
    req.write(DATA)
    return apache.OK


async def slept(req: apache.AsyncRequest) -> int:
    "Awaits something else."
    req.write(DATA)
    await req.sleep(0.5)
    return apache.OK


async def echo(req: apache.AsyncRequest) -> int:
    "Writes what it reads, and awaits the reading only."
    async for piece in req:
        req.write(piece)
    return apache.OK


async def waits(req: apache.AsyncRequest) -> int:
    "Writes until the client leaves, or for good."
    note(req, "begins")
    try:
        if req.args == "slept":
            req.write(DATA)
            await req.sleep(20)
        while True:
            await req.write(DATA)
    except BaseException as error:
        note(req, type(error).__name__)
        raise
    finally:
        note(req, "finally")
    return apache.OK


async def small(req: apache.AsyncRequest) -> int:
    "Many pieces that the socket takes at once."
    for _ in range(1000):
        await req.write(b"x" * 100)
    return apache.OK
