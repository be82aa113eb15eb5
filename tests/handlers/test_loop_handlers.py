"""`@apache.aio` on `async def` handlers of requests: they run as tasks on asyncio's loop."""

import http.client
import json
import os
import re
import signal
import socket
import struct
import tempfile
import time
from pathlib import Path

import pytest

from http1 import get, head, post, responses
from httpd import Httpd
from last_words import last_words

MPMS = ("event", "prefork")
FILE = Path(tempfile.gettempdir()) / f"mod_python.loop.{os.getpid()}"
ENV = {"LOOP_FILE": str(FILE)}
NAMES = """
    hello awaits world surroundings reads lines echoes both_ways impatient large files not_awaited gives fails
    quits ends_itself in_tasks awaits_none wrong redirects plain thread sets_factory unsets_factory notes_loop
    helped session form
"""
ENDS = "outlives outlived forgets forgets_partly own_error waits goes_on how events answers says logs_late"
LOCATION = """
<Location "/loop/@">
    SetHandler mod_python
    PythonHandler loop_requests::@
</Location>
"""
CONF = "LogLevel python:info\nTimeout 10\nPythonGracefulTimeout 1\n"
CONF += "".join(LOCATION.replace("@", name) for name in NAMES.split())
CONF += "".join(LOCATION.replace("requests::", "ends::").replace("@", name) for name in ENDS.split())
CONF += """
<IfModule mpm_event_module>
    AsyncRequestWorkerFactor 20
    PythonMaxWaitingRequests 100
</IfModule>
<Location "/loop/list">
    SetHandler mod_python
    PythonHandler loop_requests::first loop_requests::second loop_requests::plain loop_requests::third
    PythonLogHandler loop_requests::logs
</Location>
<Location "/loop/missing">
    SetHandler mod_python
    PythonHandler loop_requests::gives
    ErrorDocument 404 /loop/hello
</Location>
<Location "/loop/redirects/now">
    SetHandler mod_python
    PythonHandler loop_requests::redirects
</Location>
<Location "/loop/file.txt">
    SetHandler mod_python
    PythonHandler loop_requests::gives
</Location>
<Location "/loop/other">
    PythonFixupHandler loop_requests::elsewhere
</Location>
"""

AWAITED_POST = b"POST /loop/%b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module", autouse=True)
def _file() -> None:
    FILE.write_text("a file")


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("hello", 200, "hello"),
        ("awaits", 200, "before after"),
        ("thread", 200, "asyncio asyncio"),
        ("world", 200, "a b c d late a b c d 4"),
        ("not_awaited", 200, "one two three"),
        ("files", 200, "< fi> 3 FileNotFoundError"),
        ("list", 200, "first second plain third blue"),
        ("helped", 200, "first hello a!hello b?"),
        ("gives?404", 404, None),
        ("gives?raised", 404, None),
        ("gives?204", 204, ""),
        ("gives?status", 201, "made"),
        ("gives?done", 200, "done"),
        ("missing?404", 404, "hello"),
        ("redirects", 200, "hello"),
        ("redirects/now", 200, "hello"),
        ("file.txt?declined", 200, "a file"),
    ],
)
def test_a_handler_on_the_loop_answers_as_any_other(httpd: Httpd, path: str, status: int, text: str | None) -> None:
    httpd.write("loop/file.txt", "a file")
    httpd.allow("logged blue|world was here")
    answer = httpd.get(f"/loop/{path}")
    assert answer.status == status
    assert text is None or answer.text == text
    if path == "hello":
        assert (answer.headers["Content-Length"], answer.headers["Content-Type"]) == ("5", "text/plain")
    if path == "list":
        httpd.wait_for_log("logged blue")


def test_attributes_and_plain_methods_work_on_the_loop(httpd: Httpd) -> None:
    found = json.loads(httpd.get("/loop/surroundings").text)
    assert found == {
        "options": {},
        "host": "localhost",
        "method": "GET",
        "client": True,
        "thread": "asyncio",
        "server": True,
        "notes": "b",
        "closing": False,
        "same": True,
    }


