"""The client leaves, or the child stops, while an `async def` handler of a request waits."""

import contextlib
import math
import re
import socket
import struct
import threading
import time
from collections import Counter

import pytest

from http1 import get, responses
from http2 import Stream
from httpd import Httpd

MPMS = ("event", "worker", "prefork")
CONF = """
LogLevel python:info
PythonGracefulTimeout 2
<Location "/waits">
    SetHandler mod_python
    PythonHandler async_requests::waits
</Location>
<Location "/sleeps">
    SetHandler mod_python
    PythonHandler async_requests::sleeps
</Location>
<Location "/counted">
    SetHandler mod_python
    PythonHandler async_requests::counted
</Location>
<Location "/count">
    SetHandler mod_python
    PythonHandler async_requests::count
</Location>
<IfModule mpm_event_module>
    ThreadsPerChild 16
    MaxRequestWorkers 32
    AsyncRequestWorkerFactor 20
    PythonMaxWaitingRequests 100
</IfModule>
<IfModule mpm_worker_module>
    ThreadsPerChild 64
    MaxRequestWorkers 64
</IfModule>
<IfModule mpm_prefork_module>
    MaxRequestWorkers 8
</IfModule>
"""
each_wait = pytest.mark.parametrize("what", ["sleep", "aio"])
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


BEGINS = {"aio": "on the loop: begins$"}


def begun(httpd: Httpd, what: str, *, tls: bool = False, body: str = "") -> socket.socket:
    """A connection whose handler waits already."""
    client = httpd.connect(tls=tls)
    client.sendall(get(f"/waits?{what}", *([body] if body else [])))
    httpd.wait_for_log(BEGINS.get(what, "life: begins$"))
    time.sleep(0.05)
    return client


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def said(httpd: Httpd, expected: Counter[str], within: float = 1) -> Counter[str]:
    """What the handler said within so many seconds, or earlier if that is what is expected."""
    deadline = time.monotonic() + within
    while (told := Counter(re.findall(r"life: (.*)$", httpd.log(), re.MULTILINE))) != expected:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return told


def left(what: str) -> Counter[str]:
    cancelled = ["cancelled"] if what == "aio" else []
    return Counter(["begins", "ConnectionResetError", "finally", *cancelled])


@both
@each_wait
@pytest.mark.parametrize("leave", [reset, socket.socket.close], ids=["reset", "close"])
def test_p20_a_client_that_leaves_is_told_to_a_handler_that_waits(
    httpd: Httpd, what: str, leave: object, tls: bool
) -> None:
    before = len(httpd.requests())
    leave(begun(httpd, what, tls=tls))  # type: ignore[operator]
    assert said(httpd, left(what)) == left(what)
    httpd.wait_for_log("python:info.*PythonHandler async_requests::waits: ConnectionResetError: the peer has ")
    httpd.wait_for_request(f"200 GET /waits?{what}", before)
    assert len([line for line in httpd.requests()[before:] if "/waits" in line]) == 1
    assert "Traceback" not in httpd.log()


@each_wait
def test_a_client_of_http2_that_leaves_is_told_too(httpd: Httpd, what: str) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("mod_http2 wants threads")
    httpd.allow("AH10516|AH03")
    with Stream(httpd, f"/waits?{what}") as stream:
        stream.end()
        httpd.wait_for_log(BEGINS.get(what, "life: begins$"))
    assert said(httpd, left(what)) == left(what)


def test_after_a_part_of_the_response_too(httpd: Httpd) -> None:
    client = begun(httpd, "started")
    while b"started" not in client.recv(1000):
        pass
    client.close()
    assert said(httpd, left("sleep")) == left("sleep")


@both
def test_a_client_that_leaves_in_its_body_is_told(httpd: Httpd, tls: bool) -> None:
    client = begun(httpd, "read", body="Content-Length: 100", tls=tls)
    client.sendall(b"x" * 10)
    client.close()
    assert said(httpd, left("read")) == left("read")
    httpd.wait_for_log("the request's body did not come: .*the client left before its body was whole")


def test_a_client_that_leaves_in_its_body_behind_a_part_of_the_response_is_no_error(httpd: Httpd) -> None:
    """One line at info, as without a part: clients must not fill a log."""
    before = len(httpd.requests())
    client = begun(httpd, "echo", body="Content-Length: 100")
    client.sendall(b"x" * 10)
    data = b""
    while b"x" * 10 not in data:
        data += client.recv(1000)
    client.close()
    assert said(httpd, left("echo")) == left("echo")
    httpd.wait_for_request("200 GET /waits?echo", before)
    assert len(re.findall(r"python:info.*async_requests::waits: .*", httpd.log())) == 1
    assert "is cut" not in httpd.log()


