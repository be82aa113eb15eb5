"""`async def` handlers that wait without a thread: `PythonMaxWaitingRequests` on the event MPM."""

import contextlib
import os
import re
import socket
import struct
import threading
import time
from collections import Counter

import pytest
from few_threads import few_threads

from http1 import get, post, responses
from httpd import Httpd

THREADS = 8
NAMES = """
    hello sleeps blocks resets loop reads whole counts echoes gives fails redirects waits counted count form
    awaited_form plain
"""
LOCATION = """
<Location "/async/@">
    SetHandler mod_python
    PythonHandler async_requests::@
</Location>
"""
CONF = f"""
LogLevel python:info
PythonMaxWaitingRequests 200
PythonGracefulTimeout 2
{few_threads(THREADS)}
Timeout 6
"""
CONF += "".join(LOCATION.replace("@", name) for name in NAMES.split())
CONF += """
<Location "/async">
    PythonLogHandler async_requests::logs
    PythonCleanupHandler async_requests::cleans
</Location>
<Location "/async/list">
    SetHandler mod_python
    PythonHandler async_requests::first async_requests::second async_requests::third
</Location>
<Location "/async/missing">
    SetHandler mod_python
    PythonHandler async_requests::gives
    ErrorDocument 404 /async/hello
</Location>
<Location "/async/file.txt">
    SetHandler mod_python
    PythonHandler async_requests::declines
</Location>
"""
CONF += """
<Location "/server-status">
    SetHandler server-status
</Location>
Listen 127.0.0.1:${SHORT_PORT}
<VirtualHost *:${SHORT_PORT}>
    Timeout 1
    KeepAliveTimeout 1
</VirtualHost>
"""
each_wait = pytest.mark.parametrize("what", ["sleep", "aio"])
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


def read_answer(client: socket.socket) -> bytes:
    """A whole response in chunks."""
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        chunk = client.recv(65536)
        assert chunk, data
        data += chunk
    return data


def asking(httpd: Httpd, path: str, count: int, *, tls: bool = False) -> list[socket.socket]:
    """So many clients that have asked for a path. Each asks at once: a connection without a request holds a thread."""
    clients = []
    for _ in range(count):
        clients.append(httpd.connect(tls=tls))
        clients[-1].sendall(get(path))
    return clients


@both
def test_more_requests_wait_than_there_are_threads(httpd: Httpd, tls: bool) -> None:
    begin = time.monotonic()
    clients = asking(httpd, "/async/sleeps?1", 5 * THREADS, tls=tls)
    for number in range(2):  # the second round on the same connections
        answers = [responses(read_answer(client))[0] for client in clients]
        assert [answer.text for answer in answers] == ["before after"] * len(clients)
        assert time.monotonic() - begin < 4
        begin = time.monotonic()
        if number == 0:
            for client in clients:
                client.sendall(get("/async/sleeps?1"))
    for client in clients:
        client.close()


def test_a_connection_is_kept_alive_for_keepalivetimeout(httpd: Httpd) -> None:
    with httpd.connect(httpd.port_of("SHORT_PORT")) as client:
        for _ in range(3):
            client.sendall(get("/async/sleeps?0.01"))
            assert b"after" in read_answer(client)
            time.sleep(0.4)
        begin = time.monotonic()
        assert client.recv(100) == b""
        assert 0.3 < time.monotonic() - begin < 5


def test_busy_threads_close_no_connection_on_which_a_request_has_waited(httpd: Httpd) -> None:
    """Not one either whose last request has not waited: the next one waits for a thread."""
    clients = asking(httpd, "/async/sleeps?0.05", THREADS)
    for client in clients:
        assert b"after" in read_answer(client)
        client.sendall(get("/async/hello"))
        assert b"hello" in read_answer(client)
    busy = asking(httpd, "/async/blocks?0.5", 2 * THREADS)
    httpd.wait_for_log("blocks: begins")
    for client in clients:
        time.sleep(0.05)  # the MPM closes connections when it looks for a thread
        client.sendall(get("/async/hello"))
    assert [b"hello" in read_answer(client) for client in clients] == [True] * THREADS
    for client in busy:
        assert b"blocked" in read_answer(client)
    for client in clients + busy:
        client.close()


def test_requests_that_wait_are_parked_connections_and_no_calls_in_progress(httpd: Httpd) -> None:
    clients = asking(httpd, "/async/sleeps?1.5", 3)
    deadline = time.monotonic() + 10
    while "PythonConnectionsParked: 3\n" not in (told := httpd.get("/server-status?auto").text):
        assert time.monotonic() < deadline, told
        time.sleep(0.02)
    assert "PythonHandlerInProgress: 0\n" in told
    page = httpd.get("/server-status").text
    assert "<p>0 connections with a handler of Python's, 3 connections parked</p>" in page
    for client in clients:
        assert b"after" in read_answer(client)
        client.close()


