"""Sessions as files: ``mp_sess/FIRST TWO DIGITS/SESSION ID``."""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from mod_python._sessions.locks import FileLocks
from mod_python._sessions.records import Codec, UnreadableError, is_expired

_WRITE_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_SID = re.compile(r"[0-9a-f]{32}")
# A file that a child which was killed has left half written.
_LEFT = re.compile(r"[0-9a-f]{32}\.new\.[0-9a-f]{16}")


class FileStore:
    """Loads and saves the bytes of sessions.

    Args:
        folder: a folder that nobody else can write into.
        locks: the locks of the sessions; what is locked is not cleaned up.
        codec: how the bytes are to be read, for the clean-up.
    """

    def __init__(self, folder: Path, locks: FileLocks, codec: Codec) -> None:
        self._folder = folder
        self._locks = locks
        self._codec = codec

    def _path(self, sid: str) -> Path:
        return Path(self._name(sid))

    def _name(self, sid: str) -> str:
        return f"{self._folder}/{sid[:2]}/{sid}"

    def load(self, sid: str) -> bytes | None:
        """Return the bytes of a session, or None. The clean-up takes it as one that is in use."""
        try:
            with open(self._name(sid), "rb", 0) as file:
                os.utime(file.fileno())
                return file.readall()
        except FileNotFoundError:
            return None

    def save(self, sid: str, data: bytes) -> None:
        """Write the bytes of a session: whatever happens, the file has the old or the new ones."""
        name = self._name(sid)
        new = f"{name}.new.{secrets.token_hex(8)}"
        try:
            file = os.open(new, _WRITE_NEW, 0o600)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.dirname(name), 0o700)  # noqa: PTH102, PTH120 - pathlib takes longer than the call
            file = os.open(new, _WRITE_NEW, 0o600)
        try:
            try:
                if os.write(file, data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), new)
            finally:
                os.close(file)
            os.replace(new, name)  # noqa: PTH105
        except BaseException:
            Path(new).unlink(missing_ok=True)
            raise

    def delete(self, sid: str) -> None:
        """Remove a session, if it is there."""
        self._path(sid).unlink(missing_ok=True)

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
        with _only_one(self._folder / ".mp_sess.lck") as is_ours:
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
            return int((self._folder / "fs_status.txt").read_text(), 16) % 256
        except (FileNotFoundError, ValueError):
            return 0

    def _set_next(self, number: int) -> None:
        with open(os.open(self._folder / "fs_status.txt", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(b"%02x" % (number % 256))

    def _clean_folder(self, name: str, oldest: float, fast: bool, verify: bool) -> int:
        removed = 0
        with contextlib.suppress(FileNotFoundError):
            for entry in (self._folder / name).iterdir():
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
        data = self._path(sid).read_bytes()
        try:
            return is_expired(self._codec.decode(sid, data), time.time())
        except UnreadableError:
            return True


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[bool]:
    """Whether nobody else is in this block now."""
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
