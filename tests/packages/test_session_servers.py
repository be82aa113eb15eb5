"""SqlSession and RedisSession, when their servers go away, are not there at first, or refuse; removed files."""

import json
import os
import threading
import time
from typing import Any

import psycopg
import pytest
import redis
from redis_server import url_of
from session_stores import KINDS_CONF, WithStores

from httpd import Response
from server import PROJECT

SERVER = WithStores
CONF = (
    KINDS_CONF
    + """
SetHandler mod_python
PythonHandler call_by_path
ServerLimit 1
StartServers 1
ThreadsPerChild 16
MaxRequestWorkers 16
<LocationMatch "/wrong_url/">
    PythonOption mod_python.sql_session.url somewhere
</LocationMatch>
<LocationMatch "/no_url/">
    PythonOption mod_python.sql_session.url ""
</LocationMatch>
<LocationMatch "/relative/">
    PythonOption mod_python.sql_session.url sqlite:sessions.db
</LocationMatch>
<LocationMatch "/wrong_table/">
    PythonOption mod_python.sql_session.table "mp;drop"
</LocationMatch>
<LocationMatch "/other_table/">
    PythonOption mod_python.sql_session.table web.visits
</LocationMatch>
<LocationMatch "/limited/">
    PythonOption mod_python.sql_session.url "${POSTGRESQL}&options=-c%20role%3Dlimited"
    PythonOption mod_python.sql_session.table web.limited
</LocationMatch>
<LocationMatch "/short/">
    PythonOption mod_python.redis_session.lock_seconds 0.3
    PythonOption mod_python.redis_session.prefix "short:"
</LocationMatch>
<LocationMatch "/key_file/">
    PythonOption mod_python.session.key_file ${HTDOCS}/kept/key
</LocationMatch>
"""
)
SERVERS = ["SqlSession", "RedisSession"]


def ask(httpd: WithStores, page: str, sid: str | None = None, headers: dict[str, str] | None = None) -> Response:
    cookie = {"Cookie": f"pysid={sid}"} if sid else {}
    return httpd.get(f"/call/{page}", cookie | (headers or {}))


def told(httpd: WithStores, page: str, sid: str | None = None, headers: dict[str, str] | None = None) -> Any:
    answer = ask(httpd, page, sid, headers)
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


