"""The async forms of sessions, in async filters and handlers."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from session_stores import KINDS_CONF, SHARED, WithStores

SERVER = WithStores
MPMS = ("event", "prefork")
CONF = (
    KINDS_CONF
    + """
PythonOutputFilter session_filters SESSIONS
AliasMatch "^/page/" ${HTDOCS}/page.txt
<Location "/page/">
    SetOutputFilter SESSIONS
    PythonOption mod_python.session.lock_timeout 60
</Location>
<Location "/page/impatient/">
    PythonOption mod_python.session.lock_timeout 0.2
</Location>
<Location "/handler/">
    SetHandler mod_python
    PythonHandler session_filters
</Location>
<Location "/loop/">
    SetHandler mod_python
    PythonHandler session_filters::on_loop
</Location>
<Location "/half_imported">
    SetHandler mod_python
    PythonHandler half_imported
</Location>
<Location "/slow/">
    SetHandler mod_python
    PythonHandler session_pages::slow
</Location>
"""
)
ALLOW_LOG = ("AH00288",)
CLIENTS = 8
HALF_IMPORTED = """
import os
import sys
from types import ModuleType

from mod_python import Session, util


def handler(req):
    names = ("mod_python._loop_side", "mod_python._aio")
    known = {name: sys.modules.get(name) for name in names}
    sys.modules.update({name: ModuleType(name) for name in names})
    try:
        if (pid := os.fork()) == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        form = util.FieldStorage(req)
        Session.MemorySession(req).save()
        req.write(form.getfirst("answer", "none"))
    finally:
        for name, module in known.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return 0
"""


@pytest.fixture(autouse=True, scope="module")
def page(httpd: WithStores) -> None:
    httpd.write("page.txt", "a page")


def told(httpd: WithStores, page: str, kind: str, sid: str | None = None, place: str = "page") -> Any:
    answer = httpd.get(f"/{place}/{kind}?{page}", {"Cookie": f"pysid={sid}"} if sid else {})
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


@pytest.mark.parametrize("kind", SHARED)
def test_no_update_is_lost(httpd: WithStores, kind: str) -> None:
    first = told(httpd, "visit", kind)
    assert (first["new"], first["data"], kind.endswith(first["kind"])) == (True, {"visits": 1}, True)
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = list(pool.map(lambda _: told(httpd, "visit", kind, first["id"])["data"]["visits"], range(40)))
    assert sorted(found) == list(range(2, 42))


@pytest.mark.parametrize("kind", ["DbmSession", "RedisSession"])
@pytest.mark.parametrize("place", ["handler", "loop"])
def test_requests_that_take_turns_on_one_thread_do_not_share_a_lock(httpd: WithStores, place: str, kind: str) -> None:
    sid = told(httpd, "visit", kind, place=place)["id"]
    with ThreadPoolExecutor(CLIENTS) as pool:
        visits = list(pool.map(lambda _: told(httpd, "visit", kind, sid, place)["data"]["visits"], range(40)))
    assert sorted(visits) == list(range(2, 42))


@pytest.mark.parametrize("kind", SHARED)
def test_each_form_does_what_the_plain_one_does(httpd: WithStores, kind: str) -> None:
    sid = told(httpd, "visit", kind)["id"]
    assert told(httpd, "reload", kind, sid) == [True, {"visits": 1}]
    assert told(httpd, "twice", kind, sid) == [True]
    old, new, now = told(httpd, "login", kind, sid)
    assert (old, now) == (sid, new)
    assert told(httpd, "look", kind, old)["new"]
    assert told(httpd, "look", kind, new)["data"] == {"visits": 1, "user": "ada"}
    assert told(httpd, "delete", kind, new)["data"] == {}
    assert told(httpd, "look", kind, new)["new"]
    other = told(httpd, "visit", kind)["id"]
    answer = httpd.get(f"/page/{kind}?logout", {"Cookie": f"pysid={other}"})
    assert "expires=Thu, 01 Jan 1970" in answer.headers["Set-Cookie"]
    assert told(httpd, "look", kind, other)["new"]


def test_the_cookie_of_a_new_session_is_sent(httpd: WithStores) -> None:
    answer = httpd.get("/page/FileSession?visit")
    assert re.match("pysid=[0-9a-f]{32}; path=/; samesite=Lax; httponly", answer.headers["Set-Cookie"])


def test_a_lock_that_nobody_waits_for_any_more_is_given_back(httpd: WithStores) -> None:
    assert told(httpd, "given_up", "FileSession") == [["locked", "unlocked"], []]


def test_what_another_thread_imports_for_the_loop_meanwhile_is_no_loop_yet(httpd: WithStores) -> None:
    """A session, a form and a fork ask whether they run on the loop, the module of which is found half imported."""
    httpd.handler("half_imported.py", HALF_IMPORTED)
    answer = httpd.request(
        "POST", "/half_imported", b"answer=42", {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (answer.status, answer.text) == (200, "42")
