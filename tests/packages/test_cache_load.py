"""Caches under load: 16 threads of 2 children at once, and a child that is killed in the midst of it."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from httpd import Httpd

MODULES = ("socache_dbm",)
CACHES = """
PythonCache shm shmcb:run/shm(200K)
PythonCache file dbm:run/file
SetHandler mod_python
PythonHandler call_by_path
"""
# Two children with eight threads each, or sixteen with one.
LIMITS = """
<IfModule !mpm_prefork_module>
    StartServers 2
    ServerLimit 2
    ThreadsPerChild 8
    ThreadLimit 8
    MaxRequestWorkers 16
    MinSpareThreads 1
    MaxSpareThreads 16
</IfModule>
<IfModule mpm_prefork_module>
    StartServers 16
    ServerLimit 16
    MaxRequestWorkers 16
    MinSpareServers 1
    MaxSpareServers 16
</IfModule>
"""
MPMS = ("event", "worker", "prefork")
CONF = CACHES + LIMITS
CLIENTS = 16
SHARED = ("shm", "file")


def call(httpd: Httpd, page: str, name: str, query: str = "") -> Any:
    answer = httpd.get(f"/call/cache_pages/{page}/{name}?{query}")
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


@pytest.mark.parametrize("name", SHARED)
def test_no_count_is_lost_and_no_value_torn(httpd: Httpd, name: str) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda number: call(httpd, "count", name, f"n={number}"), range(160)))
    assert len({pid for pid, _ in answers}) > 1
    assert [torn for _, torn in answers if torn] == []
    assert call(httpd, "counters", name) == [800] * 4


def bytes_in(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


@pytest.mark.parametrize("name", SHARED)
def test_a_child_that_is_killed_loses_no_count(httpd: Httpd, name: str) -> None:
    """A request adds to the counter, and notes that in a file.

    The counter is not behind the notes, and ahead by the calls that the kills have cut off at most.
    """
    httpd.allow("AH00052: child pid .* exit signal Killed", "a child died while it wrote to the cache")
    httpd.htdocs.chmod(0o777)
    for path in [*httpd.htdocs.glob("done-*"), httpd.htdocs / "stop"]:
        path.unlink(missing_ok=True)
    before = int(call(httpd, "number", name))
    killed = 0
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(hammer, httpd, name) for _ in range(CLIENTS)]
        for _ in range(4):
            noted = bytes_in(httpd.htdocs, "done-*")
            wait_for(lambda noted=noted: bytes_in(httpd.htdocs, "done-*") > noted + 100)
            os.kill(httpd.children()[0], signal.SIGKILL)
            killed += 1
        noted = bytes_in(httpd.htdocs, "done-*")
        wait_for(lambda: bytes_in(httpd.htdocs, "done-*") > noted + 100)
        (httpd.htdocs / "stop").touch()
        answers = [client.result(60) for client in clients]
    assert not any(torn for _, torn in answers)
    done = bytes_in(httpd.htdocs, "done-*")
    counted = int(call(httpd, "number", name)) - before
    assert done <= counted <= done + killed * 8


def hammer(httpd: Httpd, name: str) -> tuple[int, int]:
    """Ask until the server says that it is over: a child that was killed answers nothing."""
    while True:
        try:
            done, torn = call(httpd, "hammer", name)
        except OSError:
            continue
        return done, torn


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
