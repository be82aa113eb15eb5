"""The files of FileSession: whatever ends a write in its midst, one of the last two versions is there, whole."""

import contextlib
import hmac
import os
import re
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mod_python._sessions.files import FileStore
from mod_python._sessions.locks import FileLocks
from mod_python._sessions.records import ACCESSED, CREATED, DATA, TIMEOUT, Codec, is_expired

SID = "0123456789abcdef" * 2
SMALL = (0, 1, 100, 2032)  # what half a page has room for
LARGE = (2033, 4079, 4080, 4081, 5000, 100_000, 3_000_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FileStore]:
    yield FileStore(tmp_path, FileLocks(str(tmp_path / "locks")), Codec(b"k" * 32, "pickle"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / SID[:2] / SID


def test_what_was_saved_last_is_loaded(store: FileStore, file: Path) -> None:
    assert store.load(SID) is None
    for size in (*SMALL, *LARGE, *reversed(SMALL), 5000, 1, 2032, 2033):
        for _ in range(3):
            data = os.urandom(size)
            store.save(SID, data)
            assert store.load(SID) == data
    assert [path.name for path in file.parent.iterdir()] == [SID]
    store.delete(SID)
    store.delete(SID)
    assert store.load(SID) is None


def test_a_small_session_stays_in_its_file(store: FileStore, file: Path) -> None:
    store.save(SID, b"first")
    before = file.stat()
    for number in range(9):
        store.save(SID, b"%d" % number)
    assert (file.stat().st_ino, file.stat().st_size) == (before.st_ino, 4096)


def test_a_write_that_ends_anywhere_leaves_a_whole_version(store: FileStore, file: Path) -> None:
    saved = [b"first" * 20, b"the second" * 30, b"3", b"the fourth" * 10]
    for data in saved:
        store.save(SID, data)
    before = file.read_bytes()
    store.save(SID, b"the last one" * 15)
    after = file.read_bytes()
    changed = [at for at in range(4096) if before[at] != after[at]]
    assert changed[-1] - changed[0] < 2048  # one of the two versions
    for end in range(changed[0], changed[-1] + 2):
        file.write_bytes(after[:end] + before[end:])
        whole = store.load(SID)
        assert whole == (b"the last one" * 15 if end > changed[-1] else saved[-1])
        store.save(SID, b"goes on")
        assert store.load(SID) == b"goes on"


def test_what_is_no_version_is_not_loaded(store: FileStore, file: Path) -> None:
    store.save(SID, b"some bytes")
    right = file.read_bytes()
    store.save(SID, b"other bytes" * 1000)
    long = file.read_bytes()
    for content in (b"", b"\x80\x04N.", right[:-1], bytes(4096), b"\xff" * 4096, b"\xff" * 5000, long[:-1000]):
        file.write_bytes(content)
        assert store.load(SID) == b""
        store.save(SID, b"anew")
        assert store.load(SID) == b"anew"


def test_readers_and_writers_without_locks(store: FileStore) -> None:
    values = [bytes([65 + number]) * (50 + 600 * number) for number in range(4)]
    store.save(SID, values[0])
    deadline = time.monotonic() + 0.5
    wrong: list[bytes | None] = []

    def write(number: int) -> None:
        while time.monotonic() < deadline:
            store.save(SID, values[number])

    def read() -> None:
        while time.monotonic() < deadline:
            if (found := store.load(SID)) not in values:
                wrong.append(found)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    threads += [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not wrong


def test_a_look_counts_as_a_use(store: FileStore, file: Path) -> None:
    store.save(SID, b"data")
    for age, is_noted in ((30, False), (90, True)):
        used = time.time() - age
        os.utime(file, (used, used))
        store.load(SID)
        assert (file.stat().st_mtime > used + 1) is is_noted


def test_the_clean_up_reads_what_a_save_has_written(store: FileStore) -> None:
    codec = Codec(b"k" * 32, "pickle")
    for accessed, removed in ((time.time(), 0), (time.time() - 100, 1)):
        record = {DATA: {}, CREATED: 0, ACCESSED: accessed, TIMEOUT: 10}
        store.save(SID, codec.encode(SID, record))
        assert store.clean_up(0, fast=False, verify=True, limit=0) == removed
    assert store.load(SID) is None


def test_records_are_signed_by_hmac_sha_256() -> None:
    for length in (32, 64, 65, 4096):
        key = os.urandom(length)
        data = Codec(key, "json").encode(SID, {DATA: {}})
        assert data[:32] == hmac.digest(key, SID.encode() + data[32:], "sha256")


def test_the_clean_up_goes_on_behind_bad_records(tmp_path: Path) -> None:
    codec = Codec(b"k" * 32, "pickle")
    store = FileStore(tmp_path, FileLocks(str(tmp_path / "locks")), codec)
    now = time.time()
    spoilt = {DATA: {}, CREATED: now, ACCESSED: now, TIMEOUT: "30"}
    for number, record in enumerate((spoilt, spoilt | {TIMEOUT: 60}, spoilt | {TIMEOUT: 0}, spoilt | {ACCESSED: None})):
        sid = f"{number:x}" * 32
        store.save(sid, codec.encode(sid, record))
    assert [is_expired({**spoilt, TIMEOUT: timeout}, now + 1) for timeout in ("30", None, 60, 0.5)] == [1, 1, 0, 1]
    assert store.clean_up(0, False, True, 0) == 3
    assert [store.load(f"{number:x}" * 32) is None for number in range(4)] == [True, False, True, True]


@contextlib.contextmanager
def files_of_at_most(length: int) -> Iterator[None]:
    """Have the kernel refuse to write behind so many bytes of a file, as where the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("length", [0, 1000])
def test_what_cannot_be_written_is_named_and_the_old_version_stays(store: FileStore, file: Path, length: int) -> None:
    with files_of_at_most(length), pytest.raises(OSError, match=rf"'{re.escape(str(file))}\.new\.[0-9a-f]+'$"):
        store.save(SID, b"first")
    assert os.listdir(file.parent) == []
    store.save(SID, b"first")
    with files_of_at_most(length), pytest.raises(OSError, match=f"'{re.escape(str(file))}'$"):
        store.save(SID, b"x" * 2000)
    assert store.load(SID) == b"first"
    store.save(SID, b"second")
    assert store.load(SID) == b"second"