def test_other_requests_are_served_meanwhile(httpd: Httpd) -> None:
    clients = asking(httpd, "/async/sleeps?1.5", 3 * THREADS)
    begin = time.monotonic()
    assert httpd.get("/async/hello").text == "hello"
    assert time.monotonic() - begin < 1
    for client in clients:
        assert b"after" in read_answer(client)
        client.close()


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/async/loop", 200, "from the loop"),
        ("/async/list", 200, "first second set b'' third"),
        ("/async/gives?404", 404, None),
        ("/async/gives?raised", 404, None),
        ("/async/gives?204", 204, ""),
        ("/async/gives?status", 201, "made"),
        ("/async/gives?done", 200, "done"),
        ("/async/missing?404", 404, "hello"),
        ("/async/redirects", 200, "hello"),
        ("/async/redirects?/async/sleeps", 200, "before after"),
        ("/async/redirects?/async/sleeps?0.05", 200, "before after"),
        ("/async/resets", 200, "reset"),
        ("/async/file.txt", 200, "a file"),
    ],
)
def test_a_request_that_has_waited_ends_as_any_other(httpd: Httpd, path: str, status: int, text: str | None) -> None:
    httpd.write("async/file.txt", "a file")
    before = len(httpd.requests())
    answer = httpd.get(path)
    assert answer.status == status
    assert text is None or answer.text == text
    httpd.wait_for_request(f"{status} GET {path} HTTP/1.1", before)
    assert len([line for line in httpd.requests()[before:] if f" {path} " in line]) == 1
    httpd.wait_for_log(r"life: cleanup /async/")


BODY = b"first line\nsecond line\n" + b"x" * 100_000 + b"\nend"


@both
@pytest.mark.parametrize("path", ["echoes", "reads", "whole", "counts", "awaited_form"])
def test_bodies_that_come_slowly_hold_no_thread(httpd: Httpd, path: str, tls: bool) -> None:
    requests = [post(f"/async/{path}", body) for body in (BODY, [BODY[:30], BODY[30:31], BODY[31:]])]
    expected = responses(httpd.raw(requests[0], half_close=True))[0].text
    clients, before = [], 100
    for number in range(3 * THREADS):
        clients.append((httpd.connect(tls=tls), requests[number % 2]))
        clients[-1][0].sendall(requests[number % 2][:before])
    for at in (130, 135, 190, 20_000):
        for client, request in clients:
            client.sendall(request[before:at])
        before = at
        begin = time.monotonic()
        assert httpd.get("/async/hello").text == "hello"
        assert time.monotonic() - begin < 1
    for client, request in clients:
        client.sendall(request[before:])
        assert responses(read_answer(client))[0].text == expected
        client.close()


def test_a_body_that_does_not_come_is_408_after_timeout(httpd: Httpd) -> None:
    with httpd.connect(httpd.port_of("SHORT_PORT")) as client:
        begin = time.monotonic()
        client.sendall(post("/async/whole", b"much more")[:-5])
        assert b" 408 " in client.recv(65536)
        assert 0.9 < time.monotonic() - begin < 5


def test_errors_before_and_after_the_headers(httpd: Httpd) -> None:
    httpd.expect("PythonHandler async_requests::fails.*KeyError: 'fails'")
    httpd.allow("PythonHandler async_requests::fails", "AH0")
    assert httpd.get("/async/fails").status == 500
    assert b"a part" in httpd.curl(httpd.url("/async/fails?late")).stdout
    httpd.expect("TypeError: async_requests::gives gave NoneType")
    httpd.allow("PythonHandler async_requests::gives")
    assert httpd.get("/async/gives?none").status == 500


def test_pipelined_requests_are_answered_in_order(httpd: Httpd) -> None:
    paths = ["/async/sleeps?0.02", "/async/list", "/async/plain", "/async/gives?404", "/async/loop"]
    asked = [paths[number % len(paths)] for number in range(90)]
    data = b"".join(get(path) for path in asked)
    data += post("/async/echoes", b"length") + post("/async/sleeps?0.02", b"unread") + post("/async/echoes", [b"chu"])
    answers = responses(httpd.raw(data + get("/async/hello", "Connection: close"), timeout=30))
    statuses = [404 if "404" in path else 200 for path in asked]
    assert [answer.status for answer in answers] == [*statuses, 200, 200, 200, 200]
    assert [answer.text for answer in answers[-4:]] == ["length", "before after", "chu", "hello"]


def test_a_wait_outlives_timeout(httpd: Httpd) -> None:
    assert httpd.get("/async/sleeps?7").text == "before after"


def begun(httpd: Httpd, what: str, *, tls: bool = False) -> socket.socket:
    """A connection whose handler waits already."""
    client = httpd.connect(tls=tls)
    client.sendall(get(f"/async/waits?{what}"))
    httpd.wait_for_log({"aio": "on the loop: begins$"}.get(what, "life: begins$"))
    time.sleep(0.05)
    return client


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@both
@each_wait
@pytest.mark.parametrize("leave", [reset, socket.socket.close], ids=["reset", "close"])
def test_a_client_that_leaves_is_told_within_a_second(httpd: Httpd, what: str, leave: object, tls: bool) -> None:
    before = len(httpd.requests())
    client = begun(httpd, what, tls=tls)
    begin = time.monotonic()
    leave(client)  # type: ignore[operator]
    httpd.wait_for_log("life: finally$")
    assert time.monotonic() - begin < 1
    httpd.wait_for_request(f"200 GET /async/waits?{what}", before)
    assert len([line for line in httpd.requests()[before:] if "/async/waits" in line]) == 1
    told = Counter(re.findall(r"life: (\w+)$", httpd.log(), re.MULTILINE))
    assert told["ConnectionResetError"] == told["finally"] == 1


