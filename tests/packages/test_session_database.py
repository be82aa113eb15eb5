"""The file of SQLite that DbmSession has its sessions in."""

import sqlite3
import time
from pathlib import Path

import pytest

from mod_python import testing  # first: it stands for httpd
from mod_python._sessions.database import DatabaseStore

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
