"""The server stops or restarts while applications answer: how requests end, and that each lifespan is shut down."""

import os
import signal
import socket
import time
from collections.abc import Callable

import pytest

import http1
from httpd import Httpd

CONF = """
LogLevel python:info
PythonGracefulTimeout 0.5
PythonShutdownTimeout 6
PythonApplication /pages asgi asgi_pages
PythonApplication /stuck asgi lifespan_pages:stuck
<Location /holds>
    SetHandler mod_python
    PythonHandler holding
</Location>
"""
HOLDING = """
import time

def handler(req):
    print("holds")
    time.sleep(2.5)
    print("holds no more")
    return 0
"""


def graceful_restart(httpd: Httpd) -> None:
    httpd.graceful()


def stop(httpd: Httpd) -> None:
    os.kill(httpd.parent_pid, signal.SIGTERM)


each_mpm = pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])


def begun(httpd: Httpd, path: str, line: str) -> socket.socket:
    """A connection whose request is being answered."""
    client = httpd.connect(timeout=20)
    client.sendall(http1.get(path))
    httpd.wait_for_log(line, 20)
    return client


def rest(client: socket.socket) -> bytes:
    """What comes until the server closes."""
    data = b""
    try:
        while chunk := client.recv(65536):
            data += chunk
    except ConnectionError:
        pass
    return data


def shut_down(httpd: Httpd, lifespans: int) -> None:
    """Wait until so many lifespans were shut down."""
    deadline = time.monotonic() + 20
    while httpd.log().count("the lifespan shuts down") < lifespans:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "PythonShutdownTimeout" not in httpd.log()


@each_mpm
@pytest.mark.parametrize("way", [graceful_restart, stop])
def test_requests_that_wait_end_and_lifespans_are_shut_down(mpm: str, way: Callable[[Httpd], None]) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        httpd.allow("AH000(45|46|47)|AH0052")  # httpd waits for its children
        clients = [
            begun(httpd, "/pages/gone?waiting", "waits waiting"),
            begun(httpd, "/pages/wait?60", "waits sleeping"),
            begun(httpd, "/stuck", "stuck starts"),
        ]
        stuck = begun(httpd, "/pages/gone?writing", "waits writing")
        begin = time.monotonic()
        way(httpd)
        answers = [rest(client) for client in clients]
        shut_down(httpd, 3 if mpm == "prefork" else 1)
        httpd.wait_for_log("the start of stuck ends", 20)
        assert time.monotonic() - begin < 4
        if way is graceful_restart:
            assert {answer[:13] for answer in answers} == {b"HTTP/1.1 503 "}
            httpd.wait_for_log("gone writing: the client has left")
        assert "Traceback" not in httpd.log() and "has no lifespan" not in httpd.log()
        for client in [*clients, stuck]:
            client.close()


@each_mpm
def test_a_response_that_moves_goes_on_at_a_graceful_stop(mpm: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        with begun(httpd, "/pages/slow?12", "sends slowly") as client:
            os.kill(httpd.parent_pid, signal.SIGWINCH)
            (answer,) = http1.responses(rest(client))
        assert answer.body == b"part\n" * 12
        shut_down(httpd, 1)


def test_a_child_that_lives_on_for_others_shuts_its_lifespans_down() -> None:
    with Httpd(CONF, beside=__file__) as httpd:
        httpd.handler("holding.py", HOLDING)
        assert httpd.get("/pages/hello").status == 200
        with begun(httpd, "/holds", "holds$"):
            httpd.graceful()
            shut_down(httpd, 1)
            assert "holds no more" not in httpd.log()
            httpd.wait_for_log("holds no more", 20)
