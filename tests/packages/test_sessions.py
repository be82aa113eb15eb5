"""mod_python.Session over httpd: what each kind of session does."""

import json
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from session_stores import KINDS, KINDS_CONF, WithStores

from httpd import Httpd, Response

SERVER = WithStores
CONF = (
    KINDS_CONF
    + """
SetHandler mod_python
PythonHandler call_by_path
LogLevel python:info
PythonOption mod_python.session.lock_timeout 20
<LocationMatch "/json">
    PythonOption mod_python.session.format json
</LocationMatch>
<LocationMatch "/wrong">
    PythonOption mod_python.session.session_type NoSession
</LocationMatch>
<LocationMatch "/open">
    PythonOption mod_python.session.database_directory ${HTDOCS}/open
    PythonOption mod_python.session.session_type FileSession
</LocationMatch>
<LocationMatch "/old_names">
    PythonOption session FileSession
    PythonOption session_cookie_name visit
    PythonOption ApplicationPath /call/
    PythonOption mod_python.session.application_domain localhost.example
    PythonOption mod_python.session.cookie_secure on
    PythonOption mod_python.session.cookie_httponly off
    PythonOption mod_python.session.cookie_samesite None
</LocationMatch>
<LocationMatch "/impatient">
    PythonOption mod_python.session.lock_timeout 0.2
    PythonOption mod_python.session.session_type FileSession
</LocationMatch>
"""
)
PAGES = "/call/session_pages"


@pytest.fixture
def kept(httpd: Httpd) -> Path:
    return httpd.htdocs / "kept"


class Visitor:
    """A client with one cookie."""

    def __init__(self, httpd: Httpd, kind: str) -> None:
        self.httpd = httpd
        self.kind = kind
        self.cookie = ""

    def ask(self, page: str, query: str = "", headers: dict[str, str] | None = None) -> Response:
        """GET a page with the cookie, and keep the one that is sent."""
        cookie = {"Cookie": self.cookie} if self.cookie else {}
        answer = self.httpd.get(f"{PAGES}/{page}/{self.kind}{query}", cookie | (headers or {}))
        for header in answer.headers.get_all("Set-Cookie") or []:
            self.cookie = header.partition(";")[0]
        return answer

    def told(self, page: str, query: str = "", headers: dict[str, str] | None = None) -> Any:
        """What a page answers, as JSON."""
        answer = self.ask(page, query, headers)
        assert answer.status == 200, answer.text
        return json.loads(answer.body)