def test_a_body_is_read_in_each_way(httpd: Httpd) -> None:
    body = b"first line\n" + b"x" * 200_000
    for sent in (body, [body[at : at + 50_000] for at in range(0, len(body), 50_000)]):
        (answer,) = responses(httpd.raw(post("/loop/reads", sent, "Connection: close")))
        assert answer.text == "[b'first', b' line\\n', 200000, b'']"
    (answer,) = responses(httpd.raw(post("/loop/lines", b"a\nb\nc\nd", "Connection: close")))
    assert answer.text == "[[b'a\\n', b'b\\n'], 0, b'']"


def test_what_is_awaited_can_be_a_task(httpd: Httpd) -> None:
    with httpd.connect() as client:
        client.sendall(AWAITED_POST % b"in_tasks" + b"abc")
        time.sleep(0.3)
        client.sendall(b"de")
        data = b""
        while more := client.recv(1000):
            data += more
    assert responses(data)[0].text == "<> [b'a', None, None, b'b', None, b'c', 1, b'de']"


def test_a_large_body_comes_back(httpd: Httpd) -> None:
    sent = os.urandom(3_000_000)
    (answer,) = responses(httpd.raw(post("/loop/echoes", sent, "Connection: close")))
    assert answer.body == sent


def test_a_handler_reads_and_writes_at_the_same_time(httpd: Httpd) -> None:
    with httpd.connect() as client:
        client.sendall(AWAITED_POST % b"both_ways")
        data = b""
        while b"2\n" not in data:
            data += client.recv(1000) or b"ended: 2\n"
        client.sendall(b"hello")
        while more := client.recv(1000):
            data += more
    assert responses(data)[0].text == "0\n1\n2\n5 read\n"


def test_a_read_that_is_cancelled_loses_nothing(httpd: Httpd) -> None:
    with httpd.connect() as client:
        client.sendall(AWAITED_POST % b"impatient")
        client.sendall(b"abc")
        data = b""
        while b"late 2\n" not in data:
            data += client.recv(1000) or b"ended: late 2\n"
        client.sendall(b"de")
        while more := client.recv(1000):
            data += more
    assert responses(data)[0].text == "late 1\nlate 2\nb'abcde'"


def test_a_slow_client_is_waited_for(httpd: Httpd) -> None:
    with httpd.connect() as client:
        client.sendall(get("/loop/large?200", "Connection: close"))
        time.sleep(0.3)
        assert httpd.get("/loop/hello").text == "hello"
        data = b""
        while more := client.recv(1_000_000):
            data += more
    assert len(responses(data)[0].body) == 200 * 65536


def test_a_form_that_comes_slowly(httpd: Httpd) -> None:
    body = b"a=1&b=" + b"x" * 200_000
    with httpd.connect() as client:
        client.sendall(post("/loop/form", body)[: -len(body) + 100_000])
        time.sleep(0.3)
        assert httpd.get("/loop/hello").text == "hello"
        client.sendall(body[100_000:])
        assert b"1 200000 200006" in client.recv(65536)


