"""What caches keep when httpd restarts: the files of dbm and the engines keep all, shared memory is new."""

import json
import os
import signal
import time
import urllib.parse
from typing import Any

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
MODULES = ("socache_dbm",)
CONF = """
PythonCache shm shmcb:run/shm(200K)
PythonCache file dbm:run/file
SetHandler mod_python
PythonHandler call_by_path
"""


def call(httpd: Httpd, page: str, name: str, expression: str = "") -> Any:
    answer = httpd.get(f"/call/cache_pages/{page}/{name}?" + urllib.parse.urlencode({"x": expression}))
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


def test_a_graceful_restart_keeps_what_the_documents_say(httpd: Httpd) -> None:
    for name in ("shm", "file"):
        assert call(httpd, "evaluate", name, "cache.set('kept', 1)") == "None"
    for _ in range(3):
        old = set(httpd.children())
        httpd.graceful()
        deadline = time.monotonic() + 30
        while int(call(httpd, "pid", "shm")) in old:
            assert time.monotonic() < deadline
        assert call(httpd, "evaluate", "shm", "cache.get('kept')") == "None"
        assert call(httpd, "evaluate", "file", "cache.get('kept')") == "1"
        assert call(httpd, "evaluate", "shm", "cache.incr('n')") == "1"


def test_old_and_new_children_have_one_lock(httpd: Httpd) -> None:
    """A child that finishes a request after a graceful restart counts in the file together with the new ones."""
    httpd.htdocs.chmod(0o777)
    for path in [*httpd.htdocs.glob("done-*"), httpd.htdocs / "stop"]:
        path.unlink(missing_ok=True)
    before = int(call(httpd, "number", "file"))
    with httpd.connect(timeout=60) as old, httpd.connect(timeout=60) as new:
        old.sendall(b"GET /call/cache_pages/hammer/file HTTP/1.0\r\n\r\n")
        wait_for(lambda: len(list(httpd.htdocs.glob("done-*"))) == 1)
        httpd.graceful()
        new.sendall(b"GET /call/cache_pages/hammer/file HTTP/1.0\r\n\r\n")
        wait_for(lambda: len(list(httpd.htdocs.glob("done-*"))) == 2)
        pids = {int(path.name.split("-")[1]) for path in httpd.htdocs.glob("done-*")}
        size = sum(path.stat().st_size for path in httpd.htdocs.glob("done-*"))
        wait_for(lambda: sum(path.stat().st_size for path in httpd.htdocs.glob("done-*")) > size + 500)
        (httpd.htdocs / "stop").touch()
        for client in (old, new):
            with client.makefile("rb") as file:
                assert b" 200 OK" in file.readline()
    assert len(pids) == 2
    done = sum(path.stat().st_size for path in httpd.htdocs.glob("done-*"))
    assert int(call(httpd, "number", "file")) - before == done


def test_a_forked_process_ends_at_its_first_use(httpd: Httpd) -> None:
    """A process that Python code forks is no child of httpd, and must not wait for locks of one."""
    httpd.expect("a process that Python code has forked here came back from that code")
    assert call(httpd, "forked", "shm") == "0"
    assert call(httpd, "evaluate", "shm", "cache['forked']") == "1"


def test_a_restart_that_is_not_graceful_keeps_the_same() -> None:
    with Httpd(CONF, beside=__file__, modules=MODULES) as httpd:
        for name in ("shm", "file"):
            assert call(httpd, "evaluate", name, "cache.set('kept', 1)") == "None"
        old = set(httpd.children())
        os.kill(httpd.parent_pid, signal.SIGHUP)
        wait_for(lambda: httpd.children() and not old & set(httpd.children()))
        assert call(httpd, "evaluate", "shm", "cache.get('kept')") == "None"
        assert call(httpd, "evaluate", "file", "cache.get('kept')") == "1"


@pytest.mark.parametrize("mutex", ["pthread", "sysvsem", "flock"])
def test_the_lock_may_be_of_any_kind(mutex: str) -> None:
    conf = f"Mutex {mutex} python-cache\n{CONF}"
    with Httpd(conf, beside=__file__, modules=MODULES) as httpd:
        assert call(httpd, "evaluate", "shm", "(cache.incr('n'), cache.incr('n'))") == "(1, 2)"
        assert call(httpd, "evaluate", "file", "(cache.incr('n'), cache.incr('n'))") == "(1, 2)"


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
