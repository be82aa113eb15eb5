"""Turns at the GIL: who waits for it, how long, and what looks after that."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from httpd import Httpd

NAMES = [f"i{number}" for number in range(8)]
SECTION = """
<Location "/{0}">
    PythonInterpreter {0}
</Location>
"""
CONF = """
ServerLimit 1
StartServers 1
ThreadsPerChild 16
MaxRequestWorkers 16
AsyncRequestWorkerFactor 20
KeepAliveTimeout 30
PythonSwitchInterval 0.4
PythonInterpreter served
Listen 127.0.0.1:${ECHO_PORT}
<VirtualHost *:${ECHO_PORT}>
    PythonConnectionHandler turns::echo
</VirtualHost>
<Location "/">
    SetHandler mod_python
    PythonHandler turns
</Location>
""" + "".join(map(SECTION.format, NAMES))
HANDLERS = """
import sys, threading, time
from mod_python import apache

burning = threading.Event()
slept = 0


def handler(req):
    return globals()[req.uri.rpartition("/")[2]](req)


def interval(req):
    req.write(str(sys.getswitchinterval()), 0)
    return apache.OK


def burn(req):
    burning.set()
    end = time.monotonic() + float(req.args)
    while time.monotonic() < end:
        pass
    burning.clear()
    req.write(str(slept), 0)
    return apache.OK


def late(req):
    time.sleep(2)
    return burn(req)


def nap(req):
    time.sleep(2.3)
    return apache.OK


def burns(req):
    req.write(str(burning.is_set()), 0)
    return apache.OK


def sleeps(req):
    global slept
    for _ in range(int(req.args)):
        time.sleep(0.001)
        slept += 1
    req.write(str(slept), 0)
    return apache.OK


def quick(req):
    return apache.OK


async def echo(conn: apache.AsyncConnection):
    async for line in conn:
        await conn.write(line)
    return apache.OK
"""


@pytest.fixture(autouse=True)
def _handlers(httpd: Httpd) -> None:
    httpd.handler("turns.py", HANDLERS)


@contextmanager
def burning(httpd: Httpd, path: str, seconds: float) -> Iterator[list[str]]:
    """A handler burns the GIL for so long; what it wrote is in the list afterwards."""
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(httpd.get(f"{path}?{seconds}").text))
    thread.start()
    time.sleep(0.2)
    try:
        yield answers
    finally:
        thread.join()


def ask(connection: socket.socket, path: str) -> float:
    """How many seconds an answer takes on a kept connection, after a burner has taken the GIL again."""
    time.sleep(0.05)
    begin = time.monotonic()
    connection.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
    assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    return time.monotonic() - begin


def threads(httpd: Httpd) -> list[Path]:
    """The threads of the child that look after turns, in /proc."""
    [child] = httpd.children()
    tasks = Path(f"/proc/{child}/task").iterdir()
    return [task for task in tasks if (task / "comm").read_text() == "gil turns\n"]


def wakeups(task: Path) -> int:
    """How often a thread has gone to sleep so far."""
    [line] = [line for line in (task / "status").read_text().splitlines() if line.startswith("voluntary_ctxt_switches")]
    return int(line.split()[1])


def test_the_switch_interval_is_that_of_all_interpreters(httpd: Httpd) -> None:
    for name in ["", *NAMES[:2]] * 2:
        assert float(httpd.get(f"/{name}/interval").text) == pytest.approx(0.4)


def test_the_switch_interval_is_a_millisecond_by_default() -> None:
    with Httpd(CONF.replace("PythonSwitchInterval 0.4", "")) as httpd:
        httpd.handler("turns.py", HANDLERS)
        assert [httpd.get(f"/{name}/interval").text for name in ("", "i0", "")] == ["0.001"] * 3


def test_a_request_waits_once_beside_a_burner(httpd: Httpd) -> None:
    with closing(httpd.connect()) as connection, burning(httpd, "/burn", 5):
        ask(connection, "/burns")
        # Half of the interval, not twice that: what the handler wrote is sent after it has left Python.
        taken = min(ask(connection, "/burns") for _ in range(3))
        assert 0.15 < taken < 0.3


def test_a_request_waits_no_longer_beside_a_burner_of_another_interpreter(httpd: Httpd) -> None:
    for name in NAMES[:2]:
        httpd.get(f"/{name}/quick")
    with closing(httpd.connect()) as connection, burning(httpd, "/i0/burn", 5):
        taken = min(ask(connection, "/i1/burns") for _ in range(4))
        assert 0.15 < taken < 0.3


def test_a_thread_that_waits_inside_of_python_gets_turns_beside_another_interpreter() -> None:
    with Httpd(CONF.replace("PythonSwitchInterval 0.4", "")) as httpd:
        httpd.handler("turns.py", HANDLERS)
        for name in NAMES[:2]:
            httpd.get(f"/{name}/quick")
        with burning(httpd, "/i0/burn", 3) as answers:
            assert httpd.get("/i1/sleeps?40").text == "40"
            assert not answers  # still at it


def test_a_thread_that_comes_back_from_a_call_gets_a_turn_beside_another_interpreter() -> None:
    with Httpd(CONF.replace("PythonSwitchInterval 0.4", "")) as httpd:
        httpd.handler("turns.py", HANDLERS)
        for name in NAMES[:2]:
            httpd.get(f"/{name}/quick")
        # Both sleep for so long that nothing looks after turns any more, and enter Python no more after that.
        with burning(httpd, "/i0/late", 4) as answers:
            assert httpd.get("/i1/nap").status == 200
            assert not answers  # still at it


def test_connections_that_are_ready_share_a_turn(httpd: Httpd) -> None:
    count = 60
    with ExitStack() as stack:
        port = httpd.port_of("ECHO_PORT")
        connections = [stack.enter_context(httpd.connect(port)) for _ in range(count)]
        for connection in connections:
            connection.sendall(b"one\n")
        assert all(connection.recv(100) == b"one\n" for connection in connections)
        # Sixty turns would take 12 s.
        with burning(httpd, "/burn", 5) as answers:
            for connection in connections:
                connection.sendall(b"two\n")
            assert all(connection.recv(100) == b"two\n" for connection in connections)
            assert not answers  # still at it


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="threads ask those of other interpreters by themselves")
def test_one_thread_looks_after_all_interpreters_and_sleeps_while_none_runs(httpd: Httpd) -> None:
    for name in NAMES:
        httpd.get(f"/{name}/quick")
    [thread] = threads(httpd)
    with closing(httpd.connect()) as connection:
        time.sleep(1.5)
        before = wakeups(thread)
        for number in range(20):
            ask(connection, f"/{NAMES[number % len(NAMES)]}/quick")
        assert wakeups(thread) - before < 30
    time.sleep(2)
    before = wakeups(thread)
    time.sleep(1)
    assert wakeups(thread) == before
