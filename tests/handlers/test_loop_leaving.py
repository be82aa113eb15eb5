"""Clients that leave while handlers under `@apache.aio` wait without a thread: each handler is told."""

import contextlib
import ssl
import time

import pytest
from few_threads import few_threads

from http1 import get
from httpd import Httpd

THREADS = 4
CLIENTS = 3 * THREADS
CONF = f"""
LogLevel python:info
PythonMaxWaitingRequests 100
{few_threads(THREADS)}
<Location "/waits">
    SetHandler mod_python
    PythonHandler loop_leaving
</Location>
"""
HANDLER = """
import asyncio
from mod_python import apache

@apache.aio
async def handler(req):
    req.log_error("begins", apache.APLOG_NOTICE)
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        req.log_error("is told", apache.APLOG_NOTICE)
        raise
"""


def wait_for(httpd: Httpd, text: str, count: int) -> None:
    deadline = time.monotonic() + 10
    while httpd.log().count(text) < count:
        assert time.monotonic() < deadline, (text, httpd.log().count(text))
        time.sleep(0.02)


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_many_are_told_each(httpd: Httpd, tls: bool) -> None:
    httpd.handler("loop_leaving.py", HANDLER)
    clients = []
    for _ in range(CLIENTS):
        clients.append(httpd.connect(tls=tls))
        clients[-1].sendall(get("/waits"))
    wait_for(httpd, "begins", CLIENTS)
    for client in clients:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
            assert not client.recv(
                100
            )  # TLS has sent tickets: a client that had not read them would reset the connection
        client.close()
    wait_for(httpd, "is told", CLIENTS)
