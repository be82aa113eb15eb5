"""The options of sessions: where they are kept, how they are cleaned up, and what old programs set."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from httpd import Httpd

CLEANING = ("both", "slow", "unverified", "grace", "limit", "held")
CONF = "\n".join(
    [
        """
SetHandler mod_python
PythonHandler call_by_path
LogLevel python:info
PythonOption mod_python.session.session_type FileSession
PythonOption mod_python.session.database_directory ${HTDOCS}/kept
<Directory "${HTDOCS}">
    RewriteEngine On
    RewriteRule rewritten$ /app/page
</Directory>
<Directory "${HTDOCS}/app">
    PythonHandler session_pages::visit_json
</Directory>
<Directory "${HTDOCS}/my app's (ü)">
    PythonHandler session_pages::visit_json
</Directory>
<Directory "${HTDOCS}/a;b">
    PythonHandler session_pages::visit_json
</Directory>
<LocationMatch "/dbm/folder">
    PythonOption mod_python.dbm_session.database_directory ${HTDOCS}/dbm
</LocationMatch>
<LocationMatch "/dbm/file">
    PythonOption mod_python.dbm_session.database_filename ${HTDOCS}/dbm/own
</LocationMatch>
<LocationMatch "/dbm/text">
    PythonOption mod_python.dbm_session.database_filename ${HTDOCS}/dbm/text
</LocationMatch>
<LocationMatch "/slow">
    PythonOption mod_python.file_session.enable_fast_cleanup false
</LocationMatch>
<LocationMatch "/unverified">
    PythonOption mod_python.file_session.verify_session_timeout no
</LocationMatch>
<LocationMatch "/grace">
    PythonOption mod_python.file_session.cleanup_grace_period 50
</LocationMatch>
<LocationMatch "/limit">
    PythonOption mod_python.file_session.cleanup_time_limit 0.000001
</LocationMatch>
<LocationMatch "/wrong_flag">
    PythonOption mod_python.session.cookie_secure perhaps
</LocationMatch>
<LocationMatch "/wrong_number">
    PythonOption mod_python.session.lock_timeout soon
</LocationMatch>
<LocationMatch "/wrong_format">
    PythonOption mod_python.session.format marshal
</LocationMatch>
<LocationMatch "/wrong_samesite">
    PythonOption mod_python.session.cookie_samesite maybe
</LocationMatch>
<LocationMatch "/blank_path">
    PythonOption mod_python.session.application_path "/my app/%C3%BC/ü"
</LocationMatch>
<LocationMatch "/wrong_path">
    PythonOption mod_python.session.application_path shop
</LocationMatch>
<LocationMatch "/wrong_folder">
    PythonOption mod_python.session.database_directory ${HTDOCS}/nowhere
</LocationMatch>
<LocationMatch "/dbm/relative">
    PythonOption mod_python.dbm_session.database_filename shop.dbm
</LocationMatch>
<LocationMatch "/dbm/nowhere">
    PythonOption mod_python.dbm_session.database_filename ${HTDOCS}/nowhere/own
</LocationMatch>
<LocationMatch "/no_folder">
    PythonOption mod_python.session.session_type SqlSession
    PythonOption mod_python.sql_session.url sqlite://${HTDOCS}/nowhere/sessions
</LocationMatch>
<LocationMatch "/no_key">
    PythonOption mod_python.session.key_file ${HTDOCS}/nowhere/key
</LocationMatch>
<LocationMatch "/no_redis">
    PythonOption mod_python.session.session_type RedisSession
    PythonOption mod_python.redis_session.url localhost:6379
</LocationMatch>
<LocationMatch "/only_json">
    PythonOption mod_python.session.format json
</LocationMatch>
<LocationMatch "/no_samesite">
    PythonOption mod_python.session.cookie_samesite off
    PythonOption mod_python.session.cookie_name __Host-visit
    PythonOption mod_python.session.cookie_secure on
</LocationMatch>
<LocationMatch "/bad_key">
    PythonOption mod_python.session.database_directory ${HTDOCS}/badkey
</LocationMatch>
<LocationMatch "/old_names">
    PythonOption mod_python.session.session_type ""
    PythonOption mod_python.session.database_directory ""
    PythonOption session 1
    PythonOption session_cookie_name 2
    PythonOption ApplicationPath 3
    PythonOption session_directory 4
    PythonOption session_dbm 5
    PythonOption session_fast_cleanup 6
    PythonOption session_verify_cleanup 7
    PythonOption session_grace_period 8
    PythonOption session_cleanup_time_limit 9
</LocationMatch>
""",
        *(
            f"""<LocationMatch "/{name}">
    PythonOption mod_python.file_session.database_directory ${{HTDOCS}}/{name}
