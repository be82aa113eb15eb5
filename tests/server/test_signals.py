"""httpd's signals stay httpd's in a child: Python code cannot take them. Other signals are Python's."""

import os
import signal
import time

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
CONF = """
PythonImport taker main_interpreter
PythonInterpreter main_interpreter
<Location "/">
    SetHandler mod_python
    PythonHandler taker
</Location>
"""
# Each child says so when it starts. The first one starts before the module is there.
ALLOW_LOG = (r"taker\.py:\d+: .* has no effect", r"PythonImport taker|No module named 'taker'")
# The lines that take signals when the child imports the module.
TAKEN = """
import signal
def stop(*_): raise AssertionError("a signal of httpd's was taken")
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.signal(signal.SIGHUP, stop)
signal.signal(signal.SIGWINCH, signal.SIG_IGN)
signal.signal(signal.SIGINT, stop)
"""
HANDLER = """
import asyncio, faulthandler, os, time
from mod_python import apache

faulthandler.register(signal.SIGTERM)
signal.siginterrupt(signal.SIGTERM, True)
try:
    signal.signal(signal.SIGTERM, 17.5)
except TypeError as error:
    apache.log_error(f"TypeError: {error}", apache.APLOG_NOTICE)
arrived = []
signal.signal(signal.SIGUSR2, lambda number, _: arrived.append(number))
signal.signal(signal.SIGALRM, lambda number, _: arrived.append(number))

def handler(req):
    req.write(globals()[req.uri.strip("/")]())
    return apache.OK

def pid():
    return str(os.getpid())

def alarm():
    before = len(arrived)
    os.kill(os.getpid(), signal.SIGUSR2)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    until = time.monotonic() + 5
    while len(arrived) < before + 2 and time.monotonic() < until:
        time.sleep(0.01)
    return str(sorted(arrived[before:]))

def loop():
    async def wait():
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        return "ran"
    return asyncio.run(wait())

def again():
    for _ in range(3):
        signal.signal(signal.SIGTERM, stop)
    return str(signal.getsignal(signal.SIGTERM))

def forked():
    process = os.fork()
    if process == 0:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        os._exit(1)
    return str(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""


@pytest.fixture(autouse=True)
def _module(httpd: Httpd) -> None:
    if not (httpd.handlers / "taker.py").exists():
        httpd.handler("taker.py", TAKEN + HANDLER)
    httpd.graceful()


def test_the_log_names_the_places_and_the_signals(httpd: Httpd) -> None:
    pid = httpd.get("/pid").text
    places = {line: f"signal.signal.{name}." for line, name in enumerate(("SIGTERM", "SIGUSR1", "SIGHUP"), start=4)}
    places |= {7: r"signal.signal.SIGWINCH.", 8: r"signal.signal.SIGINT.", 13: r"faulthandler.register.SIGTERM."}
    for line, call in places.items():
        found = httpd.wait_for_log(rf"\[python:warn\] \[pid {pid}\D.*/taker\.py:{line}: {call} has no effect")
        assert "stops its children by it; use apache.register_cleanup()" in found.string
    httpd.wait_for_log("TypeError: ")


def test_a_place_is_logged_once(httpd: Httpd) -> None:
    if httpd.mpm != "prefork":
        assert httpd.get("/again").status == 500
        return httpd.expect("ValueError: signal only works in main thread of the main interpreter", "in again")
    httpd.get("/again")
    text = httpd.log()
    assert text.count("taker.py:53: ") <= len(httpd.children())
    return None


def test_children_end_by_a_graceful_restart_and_a_stop(httpd: Httpd) -> None:
    pid = int(httpd.get("/pid").text)
    httpd.graceful()
    assert ended(pid)
    if httpd.mpm == "prefork":  # the other MPMs stop their children through a pipe
        last = int(httpd.get("/pid").text)
        os.kill(last, signal.SIGTERM)
        assert ended(last)


def ended(pid: int) -> bool:
    """Whether a process ends within five seconds."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_other_signals_are_pythons(httpd: Httpd) -> None:
    if httpd.mpm != "prefork":
        pytest.skip("Python runs the functions of signals on its main thread, which serves no requests here")
    assert httpd.get("/alarm").text == str(sorted([signal.SIGUSR2.value, signal.SIGALRM.value]))


def test_asyncio_runs_without_its_signals(httpd: Httpd) -> None:
    if httpd.mpm != "prefork":
        pytest.skip("asyncio takes no signals on other threads than the main one")
    assert httpd.get("/loop").text == "ran"
    httpd.wait_for_log(r"taker\.py:\d+: signal.signal\(SIGTERM\) has no effect")
    assert "runners.py" not in httpd.log()


def test_a_forked_process_takes_all_signals(httpd: Httpd) -> None:
    if httpd.mpm != "prefork":
        pytest.skip("Python sets actions of signals on its main thread only")
    assert httpd.get("/forked").text == "7"
