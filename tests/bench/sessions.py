"""Sessions of 8 clients at once in each store, while children are killed: no update is lost, no session unreadable.

By hand: target/venv/bin/python tests/bench/sessions.py [--count N] [--mpm event prefork] [--kind NAME ...].

Clients make N sessions, 10,000 without the option, and update each twice in random order; now and then all of them
update the same one. Meanwhile five children end by SIGKILL. Then each session must have at least the updates that were
answered, and at most those that were asked for. MemorySession runs with one child of event, which is not killed.
"""

import argparse
import http.client
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from session_stores import KINDS, KINDS_CONF, WithStores  # noqa: E402

CLIENTS = 8
PAGES = TESTS / "packages/test_sessions.py"  # beside the handlers
UPDATES = 2
KILLS = 5
PATIENCE = 120  # seconds after which a request is taken for one that waits for ever
CONF = (
    KINDS_CONF
    + """
SetHandler mod_python
PythonHandler call_by_path
MaxKeepAliveRequests 0
KeepAliveTimeout 30
PythonOption mod_python.session.lock_timeout 60
PythonOption mod_python.redis_session.lock_seconds 2
"""
)
ONE_CHILD = """
ServerLimit 1
StartServers 1
ThreadsPerChild 16
MaxRequestWorkers 16
MaxSpareThreads 16
"""
# What httpd says of children that are killed.
OF_KILLS = "AH00052|AH00051|AH10273|AH00288|AH00050"


@dataclass
class Outcome:
    """What a run showed; `faults` are sentences, of which there should be none."""

    sessions: int = 0
    requests: int = 0
    seconds: float = 0
    killed: int = 0
    cut: int = 0
    faults: list[str] = field(default_factory=list)


class Client(threading.local):
    """A kept connection of each thread."""

    def __init__(self, httpd: WithStores, kind: str) -> None:
        """Ask for pages with sessions of a kind."""
        self._httpd = httpd
        self._kind = kind
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, page: str, sid: str | None) -> tuple[int, Any]:
        """Return a status and what the page has told; status 0 if the connection ended before the answer."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._httpd.port, timeout=PATIENCE)
        headers = {"Cookie": f"pysid={sid}"} if sid else {}
        try:
            self._connection.request("GET", f"/call/session_pages/{page}/{self._kind}", headers=headers)
            response = self._connection.getresponse()
            body = response.read()
        except TimeoutError:
            raise
        except (http.client.HTTPException, OSError):
            self._connection.close()
            self._connection = None
            return 0, None
        return response.status, json.loads(body) if response.status == 200 else None


class Run:
    """One run, of one kind of session."""

    def __init__(self, httpd: WithStores, kind: str, kills: int) -> None:
        """Kill so many children on the way."""
        self.outcome = Outcome()
        self._httpd = httpd
        self._client = Client(httpd, kind)
        self._kills = kills
        self._random = random.Random(1)
        self._lock = threading.Lock()
        self._asked: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._done = 0
        self._next_kill = 0.0

    def run(self, count: int) -> Outcome:
        """Make so many sessions, update and check them."""
        begun = time.monotonic()
        total = count * (1 + UPDATES)
        at = [total * (number + 1) // (self._kills + 1) for number in range(self._kills)]
        self._each(lambda _: self._make(), range(count), at)
        sids = list(self._answered)
        hot = sids[0]
        jobs = [sid for sid in sids for _ in range(UPDATES)] + [hot] * (count // 20)
        self._random.shuffle(jobs)
        self._each(self._update, jobs, at)
        self._each(self._check, sids, [])
        self.outcome.sessions = len(sids)
        self.outcome.seconds = time.monotonic() - begun
        return self.outcome

    def _each(self, work: Callable[[Any], None], jobs: Iterable[Any], kill_at: list[int]) -> None:
        def one(job: Any) -> None:
            try:
                work(job)
            except (RuntimeError, TimeoutError) as error:
                self._fault(f"{type(error).__name__}: {error}")
            with self._lock:
                self._done += 1
                is_time = bool(kill_at) and self._done >= kill_at[0]
                if is_time:
                    kill_at.pop(0)
            if is_time:
                self._kill()

        with ThreadPoolExecutor(CLIENTS) as pool:
            for _ in pool.map(one, jobs):
                pass

    def _kill(self) -> None:
        if children := self._httpd.children():
            os.kill(self._random.choice(children), signal.SIGKILL)
            self.outcome.killed += 1

    def _fault(self, text: str) -> None:
        with self._lock:
            self.outcome.faults.append(text)

    def _ask(self, page: str, sid: str | None) -> Any:
        status, told = self._client.ask(page, sid)
        with self._lock:
            self.outcome.requests += 1
            self.outcome.cut += status == 0
        if status not in (0, 200):
            raise RuntimeError(f"{page} was answered with {status}")
        return told

    def _make(self) -> None:
        while (told := self._ask("visit", None)) is None:
            pass  # its child was killed
        with self._lock:
            self._asked[told["id"]] += 1
            self._answered[told["id"]] += 1

    def _update(self, sid: str) -> None:
        with self._lock:
            self._asked[sid] += 1
        told = self._ask("visit", sid)
        if told is not None:
            with self._lock:
                self._answered[sid] += 1
            if told["new"]:
                self._fault(f"session {sid} is gone")

    def _check(self, sid: str) -> None:
        while (told := self._ask("look", sid)) is None:
            pass
        visits = told["data"].get("visits", 0)
        if not self._answered[sid] <= visits <= self._asked[sid]:
            self._fault(f"{visits} updates are kept of {self._answered[sid]} that were answered: session {sid}")


def measure(mpm: str, kind: str, count: int, kills: int = KILLS) -> Outcome:
    """Run a server for one kind of session; its log must be clean."""
    in_memory = kind == "MemorySession"
    with WithStores(CONF + (ONE_CHILD if in_memory else ""), beside=str(PAGES), mpm=mpm) as httpd:
        httpd.allow(OF_KILLS)
        return Run(httpd, kind, 0 if in_memory else kills).run(count)


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--mpm", nargs="*", default=["event", "prefork"])
    parser.add_argument("--kind", nargs="*", default=KINDS, choices=KINDS)
    arguments = parser.parse_args()
    for mpm in arguments.mpm:
        for kind in arguments.kind:
            if kind == "MemorySession" and mpm == "prefork":
                continue  # each child has sessions of its own
            found = measure(mpm, kind, arguments.count)
            rate = found.requests / found.seconds
            print(
                f"{mpm:8} {kind:18} {found.sessions:6} sessions {found.requests:6} requests {rate:6.0f}/s"
                f"   {found.killed} children killed, {found.cut} requests cut, {len(found.faults)} faults",
                flush=True,
            )
            for text in found.faults[:10]:
                print(f"    {text}", flush=True)


if __name__ == "__main__":
    main()