def test_a_client_that_leaves_while_it_is_sent_to_is_told(httpd: Httpd) -> None:
    client = begun(httpd, "write")
    client.recv(100_000)
    reset(client)
    assert said(httpd, left("write")) == left("write")


def test_a_handler_that_catches_it_goes_on_and_is_told_once(httpd: Httpd) -> None:
    with begun(httpd, "again") as client:
        client.shutdown(socket.SHUT_WR)
        data = b""
        while chunk := client.recv(65536):
            data += chunk
    assert responses(data)[0].text == "answer"
    assert said(httpd, Counter(["begins", "finally"])) == Counter(["begins", "finally"])


def test_unread_bytes_come_before_the_end(httpd: Httpd) -> None:
    with begun(httpd, "brief", body="Content-Length: 4") as client:
        client.sendall(b"body")
        client.shutdown(socket.SHUT_WR)
        data = b""
        while chunk := client.recv(65536):
            data += chunk
    assert responses(data)[0].text == "answer b'body'"


def test_pipelined_requests_come_before_the_end(httpd: Httpd) -> None:
    answers = responses(httpd.raw(get("/waits?brief") + get("/count"), half_close=True))
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].text == "answer b''"


def test_a_storm_of_leaving_clients_leaves_nothing(httpd: Httpd) -> None:
    count = 4 if httpd.mpm == "prefork" else 48
    before = len(httpd.requests())
    clients = [httpd.connect() for _ in range(count)]
    for client in clients:
        client.sendall(get("/counted"))
    time.sleep(0.5)
    for at, client in enumerate(clients):
        (reset if at % 2 else socket.socket.close)(client)
    deadline = time.monotonic() + 5
    while len(httpd.requests()) < before + count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert httpd.requests()[before:] == ["200 GET /counted HTTP/1.1"] * count
    if httpd.mpm != "prefork":
        begin, end = httpd.get("/count").text.split()
        assert begin == end == str(count)


def test_at_a_graceful_restart_waiting_requests_end_or_are_answered_with_503(httpd: Httpd) -> None:
    got: dict[str, int] = {}

    def ask(path: str) -> None:
        with contextlib.suppress(OSError):
            got[path] = httpd.get(path).status

    threads = [threading.Thread(target=ask, args=(path,)) for path in ("/sleeps?1", "/waits?sleep")]
    for thread in threads:
        thread.start()
    httpd.wait_for_log("life: begins$")
    time.sleep(0.2)
    begin = time.monotonic()
    httpd.graceful()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begin < 6
    assert got["/sleeps?1"] == 200
    assert got["/waits?sleep"] == 503
    assert Counter(re.findall(r"life: (.*)$", httpd.log(), re.MULTILINE)) == Counter(
        ["begins", "ShuttingDown", "finally"]
    )


def test_at_a_graceful_restart_clients_that_do_nothing_hold_no_child(httpd: Httpd) -> None:
    """One that is merely slow goes on: it takes less than a third of the send buffer in the time of handlers."""
    clients = [begun(httpd, "write"), begun(httpd, "read", body="Content-Length: 100"), socket.socket()]
    clients[1].sendall(b"x" * 10)
    clients[2].settimeout(20)
    clients[2].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # it opens its window in small steps
    clients[2].connect(("127.0.0.1", httpd.port))
    clients[2].sendall(get("/waits?flow"))
    httpd.wait_for_log(r"(?s)(life: begins\n.*){3}")
    wanted, received, slow_until = 24 * 1024 * 1024, 0, math.inf

    def read_slowly() -> None:
        nonlocal received
        while received < wanted and (chunk := clients[2].recv(65536)):
            received += len(chunk)
            if time.monotonic() < slow_until:
                time.sleep(0.2)

    children, reader = set(httpd.children()), threading.Thread(target=read_slowly)
    reader.start()
    httpd.graceful()
    slow_until = time.monotonic() + 5  # more than twice as long as handlers have
    reader.join()
    assert received >= wanted
    clients[2].close()
    expected = Counter({"begins": 3, "finally": 3, "ShuttingDown": 2})
    assert said(httpd, expected, 20) == expected
    deadline = time.monotonic() + 20
    while children & set(httpd.children()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for client in clients:
        client.close()
