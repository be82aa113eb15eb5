"""What runs at the end of a child, and in which order; and that nothing of it holds the process for long."""

import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
# Two seconds are not always enough on a busy machine, and httpd itself waits for ten.
CONF = """
PythonShutdownTimeout 8
SetHandler mod_python
PythonHandler call_by_path
PythonInterpreter main_interpreter
<LocationMatch "^/call/[a-z_]+/[a-z_]+/one$">
    PythonInterpreter one
</LocationMatch>
<LocationMatch "^/call/[a-z_]+/[a-z_]+/two$">
    PythonInterpreter two
</LocationMatch>
"""
INTERPRETERS = {"": "main_interpreter", "/one": "one", "/two": "two"}
ORDER = ["cleanup", "thread", "finalize", "atexit", "logging"]
TIME = 30.0  # seconds, on a busy machine


def runs(pid: int) -> bool:
    """Whether a process has not ended; httpd may take a second to notice that it has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ended(*pids: int) -> float:
    """Wait until these processes have ended; the seconds that it took."""
    begin = time.monotonic()
    while left := [pid for pid in pids if runs(pid)]:
        assert time.monotonic() < begin + TIME, f"these go on: {left}"
        time.sleep(0.02)
    return time.monotonic() - begin


def said(httpd: Httpd, pid: int, interpreter: str) -> list[str]:
    """What was written at the end of a process, line by line."""
    path = httpd.handlers / f"end-{pid}-{interpreter}"
    return path.read_text().splitlines() if path.exists() else []


def graceful_restart(httpd: Httpd) -> None:
    httpd.graceful()


def graceful_stop(httpd: Httpd) -> None:
    os.kill(httpd.parent_pid, signal.SIGWINCH)


def stop(httpd: Httpd) -> None:
    os.kill(httpd.parent_pid, signal.SIGTERM)


def restart(httpd: Httpd) -> None:
    old = set(httpd.children())
    os.kill(httpd.parent_pid, signal.SIGHUP)
    deadline = time.monotonic() + TIME
    # httpd may miss a signal that comes before it serves again.
    while httpd.log().count("resuming normal operations") < 2 or not set(httpd.children()) - old:
        assert time.monotonic() < deadline
        time.sleep(0.02)


WAYS: list[Callable[[Httpd], None]] = [graceful_restart, graceful_stop, stop, restart]


@contextlib.contextmanager
def server(mpm: str, conf: str = CONF) -> Iterator[Httpd]:
    """A server whose children may write beside their handlers."""
    # On a busy machine an end takes longer than the 3 s after which httpd says so.
    with Httpd(conf, beside=__file__, mpm=mpm, allow=["AH00045"]) as httpd:
        httpd.handlers.chmod(0o777)
        yield httpd


@pytest.fixture(params=MPMS)
def mpm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("way", WAYS)
def test_each_interpreter_ends_in_order(mpm: str, way: Callable[[Httpd], None]) -> None:
    with server(mpm) as httpd:
        found = set()
        for path, interpreter in INTERPRETERS.items():
            pid, name = json.loads(httpd.get(f"/call/endings/register{path}").text)
            assert name == interpreter
            found.add((pid, name))
        way(httpd)
        ended(*{pid for pid, _ in found})
        for pid, name in found:
            assert said(httpd, pid, name) == ORDER
            assert (httpd.handlers / f"file-{pid}-{name}").read_text() == "flushed\n"
        assert "exit signal" not in httpd.log()


def test_a_child_of_so_many_connections_ends_in_order(mpm: str) -> None:
    """MaxConnectionsPerChild."""
    with server(mpm, CONF + "MaxConnectionsPerChild 3\n") as httpd:
        pid, name = json.loads(httpd.get("/call/endings/register/one").text)
        deadline = time.monotonic() + TIME
        while runs(pid):
            assert time.monotonic() < deadline
            httpd.get("/call/endings/register")
        assert said(httpd, pid, name) == ORDER


IDLE = """
StartServers 3
<IfModule mpm_prefork_module>
    StartServers 6
    MinSpareServers 1
    MaxSpareServers 2
</IfModule>
<IfModule !mpm_prefork_module>
    MinSpareThreads 1
    MaxSpareThreads 17
</IfModule>
"""


def test_an_idle_child_that_httpd_takes_away_ends_in_order(mpm: str) -> None:
    with server(mpm, CONF + IDLE) as httpd:
        deadline = time.monotonic() + TIME
        found: set[int] = set()
        while not (over := {pid for pid in found if not runs(pid)}):
            assert time.monotonic() < deadline
            pid, _ = json.loads(httpd.get("/call/endings/register/two").text)
            found.add(pid)
        for pid in over:
            assert said(httpd, pid, "two") == ORDER


LONG = (
    CONF
    + """
