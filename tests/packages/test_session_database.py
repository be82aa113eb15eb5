"""The file of SQLite that DbmSession has its sessions in."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mod_python import testing  # first: it stands for httpd
from mod_python._sessions import database
from mod_python._sessions.database import DatabaseStore
from mod_python._sessions.folder import SessionFolderError

assert testing


def test_others_can_save_while_many_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sessions"
    store = DatabaseStore(path)
    assert store.load("0" * 32) is None
    with sqlite3.connect(path) as connection:
        expired = [(f"{number:032x}", 1.0, b"old") for number in range(2500)]
        connection.executemany("INSERT INTO session VALUES (?, ?, ?)", expired)
        connection.executemany("INSERT INTO session VALUES (?, 4e9, ?)", [("f" * 32, b"new")])
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    saved: list[str] = []

    def save(_seconds: float) -> None:
        sid = f"e{len(saved):031x}"
        other.execute("INSERT INTO session VALUES (?, 4e9, ?)", (sid, b"meanwhile"))
        saved.append(sid)

    monkeypatch.setattr(time, "sleep", save)
    assert store.clean_up(2.0) == 2500
    other.close()
    assert len(saved) == 2
    assert [store.load(sid) for sid in ("f" * 32, *saved)] == [b"new", b"meanwhile", b"meanwhile"]
    store._pool.close()


ENDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("INSERT INTO session VALUES ('other', 4e9, x'00')")
connection.close()
"""


def test_a_child_that_ends_leaves_the_log_to_those_that_go_on(tmp_path: Path) -> None:
    """The last one to close a file of SQLite removes its log; a child whose locks were lost would not be seen."""
    path = tmp_path / "sessions"
    store = DatabaseStore(path)
    for connection in [store._pool.take() for _ in range(3)]:  # as of three threads at once
        store._pool.give(connection)
    store.save("before", b"1", 4e9)
    subprocess.run([sys.executable, "-c", ENDS, path], check=True)
    assert (tmp_path / "sessions-wal").exists()
    store.save("behind", b"1", 4e9)
    with sqlite3.connect(path) as other:
        found = other.execute("SELECT sid FROM session ORDER BY sid").fetchall()
    other.close()
    assert found == [("before",), ("behind",), ("other",)]
    store._pool.close()


def test_the_file_is_private_and_no_link(tmp_path: Path) -> None:
    path = tmp_path / "sessions"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SessionFolderError, match=r"sessions cannot be made or opened \(.*symbolic links\)"):
        DatabaseStore(path).load("0" * 32)
    path.unlink()
    store = DatabaseStore(path)
    assert store.load("0" * 32) is None
    assert path.stat().st_mode & 0o777 == 0o600
    store._pool.close()
    assert os.listdir(tmp_path) == ["sessions"]


@pytest.mark.parametrize(("code", "tries"), [(sqlite3.SQLITE_FULL, 1), (sqlite3.SQLITE_BUSY_RECOVERY, 3)])
def test_only_what_others_hold_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, tries: int
) -> None:
    """A full disk has no request hold its thread."""
    tried = []

    class Failing(database._Connection):
        def executescript(self, script: str, /) -> sqlite3.Cursor:
            tried.append(script)
            if len(tried) < 3:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = code
                raise error
            return super().executescript(script)

    monkeypatch.setattr(database, "_Connection", Failing)
    store = DatabaseStore(tmp_path / "sessions")
    if tries == 1:
        with pytest.raises(sqlite3.OperationalError, match="disk is full") as caught:
            store.load("0" * 32)
        assert caught.value.__notes__ == [f"The file of the sessions is {tmp_path}/sessions."]
    else:
        assert store.load("0" * 32) is None
    assert len(tried) == tries
    store._pool.close()


def test_an_error_of_a_file_that_was_removed_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "sessions"
    store = DatabaseStore(path)
    assert store.load("0" * 32) is None
    tries: list[sqlite3.Connection] = []

    def work(connection: sqlite3.Connection) -> int:
        tries.append(connection)
        if len(tries) == 1:
            path.unlink()
        if len(tries) != 2:
            raise sqlite3.OperationalError("disk I/O error")
        return connection.execute("SELECT count(*) FROM session").fetchone()[0]  # type: ignore[no-any-return]

    assert store._pool.run(work) == 0
    with pytest.raises(sqlite3.OperationalError):
        store._pool.run(work)
    assert len(tries) == 3
    store._pool.close()


def test_a_file_that_breaks_while_it_is_used_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "sessions"
    store, other = DatabaseStore(path), DatabaseStore(path)
    for one in (store, other):
        assert one.load("0" * 32) is None
    store.save("0" * 32, b"old", 4e9)
    with open(path, "r+b") as file:
        file.write(b"x" * 8192)
    path.with_name("sessions-wal").unlink()
    path.with_name("sessions-shm").unlink()
    store._pool.close()
    other.save("1" * 32, b"new", 4e9)  # its connection has pages of the old file
    assert {other.load("1" * 32), store.load("1" * 32)} <= {b"new", None}
    for one in (store, other):
        one.save("2" * 32, b"newer", 4e9)
        assert [store.load("2" * 32), other.load("2" * 32)] == [b"newer"] * 2
        one._pool.close()


def test_a_file_with_more_than_sessions_is_never_removed(tmp_path: Path) -> None:
    """That of SqlSession is the database of a site."""
    path = tmp_path / "site.db"
    store = DatabaseStore(path, is_own=False)
    store.save("0" * 32, b"old", 4e9)
    store._pool.close()
    broken = b"x" * path.stat().st_size
    path.write_bytes(broken)
    for _ in range(2):
        with pytest.raises(SessionFolderError, match=r"site\.db is no file of SQLite .*: restore it"):
            store.load("0" * 32)
    assert path.read_bytes() == broken
    store._pool.close()
