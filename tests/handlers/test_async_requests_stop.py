"""The server stops at once (SIGTERM) while `async def` handlers of requests wait: each is told, by ShuttingDown."""

import os
import re
import signal
import time
from collections import Counter

import pytest

from http1 import get
from httpd import Httpd

CONF = """
LogLevel python:info
PythonShutdownTimeout 6
<Location /waits>
    SetHandler mod_python
    PythonHandler async_requests::waits
</Location>
"""
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
