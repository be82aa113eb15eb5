"""`@apache.aio` handlers whose requests httpd's threads offer to the loop: answered there, or handed over."""

import json
import os
import re
import signal
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from http1 import get, responses
from httpd import Httpd, Response, WithoutPath
from tests.bench.one_child import ONE_CHILD

MPMS = ("event",)
NAMES = "hello pieces late silent large needs raises marks outlives waits blocks forks under guarded fills"
LOCATION = """
<Location "/offered/@">
    SetHandler mod_python
    PythonHandler offered::@
    PythonLogHandler offered::logs
</Location>
"""
CONF = (
    f"<IfModule !mpm_prefork_module>{ONE_CHILD}</IfModule>"
    + """
<IfModule mpm_prefork_module>
    StartServers 1
    ServerLimit 1
    MaxRequestWorkers 1
    MaxSpareServers 1
</IfModule>
LogLevel python:info
PythonGracefulTimeout 1
<IfModule mpm_event_module>
    AsyncRequestWorkerFactor 20
    PythonMaxWaitingRequests 100
</IfModule>
<Location "/offered/page">
    SetHandler mod_python
    PythonHandler offered::Page.show
</Location>
<Location "/offered/two">
    SetHandler mod_python
    PythonHandler offered::hello offered::second
</Location>
<Location "/offered/elsewhere">
    SetHandler mod_python
    PythonHandler offered::late
    PythonInterpreter elsewhere
</Location>
<Location "/offered/changes">
    SetHandler mod_python
    PythonHandler changing
</Location>
<Location "/offered/fails_once">
    SetHandler mod_python
    PythonHandler failing_once
</Location>
<Location "/offered/counted">
    SetHandler mod_python
    PythonHandler offered::counted
</Location>
<Location "/offered/collected">
    SetHandler mod_python
    PythonHandler offered::collected
</Location>
<Location "/metrics">
    SetHandler python-metrics
</Location>
"""
    + "".join(LOCATION.replace("@", name) for name in NAMES.split())
)
ON_LOOP = """
from mod_python import apache

@apache.aio
async def handler(req):
    await req.write("TEXT")
    return apache.OK
"""
PLAIN = """
def handler(req):
    req.write("plain")
    return 0
"""


def counts(httpd: Httpd) -> dict[str, Any]:
    """How many handlers httpd's threads have begun, the loop has begun, and httpd's threads have gone on with."""
    found: dict[str, Any] = json.loads(httpd.get("/offered/counted").text)
    return found


BEGUN, ANSWERED, HANDED_OVER = (1, 0, 0), (0, 1, 0), (0, 1, 1)


def served(httpd: Httpd, path: str, way: tuple[int, ...], method: str = "GET") -> Response:
    """Return the response of a request that has gone this way. On a machine that is busy, some go another one."""
    deadline = time.monotonic() + 20
    while True:
        before = counts(httpd)
        answer = httpd.request(method, f"/offered/{path}", b"body" if method == "POST" else None)
        after = counts(httpd)
        found = tuple(after[name] - before[name] for name in ("begun", "offered", "driven"))
        if found == way:
            return answer
        assert time.monotonic() < deadline, found


def told(httpd: Httpd, *texts: str, seconds: float = 5) -> None:
    """Wait until handlers have told so: later phases come behind the response."""
    deadline = time.monotonic() + seconds
    while not set(texts) <= set(found := counts(httpd)["told"]):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def known(httpd: Httpd, path: str = "/offered/hello") -> None:
    """Have the child know that a handler runs on the loop."""
    assert httpd.get(path).status < 500


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("hello", 200, "hello"),
        ("pieces", 201, "one two three"),
        ("late", 200, "late asyncio"),
        ("silent", 200, ""),
        ("large?60000", 200, "x" * 60000),
    ],
)
def test_what_is_answered_on_the_loop(httpd: Httpd, path: str, status: int, text: str) -> None:
    known(httpd, f"/offered/{path}")
    answer = served(httpd, path, ANSWERED)
    assert (answer.status, answer.text) == (status, text)
    assert answer.headers.get("X-Made") == ("here" if path == "pieces" else None)
    assert served(httpd, path, ANSWERED, "HEAD").text == ""


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("needs?reads", 200, "body"),
        ("needs?flushes", 200, "ab"),
        ("needs?sleeps", 200, "ab"),
        ("needs?sends", 200, '"""'),
        ("needs?sets", 200, "set"),
        ("needs?adds", 200, "first second"),
        ("needs?is_odd", 200, "odd"),
        ("needs?missing", 404, None),
        ("needs?done", 200, ""),
        ("needs?declines", 404, None),
        ("needs?nothing", 500, None),
        ("raises", 500, None),
        ("raises?return", 403, None),
        ("large?70000", 200, "x" * 70000),
    ],
)
def test_what_is_handed_over_to_httpds_thread(httpd: Httpd, path: str, status: int, text: str | None) -> None:
    httpd.allow("LookupError: on the loop", "offered::needs gave NoneType")
    for name in ("needs", "large", "raises?return"):
        known(httpd, f"/offered/{name}")
    answer = served(httpd, path, HANDED_OVER, "POST")
    assert answer.status == status
    assert text is None or answer.text == text
    if path.endswith("sets"):
        told(httpd, "None blue")


