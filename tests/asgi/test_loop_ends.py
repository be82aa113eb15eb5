"""The event loop of applications ends: their requests end, and the next one has a new loop."""

import socket
import time

import pytest

from http1 import get
from httpd import Httpd

MPMS = ("event",)
CONF = """
ServerLimit 1
StartServers 1
ThreadsPerChild 16
MaxRequestWorkers 16
AsyncRequestWorkerFactor 100
PythonMaxWaitingRequests 100
PythonApplication / asgi ending
Listen 127.0.0.1:${HOLDS_PORT}
<VirtualHost *:${HOLDS_PORT}>
    PythonMaxWaitingRequests 0
</VirtualHost>
"""
ENDING = """
import asyncio

async def application(scope, receive, send):
    assert scope["type"] == "http"
    if scope["path"] == "/breaks":
        asyncio.get_running_loop()._selector.close()
    if scope["path"] == "/waits":
        print("waits")
        await asyncio.sleep(60)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"hello"})
"""


def begun(httpd: Httpd, port: int) -> socket.socket:
    client = httpd.connect(port)
    client.sendall(get("/waits", "Connection: close"))
    return client


@pytest.mark.parametrize("number", [1, 2])
def test_requests_end_with_the_loop(httpd: Httpd, number: int) -> None:
    httpd.handler("ending.py", ENDING)
    assert httpd.get("/").text == "hello"
    clients = [begun(httpd, port) for port in (httpd.port, httpd.port_of("HOLDS_PORT"))]
    deadline = time.monotonic() + 10
    while httpd.log().count("waits") < len(clients):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    httpd.expect(
        "asyncio's event loop has ended", "PythonApplication / asgi ending .*failed", "RuntimeError: asyncio's"
    )
    httpd.allow("PythonApplication / asgi ending", "asyncio:|Task was destroyed|coroutine|AH0|Traceback|  File|^ ")
    assert httpd.get("/breaks").text == "hello"
    begin = time.monotonic()
    assert [client.recv(1000)[:12] for client in clients] == [b"HTTP/1.1 500"] * 2
    assert time.monotonic() - begin < 7
    assert httpd.get("/").text == "hello"