def break_connections(httpd: WithStores) -> None:
    """End all connections to the stores, on their side."""
    with psycopg.connect(httpd.postgresql_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='mod_python'")
    with redis.Redis.from_url(url_of(httpd.redis.folder)) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


@pytest.mark.parametrize("kind", SERVERS)
def test_a_lost_connection_is_made_anew(httpd: WithStores, kind: str) -> None:
    sid = told(httpd, f"session_pages/visit/{kind}")["id"]
    for visits in range(2, 6):
        break_connections(httpd)
        assert told(httpd, f"session_pages/visit/{kind}", sid)["data"] == {"visits": visits}


@pytest.mark.parametrize("kind", SERVERS)
def test_a_connection_that_is_lost_under_the_lock_loses_no_update(httpd: WithStores, kind: str) -> None:
    sid = told(httpd, f"session_pages/visit/{kind}")["id"]
    answers: list[Response] = []
    slow = threading.Thread(
        target=lambda: answers.append(ask(httpd, f"session_pages/slow/{kind}", sid, {"X-Seconds": "1.5"}))
    )
    slow.start()
    deadline = time.monotonic() + 10
    while ask(httpd, f"session_pages/look/{kind}?lock=0", sid).status == 200 and time.monotonic() < deadline:
        time.sleep(0.1)
        if time.monotonic() > deadline - 9.3:
            break
    break_connections(httpd)
    slow.join()
    assert [answer.status for answer in answers] == [200]
    assert told(httpd, f"session_pages/look/{kind}", sid)["data"] == {"visits": 2}


def test_an_update_that_came_too_late_is_refused(httpd: WithStores) -> None:
    """The lock of Redis ends by itself: who comes then does not overwrite what another has saved."""
    sid = told(httpd, "session_pages/visit/short/RedisSession")["id"]
    answers: list[Response] = []
    page = "session_servers/changed_meanwhile/short/RedisSession"
    late = threading.Thread(target=lambda: answers.append(ask(httpd, page, sid, {"X-Seconds": "3"})))
    late.start()
    visits = 1
    deadline = time.monotonic() + 20
    while late.is_alive() and time.monotonic() < deadline:
        visits = told(httpd, "session_pages/visit/short/RedisSession", sid)["data"]["visits"]
        time.sleep(0.05)
    late.join()
    httpd.expect("the session [0-9a-f]{6}... is not saved: its lock ended, and another request had it")
    assert [answer.status for answer in answers] == [503]
    assert told(httpd, "session_pages/look/short/RedisSession", sid)["data"] == {"visits": visits}


def test_a_late_update_that_nobody_overtook_is_saved(httpd: WithStores) -> None:
    page = "session_servers/saved_late/short/RedisSession"
    sid = told(httpd, "session_pages/visit/short/RedisSession")["id"]
    assert told(httpd, page, sid, {"X-Seconds": "0.6"}) is True
    assert told(httpd, page, None, {"X-Seconds": "0.6"}) is True


def test_a_lock_that_is_anothers_now_is_not_given_back(httpd: WithStores) -> None:
    assert told(httpd, "session_servers/held/RedisSession") == ["another's", "None", "0"]


def test_redis_keeps_a_session_for_its_timeout(httpd: WithStores) -> None:
    page = "session_servers/time_to_live/RedisSession"
    record, lock = told(httpd, page, None, {"X-Timeout": "600"})
    assert 595 <= record <= 602
    assert 15 <= lock <= 20
    record, _ = told(httpd, page, None, {"X-Timeout": "1e30"})
    assert record > 9 * 365 * 86400


def test_a_server_that_is_not_there_at_first_is_used_later(httpd: WithStores) -> None:
    httpd.redis.kill()
    for _ in range(2):
        httpd.expect("redis.exceptions.ConnectionError: ")
        assert ask(httpd, "session_pages/visit/RedisSession").status == 500
    httpd.redis.start()
    assert told(httpd, "session_pages/visit/RedisSession")["new"]


def test_a_table_in_a_schema_is_made_and_used(httpd: WithStores) -> None:
    with psycopg.connect(httpd.postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS web")
        sid = told(httpd, "session_pages/visit/other_table/SqlSession")["id"]
        assert connection.execute("SELECT sid FROM web.visits").fetchall() == [(sid,)]


def test_who_may_not_make_the_table_is_told_how(httpd: WithStores) -> None:
    with psycopg.connect(httpd.postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS web")
        connection.execute("CREATE ROLE limited")
        connection.execute("GRANT USAGE ON SCHEMA web TO limited")
        httpd.expect("SessionStoreError: there is no table web.limited, and this user of the database may not make it")
        assert ask(httpd, "session_pages/visit/limited/SqlSession").status == 500
        for statement in told(httpd, "session_servers/statements?web.limited"):
            assert statement in httpd.log()
            connection.execute(statement)
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON web.limited TO limited")
        assert told(httpd, "session_pages/visit/limited/SqlSession")["new"]


def test_the_statements_stand_in_the_documents(httpd: WithStores) -> None:
    text = (PROJECT / "docs/sessions.md").read_text()
    for statement in told(httpd, "session_servers/statements?mp_session"):
        assert f"{statement};" in " ".join(text.split())


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("wrong_url/SqlSession", "sql_session.url somewhere: write postgresql://USER@HOST/DATABASE"),
        ("no_url/SqlSession", r"sql_session.url \(missing\): write postgresql://USER@HOST/DATABASE"),
        ("relative/SqlSession", "sql_session.url sqlite:sessions.db: write sqlite:///PATH/OF/THE/FILE"),
        ("wrong_table/SqlSession", "sql_session.table mp;drop: write a name, or SCHEMA.NAME"),
    ],
)
def test_a_wrong_option_is_refused(httpd: WithStores, page: str, said: str) -> None:
    httpd.expect(f"ValueError: PythonOption mod_python.{said}")
    assert ask(httpd, f"session_pages/look/{page}").status == 500


@pytest.mark.parametrize(
    ("kind", "package", "said"),
    [
        ("SqlSession", "psycopg", "SqlSession needs psycopg 3 for PostgreSQL ("),
        ("RedisSession", "redis", "RedisSession needs redis-py ("),
    ],
)
def test_a_missing_package_is_named(httpd: WithStores, kind: str, package: str, said: str) -> None:
    answer = told(httpd, f"session_servers/without_package/{kind}?{package}")
    assert answer.startswith(said)
    assert f"install the package python3-{package}" in answer
    assert told(httpd, f"session_pages/look/{kind}")["new"]  # once it is installed


def test_the_pool_keeps_a_few_connections(httpd: WithStores) -> None:
    sleepers = [
        threading.Thread(target=ask, args=(httpd, "session_pages/slow/SqlSession", None, {"X-Seconds": "1"}))
        for _ in range(14)
    ]
    for sleeper in sleepers:
        sleeper.start()
    for sleeper in sleepers:
        sleeper.join()
    assert 1 <= int(ask(httpd, "session_servers/idle/SqlSession").text) <= 8


def test_a_key_that_machines_share(httpd: WithStores) -> None:
    path = httpd.kept / "key"
    path.write_bytes(b"short\n")
    path.chmod(0o640)
    httpd.expect("SessionFolderError: .*/kept/key is no key of sessions: it must have 32 bytes or more")
    if os.geteuid() == 0:
        os.chown(path, -1, 33)
    assert ask(httpd, "session_pages/look/key_file/RedisSession").status == 500
    path.write_bytes(b"k" * 32 + b"\n")
    path.chmod(0o644)
    httpd.expect("SessionFolderError: others can read or change .*/kept/key, the key of sessions")
    assert ask(httpd, "session_pages/look/key_file/RedisSession").status == 500
    path.chmod(0o640)
    sid = told(httpd, "session_pages/visit/key_file/RedisSession")["id"]
    assert told(httpd, "session_pages/look/key_file/RedisSession", sid)["data"] == {"visits": 1}
    httpd.expect("a new session begins, because the stored one cannot be read: it is not signed with the key")
    assert told(httpd, "session_pages/look/RedisSession", sid)["new"]


@pytest.mark.parametrize("kind", ["DbmSession", "sqlite/SqlSession"])
def test_who_removes_the_file_of_the_sessions_ends_them(httpd: WithStores, kind: str) -> None:
    page = f"session_pages/visit/{kind}"
    sids = [told(httpd, page)["id"] for _ in range(3)]
    file = httpd.kept / ("sessions.sqlite" if "/" in kind else "mp_sess/mp_sess.dbm")
    for _ in range(2):
        file.unlink()
        begun = [told(httpd, page, sid) for sid in sids]
        assert file.exists()
        sids = [one["id"] for one in begun]
        again = [told(httpd, page, sid) for sid in sids]
        assert [one["data"]["visits"] for one in begun + again] == [1, 1, 1, 2, 2, 2]
