"""The lifespan of ASGI applications: its start before the first request, failures, state, its end with the child."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import http1
from httpd import Httpd

MPMS = ("event", "worker", "prefork")
CONF = """
LogLevel python:info
PythonApplication /slow asgi lifespan_pages:slow
PythonApplication /failing asgi lifespan_pages:failing
PythonApplication /none asgi lifespan_pages:none
PythonApplication /wrong asgi lifespan_pages:wrong
PythonApplication /working asgi lifespan_pages:working
PythonApplication /late asgi lifespan_pages:late
PythonApplication /raced asgi lifespan_pages:raced
PythonApplication /changing asgi changing_site
PythonApplication /pages asgi asgi_pages
<Location /named>
    PythonInterpreter other
    PythonApplication asgi asgi_pages
</Location>
PythonShutdownTimeout 10
Listen 127.0.0.1:${SHORT_PORT}
<VirtualHost *:${SHORT_PORT}>
    Timeout 1
    PythonApplication / asgi lifespan_pages:stuck
</VirtualHost>
"""
# What the shutdown of two of the applications logs, at each end of a child.
ALLOW_LOG = (
    "lifespan_pages:failing could not shut down: no database to close",
    "the lifespan of lifespan_pages:wrong failed",
    "Traceback",
    r"\] {2}",
    "KeyError: 'in the shutdown'",
)


def test_one_thread_starts_and_others_wait(httpd: Httpd) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: httpd.get("/slow").text, range(8)))
    assert set(answers) == {"1 slow"}


def test_a_request_that_comes_as_the_start_ends_starts_nothing(httpd: Httpd) -> None:
    """Whoever has seen that the application is not ready, and is slow to look further, finds it ready then."""
    if httpd.mpm == "prefork":
        pytest.skip("its children have one thread")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(httpd.get, "/raced")
        httpd.wait_for_log("raced starts")
        second = pool.submit(httpd.get, "/raced")
        assert [first.result().text, second.result().text] == ["1", "1"]


def test_a_start_that_fails_is_tried_again(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("each of its children starts by itself")
    httpd.expect("lifespan_pages:failing could not start; requests get 503, .* after 5 s: no database")
    answer = httpd.get("/failing")
    assert answer.status == 503 and 1 <= int(answer.headers["Retry-After"]) <= 5
    assert httpd.get("/failing").status == 503
    deadline = time.monotonic() + 10
    while (answer := httpd.get("/failing")).status == 503:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert answer.text == "2"
    assert httpd.log().count("could not start") == 1 and "failing has no lifespan" not in httpd.log()


def test_clients_that_leave_during_a_start_hold_no_thread(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        connection.sendall(http1.get("/late"))
        httpd.wait_for_log("late starts")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    httpd.wait_for_log("PythonApplication /late asgi lifespan_pages:late: ClientGoneError: the client has left")
    if httpd.mpm != "prefork":  # each of its children starts by itself
        assert httpd.get("/late").text == "1"


def test_a_start_that_does_not_end_holds_no_thread_for_ever(httpd: Httpd) -> None:
    short = httpd.port_of("SHORT_PORT")
    httpd.expect(
        "lifespan_pages:stuck has not started in interpreter main_interpreter for [12] s: its requests wait for up to "
        r"1 s \(Timeout\), then they get 503 until it has started"
    )
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: httpd.request("GET", "/", port=short), range(4)))
    assert {(answer.status, answer.headers["Retry-After"]) for answer in answers} == {(503, "5")}
    if httpd.mpm != "prefork":  # each of its children starts by itself
        begin = time.monotonic()
        assert httpd.request("GET", "/", port=short).status == 503
        assert time.monotonic() - begin < 0.9, "those that come later do not wait"
        assert httpd.log().count("has not started") == 1
    (httpd.handlers / "may_start").touch()
    deadline = time.monotonic() + 20
    while httpd.request("GET", "/", port=short).status == 503:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    httpd.wait_for_log("lifespan_pages:stuck has started after [1-9][0-9]* s")


def test_an_application_without_lifespan_is_served(httpd: Httpd) -> None:
    assert [httpd.get("/none").text for _ in range(3)] == ["none"] * 3
    httpd.wait_for_log("lifespan_pages:none has no lifespan: it raised AssertionError")


def test_wrong_messages_raise(httpd: Httpd) -> None:
    assert httpd.get("/wrong").text == "'lifespan.shutdown.complete' is no message that a lifespan may send now"


def test_each_request_has_a_shallow_copy_of_the_state(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("requests go to several children")
    assert [httpd.get("/pages/state").text for _ in range(3)] == ["1 1", "2 1", "3 1"]


def test_two_interpreters_have_a_lifespan_each(httpd: Httpd) -> None:
    first, second = (json.loads(httpd.get(f"{mount}/scope").text) for mount in ("/pages", "/named"))
    assert (first["started"], second["started"]) == (1, 1)


def test_a_changed_application_starts_anew(httpd: Httpd) -> None:
    source = "from lifespan_pages import {0} as application\n"
    httpd.handler("changing_site.py", source.format("slow"))
    assert httpd.get("/changing").text.endswith(" slow")
    httpd.handler("changing_site.py", source.format("none"))
    deadline = time.monotonic() + 20
    while httpd.get("/changing").text != "none":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_lifespan_ends_with_the_child(httpd: Httpd) -> None:
    assert httpd.get("/slow").status == httpd.get("/working").status == httpd.get("/wrong").status == 200
    before = len(httpd.log())
    httpd.graceful()
    httpd.wait_for_log("slow has shut down in", 20)
    httpd.wait_for_log("the work is done", 20)
    httpd.wait_for_log("KeyError: 'in the shutdown'", 20)
    assert "PythonShutdownTimeout" not in httpd.log()[before:]
    assert httpd.get("/slow").text == "1 slow"
