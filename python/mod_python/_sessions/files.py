"""Sessions as files: ``mp_sess/FIRST TWO DIGITS/SESSION ID``.

A file has two versions of its session, each in a half of one page of memory. A save writes over the older one: this
takes a fraction of what a new file costs, which is made for a new session and for a large one only. Whatever ends a
write in its midst, the newer version is whole: a version counts if its checksum is right.
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from mod_python._sessions.locks import FileLocks
from mod_python._sessions.records import Codec, UnreadableError, is_expired

_READ = os.O_RDONLY | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CLOEXEC
_WRITE_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_SID = re.compile(r"[0-9a-f]{32}")
# A file that a child which was killed has left half written.
_LEFT = re.compile(r"[0-9a-f]{32}\.new\.[0-9a-f]{16}")

# A file of this length has two versions, a longer one has one.
_PAGE = 4096
_HALF = _PAGE // 2
# What stands before the bytes of a version: its number, their length, and a checksum of all three.
_HEAD = struct.Struct("<QII")
_HEADS = struct.Struct(f"<QII{_HALF - _HEAD.size}xQII")
_ROOM = _HALF - _HEAD.size
# How long ago, in seconds, a file was used or saved when a look at it counts as a use again.
_USED_LATELY = 60


def _checksum(number: int, data: bytes) -> int:
    return zlib.crc32(data, (number ^ len(data) << 16) & 0xFFFFFFFF)


def _whole(content: bytes, offset: int, number: int, length: int, check: int) -> tuple[int, int, bytes] | None:
    """Return the version with this head, as number, offset and bytes; None if there is none that is whole."""
    begin = offset + _HEAD.size
    data = content[begin : begin + length]
    return (number, offset, data) if number and len(data) == length and _checksum(number, data) == check else None


def _newest(content: bytes) -> tuple[int, int, bytes] | None:
    """Return the newest version in a file, as number, offset and bytes; None if there is none that is whole."""
    if len(content) > _PAGE:
        return _whole(content, 0, *_HEAD.unpack_from(content))
    if len(content) < _PAGE:
        return None
    first, first_length, first_check, second, second_length, second_check = _HEADS.unpack_from(content)
    if first > second:
        found = _whole(content, 0, first, first_length, first_check)
        return found or _whole(content, _HALF, second, second_length, second_check)
    found = _whole(content, _HALF, second, second_length, second_check)
    return found or _whole(content, 0, first, first_length, first_check)


def _encoded(number: int, data: bytes) -> bytes:
    return _HEAD.pack(number, len(data), _checksum(number, data)) + data


def _content(file: int) -> bytes:
    """Return what an open file has."""
    content = os.read(file, _PAGE + 1)
    if len(content) <= _PAGE:
        return content
    pieces = [content]
    while piece := os.read(file, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


class FileStore:
    """Loads and saves the bytes of sessions.

    Args:
        folder: a folder that nobody else can write into.
        locks: the locks of the sessions; what is locked is not cleaned up.
        codec: how the bytes are to be read, for the clean-up.
    """

    def __init__(self, folder: Path, locks: FileLocks, codec: Codec) -> None:
        self._folder = str(folder)
        self._locks = locks
        self._codec = codec

    def _name(self, sid: str) -> str:
        return f"{self._folder}/{sid[:2]}/{sid}"

    def load(self, sid: str) -> bytes | None:
        """Return the bytes of a session, or None; no bytes if what is there cannot be read.

        The clean-up takes the session as one that is in use.
        """
        return self._load(sid, is_use=True)

    def _load(self, sid: str, *, is_use: bool) -> bytes | None:
        try:
            file = os.open(self._name(sid), _READ)
        except FileNotFoundError:
            return None
        try:
            if is_use and os.fstat(file).st_mtime < time.time() - _USED_LATELY:
                os.utime(file)
            newest = _newest(_content(file))
        finally:
            os.close(file)
        return b"" if newest is None else newest[2]

    def save(self, sid: str, data: bytes) -> None:
        """Write the bytes of a session: whatever happens, the file has the old or the new ones."""
        name = self._name(sid)
        if len(data) > _ROOM:
            _write_new(name, _encoded(1, data).ljust(_PAGE + 1, b"\0"))
        elif not _write_over(name, data):
            _write_new(name, _encoded(1, data).ljust(_PAGE, b"\0"))

    def delete(self, sid: str) -> None:
        """Remove a session, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name(sid))  # noqa: PTH108 - pathlib takes longer than the call

    def clean_up(self, age: float, fast: bool, verify: bool, limit: float) -> int:
        """Remove sessions that have expired, beginning where the last clean-up has ended.

        Args:
            age: how many seconds a file must not have been used to be looked at, if `fast`.
            fast: whether files are chosen by their age; else each is read.
            verify: whether a chosen file is read, and removed only if its own time-out is over.
            limit: after how many seconds to stop, behind one of the 256 folders at least; 0 for never.

        Returns:
            How many were removed; 0, too, if another process or thread cleans up.
        """
        with _only_one(f"{self._folder}/.mp_sess.lck") as is_ours:
            if not is_ours:
                return 0
            begun, removed = time.monotonic(), 0
            oldest = time.time() - age
            first = self._next()
            for step in range(256):
                removed += self._clean_folder(f"{(first + step) % 256:02x}", oldest, fast, verify)
                if limit and time.monotonic() - begun > limit:
                    self._set_next(first + step + 1)
                    break
            else:
                self._set_next(first)
            return removed

    def _next(self) -> int:
        try:
            return int(Path(self._folder, "fs_status.txt").read_text(), 16) % 256
        except (FileNotFoundError, ValueError):
            return 0

    def _set_next(self, number: int) -> None:
        with open(os.open(f"{self._folder}/fs_status.txt", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(b"%02x" % (number % 256))

    def _clean_folder(self, name: str, oldest: float, fast: bool, verify: bool) -> int:
        removed = 0
        with contextlib.suppress(FileNotFoundError):
            for entry in Path(self._folder, name).iterdir():
                with contextlib.suppress(FileNotFoundError):
                    is_old = entry.lstat().st_mtime < oldest
                    if _LEFT.fullmatch(entry.name) and is_old:
                        entry.unlink()
                    elif _SID.fullmatch(entry.name) and (is_old or not fast):
                        removed += self._remove(entry.name, verify or not fast)
        return removed

    def _remove(self, sid: str, verify: bool) -> int:
        token = self._locks.try_lock(sid)
        if token is None:
            return 0  # it is in use
        try:
            if verify and not self._is_expired(sid):
                return 0
            self.delete(sid)
            return 1
        finally:
            self._locks.unlock(sid, token)

    def _is_expired(self, sid: str) -> bool:
        data = self._load(sid, is_use=False)
        try:
            return data is not None and is_expired(self._codec.decode(sid, data), time.time())
        except UnreadableError:
            return True


def _write_over(name: str, data: bytes) -> bool:
    """Write over the older version in a file; return False if there is no file that has two."""
    try:
        file = os.open(name, _WRITE)
    except FileNotFoundError:
        return False
    try:
        content = os.read(file, _PAGE + 1)
        if len(content) != _PAGE:
            return False
        newest = _newest(content)
        number, offset = (1, 0) if newest is None else (newest[0] + 1, _HALF - newest[1])
        version = _encoded(number, data)
        if os.pwrite(file, version, offset) != len(version):
            raise _no_room()
        return True
    except OSError as error:
        error.filename = name  # which writing does not name
        raise
    finally:
        os.close(file)


def _write_new(name: str, content: bytes) -> None:
    """Write a file that takes the place of the one that is there."""
    new = f"{name}.new.{secrets.token_hex(8)}"
    try:
        file = os.open(new, _WRITE_NEW, 0o600)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.dirname(name), 0o700)  # noqa: PTH102, PTH120 - pathlib takes longer than the call
        file = os.open(new, _WRITE_NEW, 0o600)
    try:
        try:
            if os.write(file, content) != len(content):
                raise _no_room()
        except OSError as error:
            error.filename = new  # which writing does not name
            raise
        finally:
            os.close(file)
        os.replace(new, name)  # noqa: PTH105
    except BaseException:
        Path(new).unlink(missing_ok=True)
        raise


def _no_room() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def _only_one(path: str) -> Iterator[bool]:
    """Whether nobody else is in this block now."""
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
