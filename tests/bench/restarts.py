"""Restarts and stops under load: no request fails, no child is killed or dies of a signal, and the parent stays small.

By hand, at full size: target/venv/bin/python tests/bench/restarts.py [--count N] [--mpm MPM] [restarts] [stops]
[applications] [waiting]; applications are restarts with an application of WSGI in place of a handler, waiting ones with
requests that wait without a thread (MPM event).
"""

import argparse
import contextlib
import http.client
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from load import meanwhile  # noqa: E402

from httpd import Httpd  # noqa: E402

CONF = """
StartServers 1
KeepAliveTimeout 2
<IfModule mpm_prefork_module>
    StartServers 4
    MinSpareServers 4
    MaxSpareServers 8
    ServerLimit 64
    MaxRequestWorkers 64
</IfModule>
<IfModule !mpm_prefork_module>
    ServerLimit 16
    ThreadsPerChild 8
    MaxRequestWorkers 64
    MinSpareThreads 8
    MaxSpareThreads 16
</IfModule>
SERVED
<LocationMatch "^/0">
    PythonInterpreter main_interpreter
</LocationMatch>
<LocationMatch "^/1">
    PythonInterpreter one
</LocationMatch>
<LocationMatch "^/2">
    PythonInterpreter two
</LocationMatch>
"""
# What serves: a handler, or an application.
HANDLER = "SetHandler mod_python\nPythonHandler ends"
APPLICATION = "PythonApplication / wsgi ends"
WAITING = """PythonMaxWaitingRequests 1000
AsyncRequestWorkerFactor 200
PythonGracefulTimeout 3
SetHandler mod_python
PythonHandler ends::waits"""
ENDS = """
import atexit, logging, threading, weakref
from mod_python import apache

class Thing:
    pass

thing = Thing()
is_over = threading.Event()
apache.register_cleanup(lambda _: is_over.set())
threading.Thread(target=is_over.wait, daemon=False).start()
threading.Thread(target=threading.Event().wait, daemon=True).start()
atexit.register(lambda: None)
weakref.finalize(thing, lambda: None)

def handler(req):
    req.write("right")
    return apache.OK

async def waits(req):
    await req.sleep(float(req.args or 0.02))
    await req.write("right")
    return apache.OK

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ri", b"ght"]
"""
MPMS = ("event", "worker", "prefork")
CLIENTS = 4
EACH = 50  # requests that each generation answers at least
KILLED = re.compile("AH0004[6-9]|AH0005[0-2]|exit signal")
SLOW = "AH00045"  # a child that has not exited after 3 s, which a busy machine may bring about


