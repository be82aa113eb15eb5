"""Sessions of many clients at once: no update is lost, nobody waits for ever, and a killed child breaks no store."""

import http.client
import json
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from session_stores import KINDS_CONF, SHARED, WithStores

from httpd import Httpd

MPMS = ("event", "prefork")
SERVER = WithStores
CONF = (
    KINDS_CONF
    + """
SetHandler mod_python
PythonHandler call_by_path
PythonOption mod_python.session.lock_timeout 60
PythonOption mod_python.redis_session.lock_seconds 2
"""
)
ALLOW_LOG = ("AH00288",)
CLIENTS = 8


def ask(httpd: Httpd, page: str, kind: str, sid: str | None = None) -> Any:
    """What a page answers, as JSON."""
    cookie = {"Cookie": f"pysid={sid}"} if sid else {}
    answer = httpd.get(f"/call/session_pages/{page}/{kind}", cookie)
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


@pytest.mark.parametrize("kind", SHARED)
def test_no_update_of_one_session_is_lost(httpd: Httpd, kind: str) -> None:
    sid = ask(httpd, "visit", kind)["id"]
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = list(pool.map(lambda _: ask(httpd, "slow", kind, sid)["data"]["visits"], range(80)))
    assert sorted(found) == list(range(2, 82))
    assert ask(httpd, "look", kind, sid)["data"] == {"visits": 81}


@pytest.mark.parametrize("kind", SHARED)
def test_no_update_of_many_sessions_is_lost(httpd: Httpd, kind: str) -> None:
    sids = [ask(httpd, "visit", kind)["id"] for _ in range(10)]
    asked = sids * 20
    random.Random(1).shuffle(asked)
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda sid: ask(httpd, "visit", kind, sid), asked))
    assert [ask(httpd, "look", kind, sid)["data"] for sid in sids] == [{"visits": 21}] * 10


def test_no_update_in_memory_is_lost() -> None:
    """With one child, for each has sessions of its own: httpd starts others when threads are busy."""
    one_child = "ServerLimit 1\nStartServers 1\nThreadsPerChild 16\nMaxRequestWorkers 16\n"
    with WithStores(CONF + one_child, beside=__file__) as httpd:
        sid = ask(httpd, "visit", "MemorySession")["id"]
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda _: ask(httpd, "slow", "MemorySession", sid), range(80)))
        assert ask(httpd, "look", "MemorySession", sid)["data"] == {"visits": 81}


@pytest.mark.parametrize("kind", SHARED)
def test_w140_killed_children_break_no_store_and_keep_no_lock(httpd: Httpd, kind: str) -> None:
    httpd.allow("AH00052|AH00051|AH10273")
    sids = [ask(httpd, "visit", kind)["id"] for _ in range(8)]

    def work(sid: str) -> int:
        """Ask for pages, some of which kill their child when the session is saved, and return how many were counted."""
        counted = 1
        for number in range(6):
            page = "killed" if number == 3 else "visit"
            try:
                answer = httpd.get(f"/call/session_pages/{page}/{kind}", {"Cookie": f"pysid={sid}"})
            except (http.client.HTTPException, OSError):
                continue  # the child of this one was killed
            counted += answer.status == 200
        return counted

    with ThreadPoolExecutor(CLIENTS) as pool:
        counted = list(pool.map(work, sids))
    for sid, least in zip(sids, counted, strict=True):
        found = ask(httpd, "visit", kind, sid)
        assert not found["new"]
        assert found["data"]["visits"] > least


@pytest.mark.parametrize("kind", SHARED)
def test_a_process_that_was_forked_keeps_no_lock_and_frees_none(httpd: Httpd, kind: str) -> None:
    sid = ask(httpd, "visit", kind)["id"]
    process, is_locked = ask(httpd, "forked", kind, sid)
    try:
        assert is_locked
        begun = time.monotonic()
        assert ask(httpd, "visit", kind, sid)["data"] == {"visits": 2}
        assert time.monotonic() - begun < 30  # it waits for no lock of the process, which lives for a minute
    finally:
        os.kill(process, signal.SIGKILL)