def test_head_and_many_on_one_connection(httpd: Httpd) -> None:
    paths = ["hello", "awaits?0.01", "plain", "not_awaited"] * 5
    asked = b"".join(get(f"/loop/{path}") for path in paths) + get("/loop/hello", "Connection: close")
    texts = {"hello": "hello", "awaits?0.01": "before after", "plain": "plain ", "not_awaited": "one two three"}
    found = [answer.text for answer in responses(httpd.raw(asked))]
    assert found == [texts[path] for path in paths] + ["hello"]
    answer = httpd.raw(head("HEAD /loop/hello HTTP/1.1", "Host: localhost", "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\r\n\r\n")


def test_failures_are_in_the_log(httpd: Httpd) -> None:
    httpd.expect("PythonHandler loop_requests::fails .*LookupError: on the loop")
    httpd.expect("PythonHandler loop_requests::ends_itself .*GeneratorExit: by myself")
    httpd.allow("loop_requests::(fails|quits|ends_itself)", "SystemExit.*the loop continues")
    assert httpd.get("/loop/fails").status == 500
    with pytest.raises(http.client.IncompleteRead):
        httpd.get("/loop/fails?late")
    assert httpd.get("/loop/quits").status == 500
    for when in ("now", "late", "task"):
        assert httpd.get(f"/loop/ends_itself?{when}").status == 500
    assert httpd.get("/loop/hello").text == "hello"


def test_what_waits_is_refused_on_the_loop(httpd: Httpd) -> None:
    asked = post("/loop/wrong", b"a=1", "Content-Type: application/x-www-form-urlencoded", "Connection: close")
    data, iterated, taken, form, session, read = responses(httpd.raw(asked))[0].text.splitlines()
    assert data == "TypeError: write() takes bytes, str or a buffer, not int"
    assert iterated.startswith("RuntimeError: req.readline() waits, and what runs on asyncio's loop must not")
    assert "a handler on asyncio's loop leaves them to HTTP" in taken
    assert form == "RuntimeError: read the form by 'await req.form()': asyncio's loop must not wait for a client"
    assert session.startswith("RuntimeError: open the session by 'await Session.open_async(req)'")
    assert read == "['1', '1', ['1']]"


def test_other_phases_refuse_it(httpd: Httpd) -> None:
    httpd.expect("PythonFixupHandler .*async def")
    assert httpd.get("/loop/other").status == 500


def test_a_task_that_outlives_its_request(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("its children have a state each")
    assert httpd.get("/loop/outlives").text == "gone soon"
    deadline = time.monotonic() + 5
    while len(found := json.loads(httpd.get("/loop/outlived").text)) < 3:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    assert found[0] == "the request is over"
    assert found[1] in ("the request is over", "the handler has ended: a task that outlives it cannot use req or conn")
    assert found[2] == "the request or connection is over"


def test_an_exception_that_nobody_fetches_is_in_the_log_with_its_request(httpd: Httpd) -> None:
    assert httpd.get("/loop/forgets?here").status == 200
    httpd.expect(r"a task of loop_ends.forgets failed for 'GET /loop/forgets\?here HTTP/1.1'.*KeyError: 'forg")
    for _ in range(2):
        assert httpd.get("/loop/forgets_partly").status == 200
        httpd.expect("a task of loop_ends._forgets failed for .*: Task exception was never .*KeyError: 'forg")


def test_an_exception_of_ones_own_is_logged_once(httpd: Httpd) -> None:
    for _ in range(2):
        assert httpd.get("/loop/own_error").status == 500
        httpd.expect("PythonHandler loop_ends::own_error .*OwnError: mine")


def test_a_session_is_opened_by_await(httpd: Httpd) -> None:
    answer = httpd.get("/loop/session")
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    assert (answer.text, httpd.get("/loop/session", {"Cookie": cookie}).text) == ("1", "2")


def test_server_sent_events(httpd: Httpd) -> None:
    text = httpd.get("/loop/events").text
    assert text.startswith(":\n\ndata: one\n\n:\n\n")
    assert text.endswith("data: two\n\n")
    answer = httpd.raw(head("HEAD /loop/events HTTP/1.1", "Host: localhost", "Connection: close"))
    assert b"Content-Type: text/event-stream\r\n" in answer and answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("asyncio", "CancelledError"),
        ("op", "ConnectionResetError"),
        ("reads", "ConnectionResetError"),
        ("writes", "ConnectionResetError"),
        ("group", "ExceptionGroup"),
    ],
)
@pytest.mark.parametrize("leaves", ["closes", "resets"])
def test_a_client_that_leaves_is_told_once(httpd: Httpd, what: str, error: str, leaves: str) -> None:
    httpd.get("/loop/how")
    client = httpd.connect()
    client.sendall(get(f"/loop/waits?{what}", *(["Content-Length: 10"] if what in ("reads", "group") else [])))
    time.sleep(0.2)
    if leaves == "resets" or what == "writes":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    begin = time.monotonic()
    assert last_words(lambda: httpd.get("/loop/how").text, 3) == f"{error} /loop/waits finally"
    assert time.monotonic() - begin < 2
    assert "Traceback" not in httpd.log()


