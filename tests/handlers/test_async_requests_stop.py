"""The server stops at once while `async def` handlers of requests wait, and gracefully while clients send and take."""

import os
import re
import signal
import socket
import time
from collections import Counter

import pytest

from http1 import get, responses
from httpd import Httpd

CONF = """
LogLevel python:info
PythonShutdownTimeout 6
<Location /waits>
    SetHandler mod_python
    PythonHandler async_requests::waits
</Location>
"""
ON_LOOP = "LogLevel python:info\nPythonGracefulTimeout 1\nSendBufferSize 65536\n" + "".join(
    f"<Location /{name.rpartition(':')[2]}>\nSetHandler mod_python\nPythonHandler {name}\n</Location>\n"
    for name in ("loop_requests::large", "loop_requests::echoes", "loop_ends::waits")
)
WAITS = ("sleep", "aio", "read", "write", "started")


def said(httpd: Httpd) -> Counter[str]:
    return Counter(re.findall(r"life: (.*)$", httpd.log(), re.MULTILINE))


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_a_stop_ends_each_wait_of_a_request(mpm: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        httpd.allow("AH000(45|46|47)")  # httpd waits for its children
        clients = [httpd.connect() for _ in WAITS]
        for client, what in zip(clients, WAITS, strict=True):
            client.sendall(get(f"/waits?{what}", *(["Content-Length: 9"] if what == "read" else [])))
        deadline = time.monotonic() + 20
        while said(httpd)["begins"] < len(WAITS):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.1)  # they wait now
        os.kill(httpd.parent_pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while said(httpd)["finally"] < len(WAITS):
            assert time.monotonic() < deadline, said(httpd)
            time.sleep(0.02)
        assert said(httpd)["ShuttingDown"] == len(WAITS), httpd.log()
        assert "PythonShutdownTimeout" not in httpd.log()
        for client in clients:
            client.close()


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_a_graceful_stop_lets_clients_go_on_that_move_on_the_loop(mpm: str) -> None:
    with Httpd(ON_LOOP, beside=__file__, mpm=mpm) as httpd:
        httpd.allow("AH000(45|46|47)")
        takes, gives, told = (socket.socket() for _ in range(3))
        for client in (takes, gives, told):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
            client.settimeout(20)
            client.connect(("127.0.0.1", httpd.port))
        takes.sendall(get("/large?40", "Connection: close"))
        gives.sendall(get("/echoes", "Content-Length: 3000", "Connection: close"))
        told.sendall(get("/waits?after", "Content-Length: 30", "Connection: close"))
        taken = b""
        for number in range(30):  # three times as long as handlers have
            gives.sendall(b"x" * 100)
            told.sendall(b"x")
            taken += takes.recv(50_000)
            if number == 3:
                os.kill(httpd.parent_pid, signal.SIGUSR1)
            time.sleep(0.1)
        answers = [taken, b"", b""]
        for number, client in enumerate((takes, gives, told)):
            while data := client.recv(1_000_000):
                answers[number] += data
            client.close()
        whole, echoed, last = (responses(answer)[0] for answer in answers)
        assert (len(whole.body), echoed.body, last.status) == (40 * 65536, b"x" * 3000, 503)
