"""`async def` handlers that write to slow clients, without a thread: `PythonMaxWaitingRequests` on the event MPM."""

import random
import re
import socket
import struct
import threading
import time
import zlib
from collections import Counter

import pytest
from few_threads import few_threads

from http1 import get, head, post, responses
from http2 import Stream
from httpd import Httpd

DATA = random.Random(1).randbytes(2 * 1024 * 1024)  # what the handlers write
THREADS = 4
CLIENTS = 12
KINDS = "whole counted parts held file left slept"
CONF = f"""
LogLevel python:info
PythonMaxWaitingRequests 200
PythonGracefulTimeout 1
{few_threads(THREADS)}
Timeout 20
SendBufferSize 65536
"""
CONF += "".join(
    f"""
<Location "/{name}">
    SetHandler mod_python
    PythonHandler async_writes::{name}
</Location>
"""
    for name in f"{KINDS} echo hello waits small".split()
)
CONF += """
PythonOutputFilter async_writes_filter TWICE
<Location "/parts/filtered">
    SetOutputFilter TWICE
</Location>
<IfModule deflate_module>
    <Location "/parts/deflated">
        SetOutputFilter DEFLATE
    </Location>
    <Location "/whole/deflated">
        SetOutputFilter DEFLATE
    </Location>
</IfModule>
Listen 127.0.0.1:${SHORT_PORT}
<VirtualHost *:${SHORT_PORT}>
    Timeout 1
</VirtualHost>
"""
FILTER = """
async def outputfilter(filter):
    async for piece in filter:
        yield piece
"""
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


def slow(httpd: Httpd, request: bytes, *, port: int | None = None, tls: bool = False) -> socket.socket:
    """A client that has sent a request and reads nothing yet."""
    client = httpd.connect(port, tls=tls, timeout=30)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
    client.sendall(request)
    return client


def rest(client: socket.socket) -> bytes:
    data = bytearray()
    while chunk := client.recv(65536):
        data += chunk
    client.close()
    return bytes(data)


def answers_at_once(httpd: Httpd) -> None:
    begin = time.monotonic()
    assert httpd.get("/hello").text == "hello"
    assert time.monotonic() - begin < 1


CLOSE = "Connection: close"


@both
@pytest.mark.parametrize("kind", [*KINDS.split(), "parts/filtered", "parts/deflated", "whole/deflated"])
def test_slow_readers_hold_no_thread(httpd: Httpd, kind: str, tls: bool) -> None:
    httpd.handler("async_writes_filter.py", FILTER)
    httpd.write("data.bin", DATA)
    zipped = ["Accept-Encoding: gzip"] if "deflated" in kind else []
    clients = [slow(httpd, get(f"/{kind}", CLOSE, *zipped), tls=tls) for _ in range(CLIENTS)]
    time.sleep(0.3)  # each thread has come to a full send buffer
    for _ in range(3):
        answers_at_once(httpd)
    for client in clients:
        answer = responses(rest(client))[0]
        body = zlib.decompress(answer.body, 31) if zipped else answer.body
        assert body == DATA
        assert ("Content-Length" in answer.headers) == (kind == "counted")


@both
def test_a_client_may_send_first_and_read_then(httpd: Httpd, tls: bool) -> None:
    client = slow(httpd, post("/echo", DATA[: 512 * 1024], CLOSE), tls=tls)
    assert responses(rest(client))[0].body == DATA[: 512 * 1024]


def test_head_and_pipelined_requests_are_framed_right(httpd: Httpd) -> None:
    httpd.write("data.bin", DATA)
    data = head("HEAD /parts HTTP/1.1", "Host: localhost")
    with httpd.connect() as client:
        client.sendall(data + get("/hello", CLOSE))
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    asked = [*KINDS.split(), "hello", "small"] * 2
    client = slow(httpd, b"".join(get(f"/{kind}") for kind in asked) + get("/hello", CLOSE))
    time.sleep(0.2)
    answers_at_once(httpd)
    answers = responses(rest(client))
    sizes = {"hello": 5, "small": 100_000}
    assert [len(answer.body) for answer in answers] == [sizes.get(kind, len(DATA)) for kind in [*asked, "hello"]]


