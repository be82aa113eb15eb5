"""The folder in which sessions are kept: nobody but the user of httpd's children may write there."""

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

_KEY_BYTES = 32
_MOST_KEY_BYTES = 4096

# The keys of folders by their paths, each with what its file looked like when it was read.
_keys: dict[str, tuple[tuple[int, ...], bytes]] = {}


class SessionStoreError(Exception):
    """A store of sessions that cannot be used; the text says what to do."""


class SessionFolderError(SessionStoreError):
    """A place that cannot be used for sessions; the text says what to do."""


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can use, if it is not there, and return its path.

    Raises:
        SessionFolderError: it is another user's, or others can write into it, so that they could make up sessions; or
            it cannot be made.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        try:
            path.mkdir(0o700)
        except FileExistsError:
            pass
        except OSError as error:
            raise _unusable(path, error, "folder", "session.database_directory") from error
        found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise SessionFolderError(
            f"{path} is not a folder of the user {os.geteuid()} into which nobody else can write: "
            f"remove it, or name another one in PythonOption mod_python.session.database_directory"
        )
    return path


def opened(path: str, flags: int, option: str) -> int:
    """Open a file of sessions, which is made if it is not there, and return its descriptor.

    Args:
        path: the file.
        flags: those of `os.open`.
        option: the one that names the file or its folder, without ``mod_python.``.

    Raises:
        SessionFolderError: it cannot be opened or made.
    """
    try:
        return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(Path(path), error, "file", option) from error


def made(path: Path, option: str) -> None:
    """Make a file of sessions that a database locks, if it is not there; one that is there is not opened.

    Where a process closes a file, the locks of the process on it end, also those of SQLite: the next child that ends
    would take itself for the last one, and remove the log in which others write.

    Args:
        path: the file.
        option: as that of `opened`.

    Raises:
        SessionFolderError: it cannot be made or used.
    """
    try:
        if path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if not path.exists():
            _make(path)
        if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            code = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
            raise OSError(code, os.strerror(code))
    except OSError as error:
        raise _unusable(path, error, "file", option) from error


def _make(path: Path) -> None:
    """Make an empty file, which is closed before others see it, unless another child does so first."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    write_new(new, b"")
    try:
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink()


def _unusable(path: Path, error: OSError, kind: str, option: str) -> SessionFolderError:
    step = f"let the user {os.geteuid()} write into" if path.parent.is_dir() else f"make for the user {os.geteuid()}"
    return SessionFolderError(
        f"{path} cannot be made or opened ({error.strerror}): {step} {path.parent}, or name another {kind} in "
        f"PythonOption mod_python.{option}"
    )


def folder_key(folder: Path) -> bytes:
    """Return the key with which the sessions of a folder are signed; it is made once, and kept in the folder."""
    path = f"{folder}/key"
    try:
        # A file that looks as it did is not read again.
        found = os.stat(path)  # noqa: PTH116
        state = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
        known = _keys.get(path)
        if known is None or known[0] != state:
            known = _keys[path] = state, _read(Path(path))
        return known[1]
    except FileNotFoundError:
        # Several children may make one at the same time: the first one counts, and is never seen half written.
        new = folder / f"key.{secrets.token_hex(8)}"
        write_new(new, secrets.token_bytes(_KEY_BYTES))
        try:
            with contextlib.suppress(FileExistsError):
                os.link(new, path)
        finally:
            new.unlink()
        return _read(Path(path))


def key_of_file(path: Path) -> bytes:
    """Return the key that a file has, which several machines can share.

    Raises:
        SessionFolderError: it cannot be read, or is too short, or others can read or change it.
    """
    try:
        with open(path, "rb") as file:
            mode, key = os.fstat(file.fileno()).st_mode, file.read(_MOST_KEY_BYTES).strip()
    except OSError as error:
        raise SessionFolderError(
            f"{path}, the key of sessions, cannot be read ({error.strerror}): write what openssl rand -hex 32 prints "
            f"into it, and let the group of the user {os.geteuid()} read it"
        ) from error
    if mode & 0o027:
        raise SessionFolderError(f"others can read or change {path}, the key of sessions: run chmod 0640 on it")
    if len(key) < _KEY_BYTES:
        raise SessionFolderError(f"{path} is no key of sessions: it must have {_KEY_BYTES} bytes or more")
    return key


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, and that only its owner can read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


def _read(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise SessionFolderError(f"{path} is no key of {_KEY_BYTES} bytes: remove it, and all sessions begin anew")
    return key