def test_a_redirect_comes_to_a_handler_on_the_loop(httpd: Httpd) -> None:
    known(httpd, "/offered/needs")
    known(httpd)
    assert served(httpd, "needs?redirects", (0, 2, 1)).text == "hello"


@pytest.mark.parametrize("path", ["two", "page", "under"])
def test_what_is_not_offered(httpd: Httpd, path: str) -> None:
    known(httpd, f"/offered/{path}")
    answer = served(httpd, path, BEGUN)
    assert answer.text == {"two": "hellosecond", "page": "/offered/page", "under": "under"}[path]
    assert path != "under" or answer.headers["X-Over"] == "yes"


def test_a_decorator_over_the_loops_is_never_passed_by(httpd: Httpd) -> None:
    known(httpd, "/offered/guarded")
    assert served(httpd, "guarded", HANDED_OVER).status == 403
    assert served(httpd, "guarded?key", ANSWERED).text == "inside"
    assert served(httpd, "guarded", HANDED_OVER).status == 403


def test_later_phases_see_what_the_handler_has_left(httpd: Httpd) -> None:
    known(httpd, "/offered/marks")
    assert served(httpd, "marks", ANSWERED).text == "marked"
    told(httpd, "green none", "late")
    httpd.expect(r"\[client 127\.0\.0\.1:\d+\].* on the loop", "on the loop")


def test_a_task_that_outlives_its_request(httpd: Httpd) -> None:
    known(httpd, "/offered/outlives")
    assert served(httpd, "outlives?later", ANSWERED).text == "gone soon"
    told(httpd, "outlived: RuntimeError RuntimeError")
    assert len(httpd.get("/offered/outlives?writes").body) == 100_000
    told(httpd, "outlived: written")


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_each_mpm(mpm: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        known(httpd)
        known(httpd, "/offered/late")
        known(httpd, "/offered/blocks")
        assert served(httpd, "hello", ANSWERED).text == "hello"
        assert served(httpd, "late", ANSWERED).text == "late asyncio"
        # Without parking, a thread looks after its client and the stop of the child after a time.
        way = ANSWERED if mpm == "event" else HANDED_OVER
        assert served(httpd, "late?0.4", way).text == "late asyncio"
        assert served(httpd, "blocks?0.3", way).text == "blocked"


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_streams_of_http2(mpm: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        for path, text in (("hello", "hello"), ("late?0.3", "late asyncio"), ("needs?sleeps", "ab")) * 2:
            assert httpd.curl("--http2", httpd.url(f"/offered/{path}", tls=True)).stdout.decode() == text
        assert counts(httpd)["offered"] == 3


def test_each_request_counts_once(httpd: Httpd) -> None:
    def calls() -> float:
        (found,) = re.findall(r'calls_total\{[^}]*"PythonHandler"[^}]*\} (\d+)', httpd.get("/metrics").text)
        return float(found)

    paths = ("hello", "late", "late?0.3", "needs?sleeps", "waits?now")
    for path in paths:
        known(httpd, f"/offered/{path}")
    before = calls()
    for path in paths:
        assert httpd.get(f"/offered/{path}").status == 200
    assert calls() - before == len(paths)


def test_many_at_once_and_in_a_row(httpd: Httpd) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: httpd.get(f"/offered/late?0.{number % 3}").text, range(300)))
    assert set(answers) == {"late asyncio"}
    known(httpd)
    names = ["hello", "late", "needs?flushes", "counted", "silent"] * 20
    asked = b"".join(get(f"/offered/{name}") for name in names) + get("/offered/hello", "Connection: close")
    found = [answer.text for answer in responses(httpd.raw(asked))]
    assert (len(found), found[-1], found[-2], found[-3][:8]) == (101, "hello", "", '{"begun"')


def test_nothing_is_left_for_the_collector_of_garbage(httpd: Httpd) -> None:
    known(httpd)
    httpd.get("/offered/collected")
    for _ in range(100):
        assert httpd.get("/offered/hello").text == "hello"
    assert int(httpd.get("/offered/collected").text) < 100