</LocationMatch>"""
            for name in CLEANING
        ),
    ]
)
PAGES = "/call/session_options"


@pytest.fixture(autouse=True, scope="module")
def folders(httpd: Httpd) -> Iterator[None]:
    for name in ("kept", "dbm", "badkey", *CLEANING):
        (httpd.htdocs / name).mkdir()
        (httpd.htdocs / name).chmod(0o777)
    yield


def told(httpd: Httpd, page: str, headers: dict[str, str] | None = None) -> Any:
    answer = httpd.get(f"{PAGES}/{page}", headers)
    assert answer.status == 200, answer.text
    return json.loads(answer.body) if answer.body else None


def aged(httpd: Httpd, where: str, *, accessed: float, changed: float, timeout: float = 10) -> str:
    """The id of a session that was accessed so many seconds ago, whose file was changed so many seconds ago."""
    headers = {"X-Accessed": str(accessed), "X-Changed": str(changed), "X-Timeout": str(timeout)}
    sid = told(httpd, f"aged/{where}", headers)
    assert isinstance(sid, str)
    return sid


def cleaned(httpd: Httpd, where: str, *sids: str, query: str = "") -> list[bool]:
    """Whether each of the sessions is there after a clean-up."""
    before = httpd.log().count("FileSession has removed")
    for _ in range(10):
        told(httpd, f"clean/{where}{query}")  # again, because while one goes on, another does nothing
        deadline = time.monotonic() + 5
        while httpd.log().count("FileSession has removed") == before and time.monotonic() < deadline:
            time.sleep(0.02)
        if httpd.log().count("FileSession has removed") > before:
            break
    return [told(httpd, f"is_there/{where}?{sid}") for sid in sids]


def test_w145_the_clean_up_looks_at_old_files_and_reads_them(httpd: Httpd) -> None:
    old = aged(httpd, "both", accessed=3000, changed=3000)
    long = aged(httpd, "both", accessed=3000, changed=3000, timeout=4000)
    new_file = aged(httpd, "both", accessed=3000, changed=0)
    within_grace = aged(httpd, "both", accessed=3000, changed=1800 + 200)
    assert cleaned(httpd, "both", old, long, new_file, within_grace) == [False, True, True, True]


def test_w145_without_the_fast_clean_up_each_file_is_read(httpd: Httpd) -> None:
    new_file = aged(httpd, "slow", accessed=3000, changed=0)
    long = aged(httpd, "slow", accessed=3000, changed=3000, timeout=4000)
    assert cleaned(httpd, "slow", new_file, long) == [False, True]


def test_w145_without_a_look_at_their_timeouts_old_files_are_removed(httpd: Httpd) -> None:
    long = aged(httpd, "unverified", accessed=3000, changed=3000, timeout=4000)
    new_file = aged(httpd, "unverified", accessed=3000, changed=0)
    assert cleaned(httpd, "unverified", long, new_file) == [False, True]


def test_the_arguments_of_a_file_session_come_before_the_options(httpd: Httpd) -> None:
    long = aged(httpd, "both", accessed=3000, changed=3000, timeout=4000)
    new_file = aged(httpd, "both", accessed=3000, changed=0)
    assert cleaned(httpd, "both", long, new_file, query="?0,1") == [True, False]
    assert cleaned(httpd, "both", long, query="?1,0") == [False]


def test_the_grace_period(httpd: Httpd) -> None:
    old = aged(httpd, "grace", accessed=3000, changed=1800 + 100)
    within = aged(httpd, "grace", accessed=3000, changed=1800 + 20)
    assert cleaned(httpd, "grace", old, within) == [False, True]


def test_a_clean_up_ends_in_time_and_the_next_one_goes_on(httpd: Httpd) -> None:
    sid = aged(httpd, "limit", accessed=3000, changed=3000)
    status = httpd.htdocs / "limit/mp_sess/fs_status.txt"
    status.write_text(f"{int(sid[:2], 16) - 1 & 255:02x}")
    status.chmod(0o666)
    assert cleaned(httpd, "limit", sid) == [True]
    assert status.read_text() == sid[:2]
    assert cleaned(httpd, "limit", sid) == [False]
    assert status.read_text() == f"{int(sid[:2], 16) + 1 & 255:02x}"


def test_a_session_in_use_is_not_removed(httpd: Httpd) -> None:
    used = aged(httpd, "held", accessed=3000, changed=3000)
    other = aged(httpd, "held", accessed=3000, changed=3000)
    assert told(httpd, f"hold/held?{other}", {"X-Sid": used}) is True
    httpd.wait_for_log("FileSession has removed 1 expired")
    deadline = time.monotonic() + 20
    while cleaned(httpd, "held", used, other) != [False, False]:  # the request is over soon after its response
        assert time.monotonic() < deadline


def test_where_the_file_of_a_database_is(httpd: Httpd) -> None:
    assert told(httpd, "dbm/folder") == [str(httpd.htdocs / "dbm/mp_sess/mp_sess.dbm"), True]
    assert told(httpd, "dbm/file") == [str(httpd.htdocs / "dbm/own"), True]
    assert told(httpd, "dbm/relative") == [str(httpd.htdocs / "kept/mp_sess/shop.dbm"), True]
    named = str(httpd.htdocs / "dbm/argument")
    assert told(httpd, f"dbm/file?{named}") == [named, True]


def test_a_file_that_is_no_database_is_refused(httpd: Httpd) -> None:
    (httpd.htdocs / "dbm/text").write_bytes(b"This is no database, but a text.\n" * 100)
    (httpd.htdocs / "dbm/text").chmod(0o666)
    httpd.expect("SessionFolderError: .*/dbm/text is no file of SQLite .*remove it, or name another one in")
    for _ in range(2):
        assert httpd.get(f"{PAGES}/dbm/text").status == 500
    (httpd.htdocs / "dbm/text").unlink()
    assert told(httpd, "dbm/text")[1]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("wrong_flag", "ValueError: PythonOption mod_python.session.cookie_secure perhaps: write true or false"),
        ("wrong_number", "ValueError: PythonOption mod_python.session.lock_timeout soon: write a number of seconds"),
        ("wrong_path", "ValueError: PythonOption mod_python.session.application_path shop: .* with a slash: /shop"),
        ("wrong_folder", "SessionFolderError: .*/nowhere/mp_sess cannot be made .*: make .*database_directory"),
        ("wrong_format", "ValueError: PythonOption mod_python.session.format marshal: write pickle or json"),
        (
            "no_folder",
            "SessionFolderError: .*/nowhere/sessions.locks cannot be made .*: make .*/nowhere.*sql_session.url",
        ),
        ("no_key", "SessionFolderError: .*/nowhere/key, the key of sessions, cannot be read .*: write what openssl"),
        ("no_redis", "ValueError: PythonOption mod_python.redis_session.url localhost:6379: write redis://"),
        ("wrong_samesite", "CookieError: samesite of the cookie pysid is Strict, Lax or None, not 'maybe'"),
    ],
)
def test_a_wrong_option_says_what_to_write(httpd: Httpd, page: str, said: str) -> None:
    httpd.expect(said)
    assert httpd.get(f"/call/session_pages/look/{page}").status == 500


def test_a_file_of_a_database_that_cannot_be_made_says_what_to_do(httpd: Httpd) -> None:
    httpd.expect("SessionFolderError: .*/nowhere/own cannot be made .*: make .*/nowhere, or .*database_filename")
    assert httpd.get(f"{PAGES}/dbm/nowhere").status == 500
    assert "IndexError" not in httpd.log()  # that the pool was empty


def test_values_that_are_not_kept_are_named(httpd: Httpd) -> None:
    httpd.expect("is not JSON serializable")
    assert httpd.get("/call/session_pages/value/only_json").status == 500
    assert "PythonOption mod_python.session.format is json, which does not take ['when']" in httpd.log()


def test_a_cookie_for_this_host_alone(httpd: Httpd) -> None:
    cookie = httpd.get("/call/session_pages/look/no_samesite").headers["Set-Cookie"]
    assert re.fullmatch("__Host-visit=[0-9a-f]{32}; path=/; secure; httponly", cookie)


def test_a_key_that_was_cut_is_refused(httpd: Httpd) -> None:
    assert told(httpd, "clean/bad_key") is None
    (httpd.htdocs / "badkey/mp_sess/key").write_bytes(b"short")
    httpd.expect("SessionFolderError: .*/badkey/mp_sess/key is no key of 32 bytes: remove it, and all sessions begin")
    assert httpd.get(f"{PAGES}/clean/bad_key").status == 500


def test_old_names_of_options(httpd: Httpd) -> None:
    assert list(told(httpd, "old_names").values()) == [str(number) for number in range(1, 10)]


def test_the_path_of_the_cookie_is_that_of_the_folder(httpd: Httpd) -> None:
    (httpd.htdocs / "app").mkdir()
    httpd.write("app/page", "")
    for url, path in (("/app/page", "/app/"), ("/app/rewritten", "/app/"), ("/rewritten", "/")):
        assert f"; path={path}; " in httpd.get(url).headers["Set-Cookie"]


def test_the_path_of_an_option_is_as_browsers_send_it(httpd: Httpd) -> None:
    cookie = httpd.get("/call/session_pages/visit/blank_path").headers["Set-Cookie"]
    assert "; path=/my%20app/%C3%BC/%C3%BC; " in cookie


def test_the_path_of_the_cookie_is_as_browsers_send_it(httpd: Httpd) -> None:
    for folder, path in (("my app's (ü)", "/my%20app's%20(%C3%BC)/"), ("a;b", "/")):
        (httpd.htdocs / folder).mkdir()
        httpd.write(f"{folder}/page", "")
        url = quote(f"/{folder}/page", safe="/;'()")
        assert f"; path={path}; " in httpd.get(url).headers["Set-Cookie"]


def test_the_names_of_the_module(httpd: Httpd) -> None:
    assert told(httpd, "names") == ["pysid", 1800, True, 1000, True, True, 240, 2, True, True]


def test_variables_of_the_module_can_be_set(httpd: Httpd) -> None:
    assert told(httpd, "module_settings") == [77, 1, "visit"]


def test_hooks_of_a_subclass(httpd: Httpd) -> None:
    assert told(httpd, "hooks") == [["init_lock", "unlock", "lock"], True]


def test_arguments_by_position(httpd: Httpd) -> None:
    assert told(httpd, "orders") == [[5, None]] * 4
