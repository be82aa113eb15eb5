"""Applications of ASGI whose requests wait without a thread: `PythonMaxWaitingRequests` on the event MPM."""

import contextlib
import socket
import struct
import threading
import time

import pytest
from few_threads import few_threads

from http1 import get, post, responses
from httpd import Httpd

THREADS = 8
MOST = 100
LARGE = 20_000_000
CONF = f"""
LogLevel python:info
PythonMaxWaitingRequests {MOST}
PythonGracefulTimeout 2
{few_threads(THREADS)}
Timeout 6
PythonApplication / asgi waiting_pages
PythonApplication /wsgi wsgi waiting_pages:by_wsgi
"""
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


def read_answer(client: socket.socket) -> bytes:
    """A whole response that says its length."""
    data = b""
    while True:
        head, end, body = data.partition(b"\r\n\r\n")
        if end and len(body) == int(head.lower().partition(b"content-length:")[2].split()[0]):
            return data
        chunk = client.recv(65536)
        assert chunk, data
        data += chunk


def asking(httpd: Httpd, path: str, count: int, *, tls: bool = False) -> list[socket.socket]:
    """So many clients that have asked for a path."""
    assert httpd.get("/hello").text == "waited"  # the application has started
    return asking_at_once(httpd, path, count, tls=tls)


def asking_at_once(httpd: Httpd, path: str, count: int, *, tls: bool = False) -> list[socket.socket]:
    clients = []
    for _ in range(count):
        clients.append(httpd.connect(tls=tls))
        clients[-1].sendall(get(path))
    return clients


def close(clients: list[socket.socket]) -> None:
    for client in clients:
        client.close()


@both
def test_more_requests_wait_than_there_are_threads(httpd: Httpd, tls: bool) -> None:
    clients = asking(httpd, "/hello?1", 5 * THREADS, tls=tls)
    for number in range(2):  # the second round on the same connections
        begin = time.monotonic()
        if number:
            for client in clients:
                client.sendall(get("/hello?1"))
        assert [responses(read_answer(client))[0].text for client in clients] == ["waited"] * len(clients)
        assert time.monotonic() - begin < 4
    close(clients)


def test_other_requests_are_served_meanwhile(httpd: Httpd) -> None:
    clients = asking(httpd, "/hello?2", 3 * THREADS)
    begin = time.monotonic()
    assert httpd.get("/hello").text == "waited"
    assert time.monotonic() - begin < 1
    assert {read_answer(client)[-6:] for client in clients} == {b"waited"}
    close(clients)


def test_requests_hold_no_thread_before_the_loop_takes_them(httpd: Httpd) -> None:
    """An application holds the loop up, and httpd serves what needs no loop."""
    (first,) = asking(httpd, "/blocks?0", 1)
    httpd.wait_for_log("the loop is blocked")
    clients = asking_at_once(httpd, "/hello", 12 * THREADS)
    begin = time.monotonic()
    with httpd.connect() as client:
        client.sendall(get("/wsgi"))
        assert client.recv(65536).endswith(b"by WSGI")
    assert time.monotonic() - begin < 1.5
    assert {read_answer(client)[-6:] for client in clients} == {b"waited"}
    assert read_answer(first).endswith(b"unblocked")
    close([first, *clients])


@both
@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/hello?0.1", 200, b"waited"),
        ("/made?0.1", 201, b"made"),
        ("/stream?0.1", 200, b"part part part "),
        ("/large?0.1", 200, b"y" * LARGE),
    ],
)
def test_a_request_that_has_waited_ends_as_any_other(
    httpd: Httpd, path: str, status: int, body: bytes, tls: bool
) -> None:
    before = len(httpd.requests())
    for _ in range(2):
        answer = httpd.request("GET", path, tls=tls)
        assert (answer.status, answer.body) == (status, body)
    httpd.wait_for_request(f"{status} GET {path} HTTP/1.1", before)
    assert httpd.request("HEAD", path, tls=tls).body == b""


def test_an_exception_after_the_wait_is_a_500(httpd: Httpd) -> None:
    httpd.get("/hello")
    httpd.expect("PythonApplication / asgi waiting_pages .*failed", "KeyError: 'after the wait'")
    assert httpd.get("/fails?0.1").status == 500


def test_bodies_are_read_after_the_wait(httpd: Httpd) -> None:
    body = b"a" * 300_000
    assert httpd.request("POST", "/echo?0.1", body).body == body
    with httpd.connect() as client:
        request = post("/echo?0.1", b"a body in two parts")
        client.sendall(request[:-5])
        httpd.wait_for_log("waits /echo")
        client.sendall(request[-5:])
        assert read_answer(client).endswith(b"a body in two parts")


@both
def test_streams_hold_no_thread_between_their_parts(httpd: Httpd, tls: bool) -> None:
    clients = asking(httpd, "/ticks", 4 * THREADS, tls=tls)
    for client in clients:
        assert b"tick " in client.recv(1000)
    begin = time.monotonic()
    assert httpd.get("/hello").text == "waited"
    assert time.monotonic() - begin < 0.9
    for client in clients:
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            data += client.recv(1000)
        assert b"tock" in data
    assert time.monotonic() - begin < 5
    close(clients)