@pytest.fixture(params=KINDS)
def visitor(httpd: Httpd, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    yield Visitor(httpd, request.param)


def test_w141_a_session_lasts_from_request_to_request(visitor: Visitor) -> None:
    before = time.time()
    first = visitor.told("visit")
    assert visitor.kind.endswith(first["kind"])
    assert re.fullmatch("[0-9a-f]{32}", first["id"])
    assert (first["new"], first["data"], first["timeout"]) == (True, {"visits": 1}, 1800)
    assert before <= first["created"] == first["accessed"] <= time.time()
    second = visitor.told("visit")
    assert (second["new"], second["data"], second["id"]) == (False, {"visits": 2}, first["id"])
    assert second["created"] == first["created"] <= second["accessed"]
    third = visitor.told("look")
    assert third["accessed"] > second["accessed"]  # when it was saved last, not now
    assert visitor.told("look")["accessed"] == third["accessed"]


def test_b139_nothing_is_kept_without_save(visitor: Visitor) -> None:
    visitor.told("visit")
    visitor.told("unsaved")
    assert visitor.told("look")["data"] == {"visits": 1}


def test_b139_a_new_session_sends_its_cookie_even_unsaved(visitor: Visitor) -> None:
    answer = visitor.ask("look")
    assert answer.headers["Set-Cookie"] == f"pysid={json.loads(answer.text)['id']}; path=/; samesite=Lax; httponly"
    assert visitor.told("look")["new"]


def test_an_old_session_sends_no_cookie(visitor: Visitor) -> None:
    visitor.ask("visit")
    assert visitor.ask("visit").headers["Set-Cookie"] is None


def test_w147_over_tls_the_cookie_is_secure(httpd: Httpd) -> None:
    answer = httpd.get(f"{PAGES}/look/FileSession", tls=True)
    assert answer.headers["Set-Cookie"].endswith("; path=/; secure; samesite=Lax; httponly")


def test_w142_each_session_has_another_id(visitor: Visitor) -> None:
    ids = set()
    for _ in range(20):
        visitor.cookie = ""
        ids.add(visitor.told("look")["id"])
    assert len(ids) == 20


def test_w142_an_id_that_nobody_gave_is_not_taken(visitor: Visitor) -> None:
    for wrong in ("0" * 32, "0" * 31, "../../../etc/passwd", "G" * 32, "A" * 32, ""):
        visitor.cookie = f"pysid={wrong}"
        found = visitor.told("visit")
        assert found["new"]
        assert found["id"] != wrong


@pytest.mark.parametrize("query", ["", "?secret=salt"])
def test_an_application_above_has_a_cookie_of_the_same_name(httpd: Httpd, query: str) -> None:
    inner, outer = Visitor(httpd, "FileSession"), Visitor(httpd, "DbmSession")
    inner.told("visit", query)
    outer.told("visit", query)
    outer.cookie = f"pysid=x; {inner.cookie}; {outer.cookie}"  # as a browser has them, the longest path first
    inner.cookie = outer.cookie
    assert inner.told("visit", query)["data"] == {"visits": 2}


def test_w142_an_id_as_an_argument(visitor: Visitor) -> None:
    first = visitor.told("visit")
    visitor.cookie = ""
    assert visitor.told("look", f"?sid={first['id']}")["data"] == {"visits": 1}
    visitor.httpd.expect("ValueError: the id of a session has 32 hexadecimal digits in lower case")
    assert visitor.ask("look", "?sid=../x").status == 500


def test_w141_a_session_ends(visitor: Visitor) -> None:
    first = visitor.told("visit")
    later = visitor.told("later")
    assert later["new"]
    assert later["id"] != first["id"]
    visitor.cookie = ""
    assert visitor.told("visit", "?timeout=7200")["timeout"] == 7200
    assert visitor.told("later")["data"] == {"visits": 1}
    assert visitor.told("longer")["timeout"] == 7
    assert visitor.told("look")["timeout"] == 7
    assert visitor.told("later")["new"]


def test_a_login_has_a_new_id(visitor: Visitor) -> None:
    visitor.told("visit")
    before = visitor.cookie
    old, new, now = visitor.told("login")
    assert (old, now) == (before.removeprefix("pysid="), new)
    assert visitor.cookie == f"pysid={new}"
    assert visitor.told("look")["data"] == {"visits": 1, "user": "ada"}
    visitor.cookie = before
    assert visitor.told("look")["new"]


def test_a_response_has_one_cookie_of_a_session(visitor: Visitor) -> None:
    for page in ("login", "logout"):
        visitor.cookie = ""
        answer = visitor.ask(page, "?cookies=1")
        cookies = answer.headers.get_all("Set-Cookie") or []
        names = [text.partition("=")[0] for text in cookies]
        assert names == ["first", "pysid", "last"]
        assert answer.headers.get_all("Cache-Control") == ['no-cache="set-cookie"']
        assert ("expires=" in cookies[1]) is (page == "logout")
        if page == "login":
            _, new, now = json.loads(answer.text)
            assert cookies[1] == f"pysid={new}; path=/; samesite=Lax; httponly"
            visitor.cookie = f"pysid={now}"
            assert visitor.told("look")["data"] == {"user": "ada"}


def test_objects_of_one_request_have_one_session(visitor: Visitor) -> None:
    for page, data in (
        *(("begin_of_two", {"visits": 1}), ("visit", {"visits": 2}), ("login_of_two", {"visits": 3, "user": "ada"})),
        *(("visit", {"visits": 4, "user": "ada"}), ("anew", {"visits": 1}), ("visit", {"visits": 2})),
    ):
        answer = visitor.ask(page)
        assert json.loads(answer.body)["data"] == data, page
        assert len(answer.headers.get_all("Set-Cookie") or []) == (page != "visit"), page


def test_delete(visitor: Visitor) -> None:
    visitor.told("visit")
    assert visitor.told("delete")["data"] == {}
    assert visitor.told("look")["new"]


def test_invalidate(visitor: Visitor) -> None:
    visitor.told("visit")
    before = visitor.cookie
    answer = visitor.ask("logout")
    assert "expires=Thu, 01 Jan 1970 00:00:00 GMT" in answer.headers["Set-Cookie"]
    visitor.cookie = before
    assert visitor.told("look")["new"]


def test_a_session_that_has_ended_gets_no_new_id(httpd: Httpd) -> None:
    is_same, cookies = Visitor(httpd, "DbmSession").told("renewed_late")
    assert is_same
    assert ["; expires=Thu, 01 Jan 1970 00:00:00 GMT;" in cookie for cookie in cookies] == [True]


def test_a_field_of_a_form_is_kept_as_a_text(visitor: Visitor) -> None:
    part = '--X\r\nContent-Disposition: form-data; name="said"\r\n\r\nhello\r\n--X--'
    visitor.told("visit")
    url, headers = f"{PAGES}/form_field/{visitor.kind}", {"Cookie": visitor.cookie}
    headers["Content-Type"] = "multipart/form-data; boundary=X"
    assert visitor.httpd.request("POST", url, part.encode(), headers).status == 200
    kinds = ("StringField",) if visitor.kind == "MemorySession" else ("str",)
    assert visitor.told("form_field") == [[kind, "hello"] for kind in kinds * 2]


def test_w146_a_signed_session(visitor: Visitor) -> None:
    first = visitor.told("visit", "?secret=salt")
    assert re.fullmatch(f"pysid=[0-9a-f]{{64}}{first['id']}", visitor.cookie)
    assert visitor.told("look", "?secret=salt")["id"] == first["id"]
    for cookie in (f"pysid={first['id']}", visitor.cookie.replace("=", "=0")):
        visitor.cookie = cookie
        assert visitor.told("look", "?secret=salt")["new"]


def test_w140_two_objects_of_one_request_do_not_wait_for_each_other(visitor: Visitor) -> None:
    assert visitor.told("twice") == [True, {"a": 1, "b": 2}]
    assert visitor.told("visit")["data"] == {"a": 1, "b": 2, "visits": 1}


def test_w140_other_sessions_do_not_wait(visitor: Visitor) -> None:
    assert visitor.told("many") == "40 sessions"


def test_w140_an_internal_redirection_does_not_wait_for_itself(visitor: Visitor) -> None:
    visitor.told("visit")
    assert visitor.told("redirected")["data"] == {"visits": 2}


def test_w140_pipelined_requests_do_not_wait_for_each_other(visitor: Visitor) -> None:
    visitor.told("visit")
    head = f"GET {PAGES}/visit/{visitor.kind} HTTP/1.1\r\nHost: localhost\r\nCookie: {visitor.cookie}\r\n"
    answers = visitor.httpd.raw((f"{head}\r\n" * 4 + f"{head}Connection: close\r\n\r\n").encode(), timeout=15)
    assert re.findall(rb'"visits": (\d)', answers) == [b"2", b"3", b"4", b"5", b"6"]


def test_any_value_is_kept(httpd: Httpd) -> None:
    for kind in KINDS:
        visitor = Visitor(httpd, kind)
        assert {visitor.told("value") for _ in range(2)} == {"datetime.datetime(2005, 3, 1, 0, 0)"}


def test_w143_json_takes_no_other_values_and_unpickles_nothing(httpd: Httpd) -> None:
    for kind in KINDS[1:]:
        visitor = Visitor(httpd, f"json/{kind}")
        assert visitor.told("visit")["data"] == visitor.told("look")["data"] == {"visits": 1}
        httpd.expect("TypeError: Object of type datetime is not JSON serializable")
        assert visitor.ask("value").status == 500
        other = Visitor(httpd, kind)
        other.told("visit")
        visitor.cookie = other.cookie
        httpd.expect("a new session begins, because the stored one cannot be read: it is a pickle")
        assert visitor.told("look")["new"]


def test_the_default_is_a_database(httpd: Httpd) -> None:
    assert Visitor(httpd, "").told("look")["kind"] == "DbmSession"


def test_an_unknown_kind_is_refused(httpd: Httpd) -> None:
    httpd.expect(
        "session_type NoSession: write MemorySession or FileSession or DbmSession or SqlSession or RedisSession"
    )
    assert Visitor(httpd, "wrong").ask("look").status == 500


def test_options_and_their_old_names(httpd: Httpd) -> None:
    answer = Visitor(httpd, "old_names").ask("look")
    found = json.loads(answer.text)
    assert found["kind"] == "FileSession"
    assert answer.headers["Set-Cookie"] == (
        f"visit={found['id']}; path=/call/; domain=localhost.example; secure; samesite=None"
    )


def test_w143_the_files_are_for_the_children_alone(httpd: Httpd, kept: Path) -> None:
    found = Visitor(httpd, "FileSession").told("visit")
    Visitor(httpd, "DbmSession").told("visit")
    Visitor(httpd, "FileSession").ask("cleanup")
    httpd.wait_for_log("FileSession has removed")
    folder = kept / "mp_sess"
    paths = [folder, *folder.rglob("*")]
    assert {folder / found["id"][:2] / found["id"], folder / "mp_sess.dbm", folder / "key"} <= set(paths)
    assert {path for path in paths if path.stat().st_mode & 0o077} == set()


def test_w143_a_folder_that_others_can_write_into_is_refused(httpd: Httpd) -> None:
    folder = httpd.htdocs / "open"
    (folder / "mp_sess").mkdir(parents=True)
    (folder / "mp_sess").chmod(0o777)
    httpd.expect("SessionFolderError: .*/open/mp_sess is not a folder of the user .* remove it, or name another one")
    assert Visitor(httpd, "open").ask("look").status == 500


def test_w143_a_file_that_somebody_else_wrote_is_not_read(httpd: Httpd, kept: Path) -> None:
    visitor = Visitor(httpd, "FileSession")
    first, second = visitor.told("visit")["id"], Visitor(httpd, "FileSession").told("visit")["id"]
    folder = kept / "mp_sess"
    right = (folder / second[:2] / second).read_bytes()
    for content in (b"", b"\x80\x04N.", right, right[:-1]):  # that of another session, too
        (folder / first[:2] / first).write_bytes(content)
        visitor.cookie = f"pysid={first}"
        httpd.expect("a new session begins, because the stored one cannot be read: it is not signed")
        assert visitor.told("look")["new"]


def test_w140_a_lock_is_waited_for_as_long_as_the_option_says(httpd: Httpd) -> None:
    visitor = Visitor(httpd, "impatient")
    visitor.told("visit")
    slow = httpd.connect(timeout=20)
    head = f"GET {PAGES}/slow/impatient HTTP/1.1\r\nHost: localhost\r\nCookie: {visitor.cookie}\r\nX-Seconds: 3\r\n"
    slow.sendall(f"{head}Connection: close\r\n\r\n".encode())
    httpd.expect("the session [0-9a-f]{6}... is in use by another request for more than 0.2 s")
    deadline = time.monotonic() + 10
    while visitor.ask("visit").status == 200 and time.monotonic() < deadline:
        pass  # the slow one has not begun yet
    assert visitor.ask("visit", "?lock=0").status == 200
    assert visitor.ask("visit").status == 503
    assert slow.recv(65536).startswith(b"HTTP/1.1 200")


def test_w145_cleaning_up(visitor: Visitor, kept: Path) -> None:
    httpd = visitor.httpd
    short, long = Visitor(httpd, visitor.kind), Visitor(httpd, visitor.kind)
    gone = short.told("visit", "?timeout=1")["id"]
    long.told("visit")
    for path in (kept / "mp_sess").rglob("*"):
        if re.fullmatch("[0-9a-f]{32}", path.name):
            os.utime(path, (time.time() - 9000, time.time() - 9000))
    deadline = time.monotonic() + 20
    while Visitor(httpd, visitor.kind).told("stored", headers={"X-Sid": gone}):  # it is over after a second
        assert time.monotonic() < deadline, httpd.log()
        visitor.ask("cleanup")
        time.sleep(0.1)
    if visitor.kind not in ("RedisSession", "CacheSession"):  # which do it by themselves
        httpd.wait_for_log(rf"{visitor.kind.rpartition('/')[2]} has removed [1-9]\d* expired sessions")
    assert long.told("look")["data"] == {"visits": 1}


def test_classes_of_programs(httpd: Httpd) -> None:
    visitor = Visitor(httpd, "")
    fields = ["_accessed", "_created", "_data", "_timeout"]
    assert visitor.told("own") == [1, 60, fields]
    assert visitor.told("own") == [2, 60, fields]
    httpd.expect("NotImplementedError: BaseSession has no do_load")
    assert httpd.get(f"{PAGES}/no_store").status == 500


def test_nothing_is_left_half_written(kept: Path) -> None:
    assert stat.S_ISDIR((kept / "mp_sess").stat().st_mode)
    assert list(kept.rglob("*.new.*")) == []


def test_a_time_out_is_a_number(httpd: Httpd) -> None:
    visitor = Visitor(httpd, "FileSession")
    assert visitor.told("timed") == [30, 1.5, 7, 2.5, "ValueError", "TypeError", "TypeError", "ValueError"]
    assert visitor.told("look")["timeout"] == 2.5
