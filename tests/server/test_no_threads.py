"""A short lack of threads, in a child that starts its threads when they are first needed: nothing stays broken.

The limit is RLIMIT_NPROC, which binds httpd's children but not root: `pthread_create` fails with EAGAIN.
"""

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from httpd import Httpd

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="httpd's children must run as another user than root")
CONF = """
Listen 127.0.0.1:${ECHO_PORT}
<VirtualHost *:${ECHO_PORT}>
    PythonConnectionHandler no_threads::echo
</VirtualHost>
<Location "/limit">
    SetHandler mod_python
    PythonHandler no_threads::limit
</Location>
<Location "/child">
    SetHandler mod_python
    PythonHandler no_threads::child
</Location>
<Location "/aio">
    PythonOutputFilter no_threads::through_aio AIO
    SetOutputFilter AIO
</Location>
<Location "/spin">
    PythonOutputFilter no_threads::spin SPIN time=0.2
    SetOutputFilter SPIN
</Location>
<Location "/other">
    SetHandler mod_python
    PythonInterpreter other
    PythonHandler no_threads::child
</Location>
"""
HANDLERS = """
import asyncio, os, resource, time
from mod_python import apache

def limit(req):
    most, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (1 if req.args == "on" else hard, hard))
    return apache.OK

def child(req):
    req.write(str(os.getpid()))
    return apache.OK

async def through_aio(filter):
    async for chunk in filter:
        try:
            yield chunk + await apache.aio(asyncio.sleep(0.01, b"slept"))
        except RuntimeError as error:
            yield chunk + str(error).encode()

async def spin(filter):
    async for chunk in filter:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            pass
        yield chunk

async def echo(conn):
    await conn.write(b"hello\\n")
    while line := await conn.readline():
        await conn.write(line)
    return apache.OK
"""


@pytest.fixture(autouse=True)
def _fresh_child(httpd: Httpd) -> None:
    httpd.handler("no_threads.py", HANDLERS)
    for name in ("aio", "spin"):
        httpd.write(f"{name}/a.txt", "a ")
    httpd.graceful()


@contextmanager
def no_threads(httpd: Httpd) -> Iterator[None]:
    """No thread can be started in the child."""
    assert httpd.get("/limit?on").status == 200
    try:
        yield
    finally:
        assert httpd.get("/limit?off").status == 200


def ask(connection: socket.socket, line: bytes) -> bytes:
    """What the echo answers."""
    connection.sendall(line)
    return connection.recv(100)


def test_the_loop_of_asyncio_is_tried_again(httpd: Httpd) -> None:
    with no_threads(httpd):
        assert httpd.get("/aio/a.txt").text == "a can't start new thread"
        assert httpd.get("/aio/a.txt").text == "a can't start new thread"
    assert httpd.get("/aio/a.txt").text == "a slept"


def test_the_timer_of_connections_is_tried_again(httpd: Httpd) -> None:
    httpd.expect("cannot start the thread for the deadlines of connections", "the thread for deadlines could not be")
    with no_threads(httpd), closing(httpd.connect(httpd.port_of("ECHO_PORT"))) as connection:
        assert connection.recv(100) == b""
    with closing(httpd.connect(httpd.port_of("ECHO_PORT"))) as connection:
        assert connection.recv(100) == b"hello\n"
        assert ask(connection, b"a\n") == b"a\n"


def test_parked_connections_are_served_once_a_thread_can_be_started(httpd: Httpd) -> None:
    httpd.expect("cannot start a thread for parked connections, which wait until one can be started")
    with closing(httpd.connect(httpd.port_of("ECHO_PORT"))) as connection:
        assert connection.recv(100) == b"hello\n"
        with no_threads(httpd):
            connection.sendall(b"a\n")
            httpd.wait_for_log("cannot start a thread for parked connections")
            time.sleep(0.5)
        assert connection.recv(100) == b"a\n"
        assert ask(connection, b"b\n") == b"b\n"
    assert httpd.log().count("cannot start a thread for parked connections") == 1


def test_budgets_of_time_are_tried_again(httpd: Httpd) -> None:
    httpd.expect("no thread for time=", "took more than time=0.2: interrupted", "FilterTimeout")
    with no_threads(httpd):
        assert httpd.get("/spin/a.txt").text == "a "
    assert httpd.get("/spin/a.txt").status == 500


def test_turns_at_the_gil_are_tried_again(httpd: Httpd) -> None:
    if not has_threads(httpd.get("/other").text, "gil turns", 1):
        pytest.skip("this Python needs no thread for turns")
    httpd.graceful()
    pid = httpd.get("/child").text
    httpd.expect("no thread for turns between interpreters")
    with no_threads(httpd):
        assert httpd.get("/other").text == pid
    assert httpd.get("/child").text == pid
    assert has_threads(pid, "gil turns", 1)


def has_threads(pid: str, name: str, count: int) -> bool:
    """Whether a process has so many threads of this name, within a second."""
    for _ in range(20):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        if [(task / "comm").read_text() for task in tasks].count(f"{name}\n") == count:
            return True
        time.sleep(0.05)
    return False


def test_the_watchdog_of_prefork_is_tried_again() -> None:
    conf = CONF + "StartServers 1\nMaxRequestWorkers 1\n"
    with Httpd(conf, mpm="prefork") as httpd:
        httpd.expect("cannot start the thread that watches the end of this child: until the next connection")
        httpd.handler("no_threads.py", HANDLERS)
        hard = resource.prlimit(httpd.parent_pid, resource.RLIMIT_NPROC)[1]
        resource.prlimit(httpd.parent_pid, resource.RLIMIT_NPROC, (1, hard))
        httpd.graceful()
        assert httpd.get("/limit?off").status == 200
        pid = httpd.get("/child").text
        assert has_threads(pid, "watchdog", 1)