def test_a_handler_can_go_on_without_its_client(httpd: Httpd) -> None:
    httpd.get("/loop/how")
    client = httpd.connect()
    client.sendall(get("/loop/goes_on"))
    time.sleep(0.1)
    client.close()
    assert last_words(lambda: httpd.get("/loop/how").text, 2) == "went on"


def test_a_task_factory_that_raises_leaves_no_request_waiting(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("its children have a state each")
    httpd.get("/loop/notes_loop")
    assert httpd.get("/loop/sets_factory").status == 200
    httpd.expect("PythonHandler loop_requests::hello .*LookupError: no task")
    httpd.allow("no task", "Task factory")
    try:
        assert httpd.get("/loop/hello").status == 500
        assert httpd.get("/loop/awaits_none").text == "no task"
    finally:
        httpd.get("/loop/unsets_factory")
    assert httpd.get("/loop/hello").text == "hello"


@pytest.mark.parametrize("mpm", ["worker", "event"])
def test_streams_of_http2(mpm: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        for path, text in (("hello", "hello"), ("awaits", "before after"), ("not_awaited", "one two three")):
            done = httpd.curl("--http2", httpd.url(f"/loop/{path}", tls=True))
            assert done.stdout.decode() == text
        body = httpd.write("body", "first line\n" + "x" * 200_000)
        done = httpd.curl("--http2", "--data-binary", f"@{body}", httpd.url("/loop/reads", tls=True))
        assert done.stdout.decode() == "[b'first', b' line\\n', 200000, b'']"


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_a_graceful_stop_tells_those_who_wait(mpm: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        httpd.allow("AH000(45|46|47)")
        clients = []
        for path in ("waits?asyncio", "waits?op", "answers", "events?30"):
            clients.append(httpd.connect())
            clients[-1].sendall(get(f"/loop/{path}", "Connection: close"))
        time.sleep(0.5)
        begin = time.monotonic()
        os.kill(httpd.parent_pid, signal.SIGUSR1)
        answers = []
        for client in clients:
            answers.append(b"")
            while data := client.recv(1000):
                answers[-1] += data
            client.close()
        first, second, third, fourth = (responses(answer)[0] for answer in answers)
        assert (first.status, second.status, third.text) == (503, 503, "told")
        assert fourth.text.startswith(":\n\ndata: one\n\n:\n\n")  # and is whole
        assert 0.5 < time.monotonic() - begin < 6
        assert httpd.get("/loop/hello").text == "hello"


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_a_stop_at_once_tells_those_who_wait(mpm: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        httpd.allow("AH000(45|46|47)")
        clients = [httpd.connect() for _ in range(4)]
        for number, client in enumerate(clients):
            client.sendall(get(f"/loop/says?{'op' if number % 2 else 'asyncio'}"))
        said: list[str] = []
        for count in (4, 8):
            deadline = time.monotonic() + 10
            while len(said := re.findall(r"\] says: (.*)$", httpd.log(), re.MULTILINE)) < count:
                assert time.monotonic() < deadline, httpd.log()
                time.sleep(0.02)
            if count == 4:
                time.sleep(0.1)  # they wait now
                os.kill(httpd.parent_pid, signal.SIGTERM)
        assert sorted(said) == ["CancelledError"] * 2 + ["ShuttingDown"] * 2 + ["begins"] * 4
        for client in clients:
            client.close()


def test_a_waiting_request_has_its_client_in_the_log(httpd: Httpd) -> None:
    httpd.allow("of a request that waits")
    assert httpd.get("/loop/logs_late").status == 200
    httpd.wait_for_log(r"\[client 127\.0\.0\.1:\d+\] of a request that waits")
