"""time=: a step of Python that takes too long is interrupted, and nothing else is."""

import contextlib
import http.client
import threading
import time

import pytest

from http1 import get, post, responses
from httpd import Httpd

MPMS = ("event", "prefork")
NAMES = ["spin", "plain_spin", "late", "stubborn", "tolerant", "many_steps", "waits", "short", "in_finally"]
CONF = (
    "".join(
        f"""
        <Location "/{name}">
            PythonOutputFilter timed_filters::{name} {name} time=0.2
            SetOutputFilter {name}
        </Location>
        """
        for name in NAMES
    )
    + "".join(
        f"""
        <Location "/{name}">
            SetHandler mod_python
            PythonHandler timed_filters::{name.rsplit("/")[-1]}
        </Location>
        """
        for name in ["quick", "ended", "waits/slow", "short/slow", "many_steps/slow"]
    )
    + """
    <Location "/other">
        PythonInterpreter other
        PythonOutputFilter timed_filters::spin OTHER time=0.2
        SetOutputFilter OTHER
    </Location>
    <Location "/pass">
        PythonOutputFilter timed_filters::late PASS time=0.2 on_error=pass
        SetOutputFilter PASS
    </Location>
    <Location "/pair">
        SetOutputFilter waits;spin
    </Location>
    <Location "/in">
        SetHandler mod_python
        PythonHandler timed_filters::echo
        PythonInputFilter timed_filters::read_input IN time=0.2
        SetInputFilter IN
    </Location>
    """
)
TOO_LONG = "one step took more than time=0.2: interrupted"


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    for folder in ("other", "pass", "pair", *NAMES):
        httpd.write(f"{folder}/a.txt", "text")


@pytest.mark.parametrize("name", ["spin", "plain_spin", "late", "tolerant", "other"])
def test_a_step_is_interrupted_and_the_log_says_so(httpd: Httpd, name: str) -> None:
    httpd.expect(f"filter (?i:{name}) .*{TOO_LONG}", "FilterTimeout")
    started = time.monotonic()
    assert httpd.get(f"/{name}/a.txt").status == 500
    assert 0.15 < time.monotonic() - started < 3


def test_finally_runs(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("each child has its own counters")
    httpd.expect(TOO_LONG, "FilterTimeout")
    httpd.get("/ended")
    httpd.get("/spin/a.txt")
    assert httpd.get("/ended").text == "{'spin': 1}"


def test_who_goes_on_is_interrupted_again(httpd: Httpd) -> None:
    httpd.expect(TOO_LONG, "FilterTimeout")
    # Something had been yielded by then, but nothing was sent.
    assert httpd.get("/stubborn/a.txt").status == 500


def test_on_error_pass(httpd: Httpd) -> None:
    httpd.expect(TOO_LONG, "FilterTimeout")
    assert httpd.get("/pass/a.txt").body == b"text"


def test_a_finally_that_hangs_is_interrupted(httpd: Httpd) -> None:
    httpd.expect("FilterTimeout")
    httpd.allow("filter in_finally")
    started = time.monotonic()
    with contextlib.suppress(http.client.HTTPException):
        httpd.get("/in_finally/a.txt")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("name", ["waits", "short", "many_steps"])
def test_waiting_and_many_short_steps_are_fine(httpd: Httpd, name: str) -> None:
    answer = httpd.get(f"/{name}/slow").text
    assert answer == {"waits": "one " * 100 + "two" * 100}.get(name, "one two")


def test_a_filter_that_passes_on_does_not_pay_for_the_next(httpd: Httpd) -> None:
    httpd.expect(f"filter spin .*{TOO_LONG}", "FilterTimeout")
    assert httpd.get("/pair/a.txt").status == 500
    assert "filter waits" not in httpd.log()


def test_input(httpd: Httpd) -> None:
    httpd.expect(f"filter IN .*{TOO_LONG}", "FilterTimeout")
    assert b"text" in httpd.raw(post("/in", b"text", "Connection: close"))
    assert b"an error" in httpd.raw(post("/in", b"spin", "Connection: close"))


def test_no_other_request_is_hit(httpd: Httpd) -> None:
    httpd.expect(TOO_LONG, "FilterTimeout")
    hit: list[int] = []
    answers: list[bytes] = []

    def interrupted() -> None:
        for _ in range(4):
            hit.append(httpd.get("/spin/a.txt").status)
            # On the same thread, or the next one, right behind it.
            answers.append(httpd.get("/quick").body)

    def bystander() -> None:
        answers.extend(httpd.get("/quick").body for _ in range(10))

    threads = [threading.Thread(target=target) for target in (interrupted, interrupted, bystander, bystander)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hit == [500] * 8
    assert answers == [b"unhurt"] * 28


def test_not_on_a_kept_connection_either(httpd: Httpd) -> None:
    httpd.expect(TOO_LONG, "FilterTimeout")
    data = httpd.raw((get("/pass/a.txt") + get("/quick")) * 2 + get("/quick", "Connection: close"))
    assert [answer.body for answer in responses(data)] == [b"text", b"unhurt"] * 2 + [b"unhurt"]