def told(httpd: Httpd, expected: Counter[str], within: float) -> Counter[str]:
    """What the handler said within so many seconds, or earlier if that is what is expected."""
    deadline = time.monotonic() + within
    while (found := Counter(re.findall(r"writes: (.*)$", httpd.log(), re.MULTILINE))) != expected:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return found


def ended(error: str) -> Counter[str]:
    return Counter(["begins", error, "finally"])


@both
@pytest.mark.parametrize("kind", ["", "?slept"])
def test_a_client_that_leaves_is_told_within_a_second(httpd: Httpd, kind: str, tls: bool) -> None:
    before = len(httpd.requests())
    client = slow(httpd, get(f"/waits{kind}"), tls=tls)
    httpd.wait_for_log("writes: begins$")
    time.sleep(0.1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert told(httpd, ended("ConnectionResetError"), 1) == ended("ConnectionResetError")
    httpd.wait_for_request(f"200 GET /waits{kind}", before)


@pytest.mark.parametrize(("kind", "error"), [("", "TimeoutError"), ("?slept", "ConnectionResetError")])
def test_a_client_that_takes_nothing_for_timeout_is_given_up(httpd: Httpd, kind: str, error: str) -> None:
    httpd.allow("PythonHandler async_writes::waits|AH")
    port = httpd.port_of("SHORT_PORT")
    begin = time.monotonic()
    client = slow(httpd, get(f"/waits{kind}"), port=port)
    assert told(httpd, ended(error), 5) == ended(error)
    assert 0.9 < time.monotonic() - begin < 5
    client.close()


def test_a_client_that_takes_something_now_and_then_is_not(httpd: Httpd) -> None:
    client = slow(httpd, get("/whole", CLOSE), port=httpd.port_of("SHORT_PORT"))
    data = bytearray()
    for _ in range(20):  # for longer than Timeout
        time.sleep(0.1)
        data += client.recv(65536)
    assert responses(bytes(data) + rest(client))[0].body == DATA


def test_a_graceful_stop_waits_for_those_that_take_something(httpd: Httpd) -> None:
    stuck, flows = slow(httpd, get("/waits")), slow(httpd, get("/whole", CLOSE))
    httpd.wait_for_log("writes: begins$")
    children, data = set(httpd.children()), bytearray()

    def read_slowly() -> None:
        while chunk := flows.recv(100_000):
            data.extend(chunk)
            time.sleep(0.15)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    httpd.graceful()
    assert told(httpd, ended("ShuttingDown"), 10) == ended("ShuttingDown")
    reader.join()
    assert responses(bytes(data))[0].body == DATA
    deadline = time.monotonic() + 10
    while children & set(httpd.children()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    stuck.close()
    flows.close()


@both
def test_many_slow_readers_take_no_memory(httpd: Httpd, tls: bool) -> None:
    """Each holds at most a piece of what it is sent."""
    pid = int(next(iter(httpd.children())))
    idle = [slow(httpd, get("/small"), tls=tls) for _ in range(100)]
    for client in idle:
        while not client.recv(65536).endswith(b"0\r\n\r\n"):
            pass
    before = httpd.memory(pid).now
    for client in idle:
        client.sendall(get("/whole"))
    time.sleep(0.5)
    answers_at_once(httpd)
    grown = httpd.memory(pid).now - before
    for client in idle:
        client.close()
    assert grown < 100 * 80, f"{grown} KiB"


def test_a_stream_of_http2_that_takes_nothing_for_timeout_is_given_up() -> None:
    """As a plain handler's is; it holds its thread."""
    httpd = Httpd(CONF.replace("Timeout 20", "Timeout 1"), beside=__file__)
    with httpd:
        httpd.allow("PythonHandler async_writes::waits|AH")
        begin = time.monotonic()
        with Stream(httpd, "/waits") as stream:
            stream.end()
            # mod_http2 gives the stream up, or the connection first.
            httpd.wait_for_log("writes: (TimeoutError|ConnectionResetError)$", 8)
            httpd.wait_for_log("writes: finally$")
        assert time.monotonic() - begin > 0.9
