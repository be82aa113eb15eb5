"""A type checker finds the usual mistakes in handlers, and has nothing against right ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server import PROJECT

RIGHT = """
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from mod_python import apache

if TYPE_CHECKING:
    class ShopRequest(apache.Request):
        basket: list[str]

def handler(req: "ShopRequest") -> int:
    req.basket = [req.uri]
    req.basket.append(req.args or "")
    req.write(", ".join(req.basket))
    return apache.OK

def outputfilter(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk.upper())

async def shout(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    start = await filter.peek(4)
    async for chunk in filter:
        yield chunk if start == b"%PDF" else chunk.upper()

def connectionhandler(conn: apache.Connection) -> int:
    while line := conn.readline():
        conn.write(line.upper())
    return apache.OK

async def asyncconnectionhandler(conn: apache.AsyncConnection) -> None:
    line = await conn.readline()
    conn.write(line.upper())
    await conn.write(await conn.peek())
    async for line in conn:
        await conn.write(line)
    await conn.close()

async def asynchandler(req: apache.AsyncRequest) -> int:
    async for piece in req:
        await req.write(piece)
    if not req.closing:
        await req.sleep(1)
    await req.write(await req.read(), False)
    return apache.OK

def note(conn: apache.Connection | apache.AsyncConnection) -> None:
    conn.log_error(conn.client_ip)
"""
# Wrong lines, and what mypy says of each.
WRONG = {
    "def a(req: apache.Request) -> None: req.content_typ = 'text/plain'": '"Request" has no attribute "content_typ"',
    "def b(req: apache.Request) -> str: return req.hostnam": '"Request" has no attribute "hostnam"',
    "def c(req: apache.Request) -> None: req.server.eror_fname": '"Server" has no attribute "eror_fname"',
    "def d(filter: apache.Filter) -> None: filter.redline()": '"Filter" has no attribute "redline"',
    "def e(filter: apache.Filter) -> None: filter.req.headers_ot": 'has no attribute "headers_ot"',
    "def f(filter: apache.Filter) -> None: filter.found = True": '"Filter" has no attribute "found"',
    "async def g(conn: apache.AsyncConnection) -> bytes: return conn.readline()": "Incompatible return value type",
    "async def h(conn: apache.AsyncConnection) -> None: conn.sleep(1)": "Are you missing an await?",
    "async def i(conn: apache.AsyncConnection) -> bool: return conn.peek().startswith(b'GET')": "Maybe you forgot",
    "async def j(conn: apache.AsyncConnection) -> bool: return conn.authorize('/') is None or conn.reed()": '"reed"',
    "async def k(filter: apache.AsyncFilter) -> bytes: return filter.body()": "Incompatible return value type",
    "def l(conn: apache.Connection) -> None: conn.peek()": '"Connection" has no attribute "peek"',
    "async def m(conn: apache.Connection) -> bytes: return await conn.read()": 'Incompatible types in "await"',
    "async def o(req: apache.AsyncRequest) -> bytes: return req.read()": "Incompatible return value type",
    "async def p(req: apache.AsyncRequest) -> None: req.sleep(1)": "Are you missing an await?",
    "def q(req: apache.Request) -> None: req.sleep(1)": '"Request" has no attribute "sleep"',
    "async def n(filter: apache.AsyncFilter) -> None: filter.write(b'')": '"AsyncFilter" has no attribute "write"',
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What mypy says of both files, a line each."""
    folder = tmp_path_factory.mktemp("types")
    (folder / "right.py").write_text(RIGHT)
    (folder / "wrong.py").write_text("\n".join(["from mod_python import apache", *WRONG]) + "\n")
    cache = PROJECT / "target/mypy"
    command = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={cache}", "right.py", "wrong.py"]
    env = {**os.environ, "MYPYPATH": str(PROJECT / "python")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def test_right_handlers_are_right(said: list[str]) -> None:
    assert said, "mypy said nothing at all"
    assert not [line for line in said if line.startswith("right.py")]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda line: Path(line.split("(")[0]).name.split()[-1])
def test_mistakes_are_found(said: list[str], wrong: str) -> None:
    number = 2 + list(WRONG).index(wrong)
    assert any(line.startswith(f"wrong.py:{number}:") and WRONG[wrong] in line for line in said), "\n".join(said)


def test_the_names_for_type_checkers_are_there_at_run_time() -> None:
    test = (
        "from mod_python import testing, apache; print(apache.AsyncConnection, apache.AsyncFilter, apache.AsyncRequest)"
    )
    env = {**os.environ, "PYTHONPATH": str(PROJECT / "python")}
    done = subprocess.run([sys.executable, "-c", test], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "<class 'mp_conn'> <class 'mp_filter'> <class 'mp_request'>\n"