def test_nothing_is_left_for_it_where_clients_leave(httpd: Httpd) -> None:
    known(httpd, "/offered/fills")
    httpd.get("/offered/collected")
    for count in range(1, 21):
        with httpd.connect() as client:
            client.sendall(get("/offered/fills?8000000"))
            client.recv(1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        deadline = time.monotonic() + 10
        while counts(httpd)["told"].count("left") < count:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert int(httpd.get("/offered/collected").text) < 100


def test_a_connection_whose_requests_wait_no_more_is_kept_alive_by_httpd(httpd: Httpd) -> None:
    def parked() -> int:
        (found,) = re.findall(r"^mod_python_connections_parked\S* (\d+)$", httpd.get("/metrics").text, re.MULTILINE)
        return int(found)

    for path in ("hello", "late?0.2"):
        known(httpd, f"/offered/{path}")
    with httpd.connect() as client:
        for path, count in (("late?0.2", 1), *[("hello", 1)] * 4, *[("hello", 0)] * 2):
            client.sendall(get(f"/offered/{path}"))
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
            deadline = time.monotonic() + 5
            while (found := parked()) != count:
                assert time.monotonic() < deadline, (path, found)
                time.sleep(0.02)


def test_too_many_are_refused() -> None:
    with Httpd(CONF.replace("PythonMaxWaitingRequests 100", "PythonMaxWaitingRequests 1"), beside=__file__) as httpd:
        httpd.allow("told CancelledError")
        known(httpd, "/offered/waits?now")
        with httpd.connect() as client:
            client.sendall(get("/offered/waits"))
            deadline = time.monotonic() + 5
            while (answer := httpd.get("/offered/waits?now")).status != 503:
                assert time.monotonic() < deadline, answer
        assert answer.headers["Retry-After"] == "1"


def test_another_interpreter_has_its_own_loop(httpd: Httpd) -> None:
    for _ in range(3):
        assert httpd.get("/offered/elsewhere").text == "late asyncio"
    known(httpd)
    assert served(httpd, "elsewhere", (0, 0, 0)).text == "late asyncio"


def test_handlers_of_one_name_in_two_directories() -> None:
    section = '<Directory "${HTDOCS}/@">\n    SetHandler mod_python\n    PythonHandler twin\n</Directory>\n'
    with WithoutPath("".join(section.replace("@", name) for name in ("one", "two"))) as httpd:
        for name in ("one", "two"):
            httpd.write(f"{name}/twin.py", ON_LOOP.replace("TEXT", f"on the loop in {name}"))
            httpd.write(f"{name}/x.txt", "")
        for name in ("one", "two") * 3:
            assert httpd.get(f"/{name}/x.txt").text == f"on the loop in {name}"


def test_a_handler_whose_file_changes(httpd: Httpd) -> None:
    versions = [ON_LOOP.replace("TEXT", "a"), ON_LOOP.replace("TEXT", "b"), PLAIN, ON_LOOP.replace("TEXT", "c")]
    for text, answer in zip(versions, ("a", "b", "plain", "c"), strict=True):
        httpd.handler("changing.py", text)
        deadline = time.monotonic() + 10
        while (found := httpd.get("/offered/changes").text) != answer:
            assert time.monotonic() < deadline, found
        assert [httpd.get("/offered/changes").text for _ in range(3)] == [answer] * 3


def test_an_import_that_fails_once(httpd: Httpd) -> None:
    known(httpd)
    httpd.handler("failing_once.py", "raise ImportError('not yet')")
    httpd.expect("ImportError: not yet", "failing_once")
    assert httpd.get("/offered/fails_once").status == 500
    httpd.handler("failing_once.py", ON_LOOP.replace("TEXT", "now"))
    deadline = time.monotonic() + 10
    while (answer := httpd.get("/offered/fails_once")).status != 200:
        assert time.monotonic() < deadline, answer
    assert httpd.get("/offered/fails_once").text == "now"


def test_a_handler_that_forks() -> None:
    with Httpd(f"PythonInterpreter main_interpreter\n{CONF}", beside=__file__) as httpd:
        known(httpd, "/offered/forks")
        assert served(httpd, "forks", ANSWERED).text == "3"


@pytest.mark.parametrize("what", ["asyncio", "op"])
@pytest.mark.parametrize("leaves", ["closes", "resets"])
@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_a_client_that_leaves(mpm: str, what: str, leaves: str) -> None:
    error = "ConnectionResetError" if what == "op" else "CancelledError"
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        httpd.allow("told")
        known(httpd, "/offered/waits?now")
        client = httpd.connect()
        client.sendall(get(f"/offered/waits?{what}"))
        deadline = time.monotonic() + 5
        while counts(httpd)["offered"] < 1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        if leaves == "resets":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        told(httpd, error, seconds=2)
        assert httpd.get("/offered/waits?now").status == 200


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_a_stop_tells_those_who_wait(mpm: str, number: int) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        httpd.allow("AH000(45|46|47)|AH03490", "told")
        known(httpd, "/offered/waits?now")
        clients = [httpd.connect() for _ in range(1 if mpm == "prefork" else 4)]
        for place, client in enumerate(clients):
            client.sendall(get(f"/offered/waits?{'op' if place % 2 else 'asyncio'}", "Connection: close"))
        time.sleep(0.2)  # some are in each stage of their wait
        os.kill(httpd.parent_pid, number)
        deadline = time.monotonic() + 10
        while len(re.findall("told (?:CancelledError|ShuttingDown)", httpd.log())) < len(clients):
            assert time.monotonic() < deadline, httpd.log()
            time.sleep(0.02)
        for client in clients:
            if number == signal.SIGUSR1:
                assert client.recv(1000).startswith(b"HTTP/1.1 503")
            client.close()
