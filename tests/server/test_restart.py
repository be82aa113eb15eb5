"""Restarts and stops: nobody notices, nothing is left, the parent stays as it was."""

import contextlib
import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from httpd import Httpd
from mod_python._machine import processes

MPMS = ("event", "prefork")
CONF = """
<Location /python>
    SetHandler mod_python
    PythonHandler slow_answers
    PythonOutputFilter slow_answers LIFE
    SetOutputFilter LIFE
    PythonOption a b
</Location>
<Location /other>
    SetHandler mod_python
    PythonInterpreter other
    PythonHandler slow_answers
</Location>
<Location /threads>
    SetHandler mod_python
    PythonHandler slow_answers::threads
</Location>
<Location /threads/other>
    PythonInterpreter other
</Location>

Listen 127.0.0.1:${LINE_PORT}
<VirtualHost *:${LINE_PORT}>
    PythonConnectionHandler slow_answers
</VirtualHost>
"""
RESTARTS = {"event": 20, "prefork": 6}  # each takes half a second
CLIENTS = 3


@dataclass
class Load:
    """What clients saw so far."""

    right: list[int] = field(default_factory=lambda: [0] * CLIENTS)
    wrong: list[str] = field(default_factory=list)


@contextlib.contextmanager
def load(httpd: Httpd) -> Iterator[Load]:
    """Requests from several clients at once, until the end."""
    over = threading.Event()
    seen = Load()

    def work(number: int) -> None:
        while not over.is_set():
            for path in ("/python", "/other"):
                try:
                    answer = httpd.get(path)
                except (OSError, http.client.HTTPException) as error:
                    seen.wrong.append(f"{path}: {error!r}")
                    continue
                if answer.status == 200 and answer.text.lower().endswith(" end"):
                    seen.right[number] += 1
                else:
                    seen.wrong.append(f"{path}: {answer}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_graceful_restarts_under_load(httpd: Httpd) -> None:
    # Children of an old generation that were told to end while they started say so.
    httpd.allow("AH00045")
    httpd.graceful()
    httpd.graceful()
    before = httpd.memory(httpd.parent_pid).now
    with load(httpd) as seen:
        for _ in range(RESTARTS[httpd.mpm]):
            answered = min(seen.right)
            httpd.graceful()
            wait_until(lambda: min(seen.right) > answered)  # noqa: B023
    assert seen.wrong == []
    assert httpd.memory(httpd.parent_pid).now - before < 1024
    assert "exit signal" not in httpd.log()


def test_requests_in_flight_are_finished(httpd: Httpd) -> None:
    answers = []
    slow = threading.Thread(target=lambda: answers.append(httpd.get("/python?0.6")))
    slow.start()
    time.sleep(0.2)
    httpd.graceful()
    slow.join()
    assert answers[0].status == 200
    pid = int(answers[0].text.removeprefix("BEGUN ").removesuffix(" END"))
    # The child that answered was told to end before it did.
    assert int(httpd.get("/python").text.removesuffix(" END")) != pid
    wait_until(lambda: pid not in httpd.children())


def test_connections_in_use_are_finished(httpd: Httpd) -> None:
    with httpd.connect(httpd.port_of("LINE_PORT")) as client:
        client.sendall(b"one\n")
        assert client.recv(100) == b"one\n"
        httpd.graceful()
        client.sendall(b"two\n")
        assert client.recv(100) == b"two\n"


def test_a_new_configuration_holds(httpd: Httpd) -> None:
    fragment = httpd.folder / "fragment.conf"
    text = fragment.read_text()
    # Another filter comes first: each has another entry point than before.
    fragment.write_text(
        "PythonOutputFilter slow_answers::starred STARS\n" + text.replace("Filter LIFE", "Filter LIFE;STARS")
    )
    try:
        assert first_answer_after_restart(httpd).endswith(" END*")
    finally:
        fragment.write_text(text)
        assert first_answer_after_restart(httpd).endswith(" END")


def first_answer_after_restart(httpd: Httpd) -> str:
    """Restart gracefully and return the first answer of a new child: an old one accepts until its thread notices."""
    old = set(httpd.children())
    httpd.graceful()
    answers: list[str] = []

    def answered_by_a_new_child() -> bool:
        answers.append(httpd.get("/python").text)
        return int(answers[-1].split(" ")[0]) not in old

    wait_until(answered_by_a_new_child)
    return answers[-1]


@pytest.mark.parametrize("mpm", MPMS)
def test_a_stop_leaves_nothing(mpm: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as server:
        for path in ("/python", "/other"):
            assert server.get(path).status == 200
        assert server.raw(b"x\n", port=server.port_of("LINE_PORT"), half_close=True) == b"x\n"
        children = server.children()
        log = server.error_log.open()
    # Httpd itself fails on processes that are left and on lines about children that died.
    assert not any(alive(pid) for pid in children)
    assert "exit signal" not in log.read()
    log.close()


@pytest.mark.parametrize("mpm", MPMS)
def test_threads_of_python_do_not_hold_up_a_stop(mpm: str) -> None:
    # On prefork, threads that handlers start are no daemons, and waited for: the time is over then, or just after.
    late = r"after 0\.5 s \(PythonShutdownTimeout\): interpreter \w+ waits for (its threads: |an open file to be)"
    with Httpd(CONF + "PythonShutdownTimeout 0.5\n", beside=__file__, mpm=mpm, allow=[late]) as server:
        for path in ("/threads", "/threads/other", "/python"):
            assert server.get(path).status == 200
        begin = time.monotonic()
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize("mpm", MPMS)
def test_a_graceful_stop_finishes_first(mpm: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as server, server.connect() as client:
        client.sendall(b"GET /other?0.5 HTTP/1.1\r\nHost: x\r\n\r\n")
        seen = b""
        while b"begun" not in seen:
            seen += client.recv(1000)
        os.kill(server.parent_pid, signal.SIGWINCH)
        while chunk := client.recv(1000):
            seen += chunk
        assert seen.endswith(b" end\r\n0\r\n\r\n")
        wait_until(lambda: not server.alive())


def alive(pid: int) -> bool:
    # One that has ended, and of which nobody has taken notice yet, is none of them.
    return any(one.pid == pid for one in processes())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
