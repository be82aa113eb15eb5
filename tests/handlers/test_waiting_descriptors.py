"""What requests that wait without a thread, and connections that are kept alive, take of a child's descriptors."""

import contextlib
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest
from few_descriptors import MOST, FewDescriptors
from few_threads import few_threads

from http1 import get, head, responses

SERVER = FewDescriptors
THREADS = 4
CLIENTS = 100  # with two descriptors each, there would not be enough in the second half
IDLE = MOST // 2  # how many descriptors a child has without clients
MORE = 16  # it may have so many more: each thread has an event of its own, from its first request on
NAMES = "sleeps waits whole hello"
# Of its own, since the kernel counts the sockets in messages for each user, against the limit of whoever sends one.
USER = "User games\n" if os.geteuid() == 0 else ""
CONF = f"""
{USER}
LogLevel python:info
PythonMaxWaitingRequests 200
{few_threads(THREADS)}
Timeout 20
KeepAliveTimeout 60
SendBufferSize 65536
<Location "/files">
    SetHandler mod_python
    PythonHandler kept_files
</Location>
Listen 127.0.0.1:${{SHORT_PORT}}
<VirtualHost *:${{SHORT_PORT}}>
    Timeout 1
    KeepAliveTimeout 1
</VirtualHost>
"""
CONF += "".join(
    f"""
<Location "/{name}">
    SetHandler mod_python
    PythonHandler async_requests::{name}
</Location>
"""
    for name in NAMES.split()
)
CONF += """
PythonApplication /asgi asgi few_asgi:application
"""
APPLICATION = """
import asyncio

async def application(scope, receive, send):
    assert scope["type"] == "http"
    await asyncio.sleep(float(scope["query_string"]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"after"})
"""
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
each = pytest.mark.parametrize("path", ["/sleeps?", "/asgi?"])


@pytest.fixture
def few(httpd: FewDescriptors) -> FewDescriptors:
    """The server, which has no descriptors left in the first half of their numbers."""
    httpd.handler("few_asgi.py", APPLICATION)
    assert httpd.get(f"/files?{IDLE}").text == "kept"
    has_descriptors(httpd, 0)
    return httpd


@contextlib.contextmanager
def clients(few: FewDescriptors, count: int, path: str, *, tls: bool = False) -> Iterator[list[socket.socket]]:
    """So many connections, on each of which a path was asked for."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            found.append(stack.enter_context(few.connect(tls=tls, timeout=30)))
            found[-1].sendall(get(path))
        yield found


def answer(client: socket.socket) -> str:
    """The text of one response."""
    data = b""
    while True:
        piece = client.recv(65536)
        assert piece, data
        data += piece
        with contextlib.suppress(Exception):
            return responses(data)[0].text


def eventually(holds: Callable[[], bool], why: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


def has_descriptors(few: FewDescriptors, count: int) -> None:
    """Wait until its child has so many descriptors for clients."""
    count += IDLE
    eventually(lambda: count - 2 <= few.descriptors() <= count + MORE, lambda: (few.descriptors(), count))


@both
@each
def test_where_they_are_short_a_request_that_waits_has_one(few: FewDescriptors, path: str, tls: bool) -> None:
    with clients(few, CLIENTS, f"{path}1.5", tls=tls) as waiting:
        has_descriptors(few, CLIENTS)
        assert all(answer(client).endswith("after") for client in waiting)
        has_descriptors(few, CLIENTS)  # kept alive
        for client in waiting:  # on the same connections
            client.sendall(get(f"{path}0.5"))
        assert all(answer(client).endswith("after") for client in waiting)
        has_descriptors(few, CLIENTS)
    has_descriptors(few, 0)


def test_it_waits_for_longer_than_timeout(few: FewDescriptors) -> None:
    with few.connect(few.port_of("SHORT_PORT")) as client:
        client.sendall(get("/sleeps?1.7"))
        assert answer(client) == "before after"


@both
@pytest.mark.parametrize("is_reset", [False, True], ids=["end", "reset"])
def test_it_is_told_that_its_client_has_left(few: FewDescriptors, tls: bool, is_reset: bool) -> None:
    with clients(few, 1, "/waits?sleep", tls=tls) as (client,):
        few.wait_for_log("life: begins")
        time.sleep(0.1)  # it waits
        if is_reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    few.wait_for_log("life: ConnectionResetError")
    few.wait_for_log("life: finally")
    has_descriptors(few, 0)


@both
def test_it_reads_what_comes_slowly(few: FewDescriptors, tls: bool) -> None:
    with few.connect(tls=tls) as client:
        client.sendall(head("POST /whole HTTP/1.1", "Host: localhost", "Content-Length: 300"))
        for _ in range(30):
            time.sleep(0.02)
            client.sendall(b"x" * 10)
        assert answer(client).startswith("100 200 ")


@both
def test_it_writes_to_a_client_that_reads_slowly(few: FewDescriptors, tls: bool) -> None:
    with few.connect(tls=tls, timeout=30) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        client.sendall(get("/waits?flow"))
        length = 0
        while length < 24 * 1024 * 1024:
            if length % (1024 * 1024) < 65536:
                time.sleep(0.005)
            piece = client.recv(65536)
            assert piece, length
            length += len(piece)


@both
def test_pipelined_requests_are_answered_in_order(few: FewDescriptors, tls: bool) -> None:
    with few.connect(tls=tls) as client:
        client.sendall(get("/sleeps?0.2") + get("/hello") + get("/asgi?0.1") + get("/hello", "Connection: close"))
        data = b""
        while piece := client.recv(65536):
            data += piece
        assert [response.text for response in responses(data)] == ["before after", "hello", "after", "hello"]


def test_its_connection_is_kept_alive_for_keepalivetimeout(few: FewDescriptors) -> None:
    with few.connect(few.port_of("SHORT_PORT")) as client:
        for _ in range(2):
            client.sendall(get("/sleeps?0.05"))
            assert answer(client) == "before after"
            time.sleep(0.3)
        begin = time.monotonic()
        assert client.recv(100) == b""
        assert 0.3 < time.monotonic() - begin < 8
    has_descriptors(few, 0)


@both
def test_a_connection_that_is_kept_alive_has_one(few: FewDescriptors, tls: bool) -> None:
    with contextlib.ExitStack() as stack:
        idle = []
        for _ in range(CLIENTS):  # one after the other: the MPM closes them when all threads are busy
            idle.append(stack.enter_context(few.connect(tls=tls)))
            idle[-1].sendall(get("/files?0"))
            assert answer(idle[-1]) == "kept"
        has_descriptors(few, CLIENTS)
        for client in idle:
            client.sendall(get("/sleeps?0.01"))
            assert answer(client) == "before after"
    has_descriptors(few, 0)