@both
def test_bodies_that_come_slowly_hold_no_thread(httpd: Httpd, tls: bool) -> None:
    httpd.get("/hello")
    request = post("/echo", b"a" * 40_000)
    clients = []
    for _ in range(3 * THREADS):
        clients.append(httpd.connect(tls=tls))
        clients[-1].sendall(request[:200])
    for start, end in ((200, 10_000), (10_000, 10_001)):
        for client in clients:
            client.sendall(request[start:end])
        begin = time.monotonic()
        assert httpd.get("/hello?0.2").text == "waited"
        assert time.monotonic() - begin < 1
    for client in clients:
        client.sendall(request[10_001:])
        assert read_answer(client).endswith(b"a" * 40_000)
    close(clients)


@both
def test_clients_that_read_slowly_hold_no_thread(httpd: Httpd, tls: bool) -> None:
    clients = asking(httpd, "/large", 3 * THREADS, tls=tls)
    for client in clients:
        assert client.recv(10)
    begin = time.monotonic()
    assert httpd.get("/hello?0.2").text == "waited"
    assert time.monotonic() - begin < 1
    for client in clients:
        left = 0
        while chunk := client.recv(1 << 20):
            left += chunk.count(b"y")
            if left >= LARGE:
                break
        assert left >= LARGE
    close(clients)


def test_a_stream_is_told_that_its_client_has_left(httpd: Httpd) -> None:
    clients = asking(httpd, "/endless", 2 * THREADS)
    for client in clients:
        assert client.recv(10)
    begin = time.monotonic()
    close(clients)
    while httpd.log().count("endless: the client has left") < len(clients):
        assert time.monotonic() - begin < 2
        time.sleep(0.02)


def test_the_request_is_used_after_a_wait(httpd: Httpd) -> None:
    httpd.get("/hello")
    for path in ("/call", "/call?0.1"):
        assert httpd.request("POST", path, b" a body").body == b"POST a body"


def test_pipelined_requests_are_answered_in_order(httpd: Httpd) -> None:
    httpd.get("/hello")
    paths = ["/hello?0.02", "/hello", "/made?0.01", "/stream?0.01", "/made"]
    asked = [paths[number % len(paths)] for number in range(50)]
    data = b"".join(get(path) for path in asked) + post("/echo?0.02", b"length") + post("/echo", [b"chu", b"nk"])
    answers = responses(httpd.raw(data + get("/hello?0.02", "Connection: close"), timeout=30))
    assert [answer.status for answer in answers] == [201 if "made" in path else 200 for path in asked] + [200] * 3
    assert [answer.text for answer in answers[-3:]] == ["length", "chunk", "waited"]


@both
@pytest.mark.parametrize("is_reset", [False, True], ids=["close", "reset"])
def test_the_application_is_told_that_its_client_has_left(httpd: Httpd, is_reset: bool, tls: bool) -> None:
    before = len(httpd.requests())
    httpd.get("/hello")
    client = httpd.connect(tls=tls)
    client.sendall(get("/gone"))
    with httpd.connect(tls=tls) as other:
        other.sendall(get("/hello?0.3"))  # by its end the first one waits
        read_answer(other)
    begin = time.monotonic()
    if is_reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    httpd.wait_for_log("told {'type': 'http.request'.*} {'type': 'http.disconnect'}")
    assert time.monotonic() - begin < 1
    httpd.wait_for_request("200 GET /gone", before)


def test_further_requests_do_not_hide_that_the_client_has_left(httpd: Httpd) -> None:
    httpd.get("/hello")
    with httpd.connect() as client:
        client.sendall(get("/gone?0.2") + get("/hello"))
        httpd.wait_for_log("waits /gone 0.2")
        assert httpd.get("/hello?0.4").text == "waited"
    begin = time.monotonic()
    httpd.wait_for_log("told {'type': 'http.request'.*} {'type': 'http.disconnect'}")
    assert time.monotonic() - begin < 1


def test_beyond_the_limit_is_503_with_retry_after(httpd: Httpd) -> None:
    clients = asking(httpd, "/hello?3", MOST)
    deadline = time.monotonic() + 2
    while (answer := httpd.get("/hello")).status != 503 and time.monotonic() < deadline:
        pass
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    for client in clients:
        assert read_answer(client).endswith(b"waited")
    close(clients)
    assert httpd.get("/hello").status == 200


def test_at_a_graceful_restart_waiting_requests_are_answered(httpd: Httpd) -> None:
    got: dict[str, int] = {}

    def ask(path: str) -> None:
        with contextlib.suppress(OSError):
            got[path] = httpd.get(path).status

    httpd.get("/hello")
    paths = ["/hello?60", *(f"/hello?1.{number}" for number in range(20))]
    threads = [threading.Thread(target=ask, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for path in paths:
        httpd.wait_for_log(f"waits {path.replace('?', ' ')}$")
    begin = time.monotonic()
    httpd.graceful()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begin < 6
    assert got == {path: 503 if path == "/hello?60" else 200 for path in paths}


def test_at_a_stop_requests_that_wait_end(httpd: Httpd) -> None:
    with Httpd(CONF, beside=__file__) as other:
        clients = asking(other, "/hello?60", 3 * THREADS)
        deadline = time.monotonic() + 10
        while other.log().count("waits /hello 60") < len(clients):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        begin = time.monotonic()
    assert time.monotonic() - begin < 5
    assert all(client.recv(1000)[:12] in (b"", b"HTTP/1.1 503") for client in clients)
    close(clients)