def test_unread_bytes_come_before_the_end(httpd: Httpd) -> None:
    answers = responses(httpd.raw(get("/async/waits?brief") + get("/async/count"), half_close=True))
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].text == "answer b''"


def test_a_storm_of_leaving_clients_leaves_nothing(httpd: Httpd) -> None:
    count, rounds = 180, 3
    pid = int(next(iter(httpd.children())))
    before = len(httpd.requests())
    for number in range(rounds):
        clients = asking(httpd, "/async/counted", count)
        deadline = time.monotonic() + 10
        while int(httpd.get("/async/count").text.split()[0]) < count * (number + 1):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for at, client in enumerate(clients):
            (reset if at % 2 else socket.socket.close)(client)
        deadline = time.monotonic() + 10
        while (done := [line for line in httpd.requests()[before:] if "counted" in line]) != [
            "200 GET /async/counted HTTP/1.1"
        ] * (count * (number + 1)):
            assert time.monotonic() < deadline, len(done)
            time.sleep(0.05)
        if number == 0:
            open_then = len(os.listdir(f"/proc/{pid}/fd"))
    assert httpd.get("/async/count").text == f"{count * rounds} {count * rounds}"
    deadline = time.monotonic() + 5
    while len(os.listdir(f"/proc/{pid}/fd")) > open_then + 10:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_beyond_the_limit_is_503_with_retry_after(httpd: Httpd) -> None:
    clients = asking(httpd, "/async/sleeps?3", 200)
    deadline = time.monotonic() + 2
    while (answer := httpd.get("/async/hello")).status != 503 and time.monotonic() < deadline:
        pass
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    for client in clients:
        assert b"after" in read_answer(client)
        client.close()
    assert httpd.get("/async/hello").status == 200


def test_at_a_graceful_restart_waiting_requests_are_answered(httpd: Httpd) -> None:
    got: dict[str, int] = {}

    def ask(path: str) -> None:
        with contextlib.suppress(OSError):
            got[path] = httpd.get(path).status

    paths = ["/async/waits?sleep", *(f"/async/sleeps?1.{number}" for number in range(20))]
    threads = [threading.Thread(target=ask, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    idle = httpd.connect()
    idle.sendall(get("/async/sleeps?0.01"))
    assert b"after" in read_answer(idle)
    httpd.wait_for_log("life: begins$")
    time.sleep(0.3)
    begin = time.monotonic()
    httpd.graceful()
    assert idle.recv(100) == b""
    assert time.monotonic() - begin < 2
    idle.close()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begin < 6
    assert got == {path: 503 if "waits" in path else 200 for path in paths}
    assert "life: ShuttingDown" in httpd.log()


def test_a_limit_that_would_starve_others_is_warned_of_and_a_stop_waits_for_no_client() -> None:
    conf = CONF.replace("AsyncRequestWorkerFactor 100", "AsyncRequestWorkerFactor 4")
    httpd = Httpd(conf, beside=__file__)
    warning = "python:warn.* PythonMaxWaitingRequests 200 starves HTTP: with ThreadsPerChild 8, set "
    httpd.expect(warning + "AsyncRequestWorkerFactor to 25 or more, or PythonMaxWaitingRequests to 32$")
    with httpd:
        os.truncate(httpd.write("long.bin", ""), 1 << 30)
        assert httpd.get("/async/sleeps?0.01").text == "before after"
        assert len(re.findall(warning, httpd.log())) == 1
        client = httpd.connect()
        client.sendall(get("/long.bin"))
        assert b"200 OK" in client.recv(1000)
        begin = time.monotonic()
    assert time.monotonic() - begin < 5  # the rest would be sent until httpd kills the child, 10 s later
    client.close()


def test_without_the_directive_as_many_wait_as_leave_httpds_threads_connections() -> None:
    """Others hold their threads, and none is refused."""
    conf = CONF.replace("PythonMaxWaitingRequests 200", "").replace("Factor 100", "Factor 4")
    with Httpd(conf, beside=__file__) as httpd:
        assert httpd.get("/async/hello").text == "hello"
        begin = time.monotonic()
        clients = asking(httpd, "/async/sleeps?1", 3 * THREADS)
        for client in clients:
            assert b"after" in read_answer(client)
        assert time.monotonic() - begin < 2.5  # 3 s and more on 8 threads
        many = [*clients, *asking(httpd, "/async/sleeps?0.3", 3 * THREADS)]
        for client in clients:
            client.sendall(get("/async/sleeps?0.3"))
        for client in many:
            assert read_answer(client).startswith(b"HTTP/1.1 200 ")
            client.close()