PythonShutdownTimeout 4
<LocationMatch "^/call/[a-z_]+/[a-z_]+/three$">
    PythonInterpreter three
</LocationMatch>
<IfModule mpm_prefork_module>
    StartServers 1
    MinSpareServers 1
    MaxSpareServers 1
    MaxRequestWorkers 1
</IfModule>
"""
)
LATE = r"at the end of the child, after 4 s \(PythonShutdownTimeout\): "


@pytest.mark.parametrize("way", [graceful_restart, stop])
def test_what_never_ends_holds_neither_the_process_nor_another_interpreter(
    mpm: str, way: Callable[[Httpd], None]
) -> None:
    with server(mpm, LONG) as httpd:
        pid, name = json.loads(httpd.get("/call/endings/register").text)
        for path in ("never_ends/one", "blocks/two", "locked/three"):
            assert json.loads(httpd.get(f"/call/endings/{path}").text) == [pid]
        httpd.expect(
            LATE + "interpreter one waits for its threads: never ends$",
            LATE + "interpreter two waits for a function of atexit$",
            LATE + "interpreter three waits for a function of atexit$",
        )
        way(httpd)
        ended(pid)
        assert said(httpd, pid, name) == ORDER
        assert len(re.findall(LATE, httpd.log())) == 3
        assert "exit signal" not in httpd.log()


def test_a_function_that_raises_keeps_none_from_being_called(mpm: str) -> None:
    with server(mpm) as httpd:
        pid = json.loads(httpd.get("/call/endings/raises/one").text)[0]
        httpd.expect(r"python:error.*ValueError: at exit$", r"python:error.*SystemExit: 3$")
        httpd.graceful()
        ended(pid)
        assert said(httpd, pid, "one") == ["after the others"]


def test_a_daemon_that_computes_on_harms_nothing(mpm: str) -> None:
    with server(mpm) as httpd:
        pid = json.loads(httpd.get("/call/endings/daemon/one").text)[0]
        httpd.graceful()
        ended(pid)
        assert said(httpd, pid, "one") == ["atexit"]
        assert "exit signal" not in httpd.log()


@pytest.mark.parametrize("what", ["endless", "keeps_the_gil"])
def test_a_handler_that_never_returns_does_not_hold_a_stop(mpm: str, what: str) -> None:
    """At a graceful stop httpd waits for its requests, so this is about SIGTERM."""
    with server(mpm, CONF + "PythonShutdownTimeout 1\n") as httpd:
        with httpd.connect() as client:
            client.sendall(f"GET /call/endings/{what}/one HTTP/1.0\r\n\r\n".encode())
            pid = int(httpd.wait_for_log(rf"\[pid (\d+)[^]]*\] .*\] {what}$")[1])
            if httpd.mpm == "prefork":
                httpd.allow("python:notice.*its thread was still at work")
            if httpd.mpm != "prefork" or what == "keeps_the_gil":
                httpd.expect(r"Python code of interpreter one is still under way \(threads of httpd: 1\)$")
            if what == "keeps_the_gil":
                httpd.expect("interpreter .* was not ended, since another thread keeps .*GIL")
                httpd.allow("the end of interpreter .* is left out")
            stop(httpd)
            ended(pid)
        assert said(httpd, pid, "one") == (["atexit"] if what == "endless" else [])
        assert "exit signal" not in httpd.log()


def test_forked_processes_run_nothing_of_the_child(mpm: str) -> None:
    with server(mpm) as httpd:
        httpd.expect("a process that Python code has forked here")
        pid = json.loads(httpd.get("/call/endings/forks").text)[0]
        httpd.graceful()
        ended(pid)
        assert said(httpd, pid, "main_interpreter") == ["cleanup", "atexit"]
        assert [path.name for path in httpd.handlers.glob("end-*")] == [f"end-{pid}-main_interpreter"]


def test_nothing_runs_at_the_end_with_no_time_for_it(mpm: str) -> None:
    with server(mpm, CONF + "PythonShutdownTimeout 0\n") as httpd:
        pid = json.loads(httpd.get("/call/endings/forks").text)[0]
        httpd.expect("a process that Python code has forked here")
        httpd.graceful()
        ended(pid)
        assert said(httpd, pid, "main_interpreter") == []