@dataclass
class Outcome:
    """What became of the requests of one run, and of the processes."""

    requests: int = 0
    again: int = 0  # on a connection that was closed before any byte
    failures: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)  # its resident memory in KiB, after each restart
    slow: int = 0  # how often httpd waited for longer than 3 s
    longest: float = 0.0  # seconds until the last old process had ended

    def growth(self) -> int:
        """How many KiB the parent grew by, after the first tenth of the restarts."""
        first = self.parent[len(self.parent) // 10]
        return max(self.parent[len(self.parent) // 10 :]) - first


class Client:
    """One that keeps its connection, and tries a request once more where a used one was closed before any byte."""

    def __init__(self, httpd: Httpd, interpreters: int, outcome: Outcome) -> None:
        self._httpd, self._interpreters, self._outcome = httpd, interpreters, outcome
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, number: int) -> None:
        """Send one request."""
        self._outcome.requests += 1
        is_used = self._connection is not None
        try:
            self._get(number)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self._connection = None
            if not is_used:
                self._outcome.failures.append(repr(error))
                return
            self._outcome.again += 1
            self.ask(number)
        except (http.client.HTTPException, OSError) as error:
            self._connection = None
            self._outcome.failures.append(repr(error))

    def _get(self, number: int) -> None:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._httpd.port, timeout=30)
        self._connection.request("GET", f"/{number % self._interpreters}")
        answer = self._connection.getresponse()
        body = answer.read()
        if (answer.status, body) != (200, b"right"):
            self._outcome.failures.append(f"{answer.status} {body[:80]!r}")
        if answer.will_close:
            self._connection.close()
            self._connection = None


def load(httpd: Httpd, interpreters: int, outcome: Outcome) -> AbstractContextManager[None]:
    """Clients that ask until the end of the block."""

    def ask(is_over: threading.Event) -> None:
        client, number = Client(httpd, interpreters, outcome), 0
        while not is_over.is_set():
            client.ask(number)
            number += 1

    return meanwhile(CLIENTS, ask)


def server(mpm: str, served: str = HANDLER) -> Httpd:
    """A server of its own; busy machines may take longer than the 3 s after which httpd complains."""
    httpd = Httpd(CONF.replace("SERVED", served), mpm=mpm, allow=[KILLED.pattern, SLOW])
    httpd.handler("ends.py", ENDS)
    return httpd


def restarts(mpm: str, interpreters: int, count: int, served: str = HANDLER) -> Outcome:
    """Restart gracefully so often under load."""
    outcome = Outcome()
    with server(mpm, served) as httpd:
        with load(httpd, interpreters, outcome):
            for _ in range(count):
                old, begin = set(httpd.children()), time.monotonic()
                httpd.graceful()
                while old & set(httpd.children()):
                    if time.monotonic() > begin + 60:
                        raise AssertionError("an old child goes on")
                    time.sleep(0.02)
                outcome.longest = max(outcome.longest, time.monotonic() - begin)
                before = outcome.requests
                while outcome.requests < before + EACH:
                    time.sleep(0.01)
                outcome.parent.append(httpd.memory(httpd.parent_pid).now)
        outcome.killed = [line for line in httpd.log().splitlines() if KILLED.search(line)]
    return outcome


def waiting(count: int, clients: int) -> Counter[str]:
    """Restart gracefully so often while so many requests wait, one in ten of them for longer than the child has.

    What they were answered with, and the lines about children that were killed.
    """
    found: Counter[str] = Counter()
    with server("event", WAITING) as httpd:
        for _ in range(count):
            asked = [httpd.connect(timeout=30) for _ in range(clients)]
            for number, client in enumerate(asked):
                time_to_wait = 60 if number % 10 == 0 else 1.5
                client.sendall(f"GET /0?{time_to_wait} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            time.sleep(0.5)  # all of them wait
            httpd.graceful()
            for client in asked:
                with client, contextlib.suppress(OSError):
                    answer = http.client.HTTPResponse(client)
                    answer.begin()
                    found[f"{answer.status} {answer.read()[:5]!r}" if answer.status == 200 else str(answer.status)] += 1
        found.update(line for line in httpd.log().splitlines() if KILLED.search(line))
    return found


def stops(mpm: str, interpreters: int, count: int) -> Outcome:
    """Start a server so often, and stop it under load by SIGTERM, at which requests may fail."""
    outcome = Outcome()
    for _ in range(count):
        with server(mpm) as httpd:
            with load(httpd, interpreters, Outcome()):
                time.sleep(0.5)
                children = set(httpd.children())
                begin = time.monotonic()
                os.kill(httpd.parent_pid, signal.SIGTERM)
                while any(Path(f"/proc/{child}").exists() for child in children):
                    if time.monotonic() > begin + 60:
                        raise AssertionError("a child goes on")
                    time.sleep(0.02)
                outcome.longest = max(outcome.longest, time.monotonic() - begin)
            outcome.slow += SLOW in httpd.log()
            outcome.killed += [line for line in httpd.log().splitlines() if KILLED.search(line)]
    return outcome


def main() -> None:
    """Run what is named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="restarts of each run (200)")
    parser.add_argument("--mpm", choices=MPMS, action="append", help="event, worker, prefork; all of them if left out")
    parser.add_argument("runs", nargs="*", default=["restarts", "stops", "applications", "waiting"])
    options = parser.parse_args()
    if "waiting" in options.runs:
        print(f"event: 20 graceful restarts with 500 waiting requests: {waiting(20, 500)}", flush=True)
    for mpm in options.mpm or MPMS:
        for interpreters in (1, 3):
            for run, served in (("restarts", HANDLER), ("applications", APPLICATION), ("waiting", WAITING)):
                if run not in options.runs or (run == "waiting" and mpm != "event"):
                    continue
                done = restarts(mpm, interpreters, options.count, served)
                print(
                    f"{mpm}, {interpreters} interpreters, {run}: {options.count} "
                    f"graceful restarts: {done.requests} requests, {len(done.failures)} failed {done.failures[:3]}, "
                    f"{done.again} tried again; killed: {done.killed}; parent {done.growth():+} KiB; the longest took "
                    f"{done.longest:.1f} s",
                    flush=True,
                )
            if "stops" in options.runs:
                done = stops(mpm, interpreters, 20)
                text = f"{mpm}, {interpreters} interpreters: 20 stops: killed: {done.killed}; slow: {done.slow}"
                print(f"{text}; the longest took {done.longest:.1f} s", flush=True)


if __name__ == "__main__":
    main()
