"""Durable delivery to Maildirs (https://cr.yp.to/proto/maildir.html)."""

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

HOST = socket.gethostname().replace("/", r"\057").replace(":", r"\072")


class Delivery:
    """Writes one message into one or more Maildirs of one file system.

    It is a context manager: its end removes the temporary file. An OSError of opening or writing is kept for
    `finish`, so that the message can be read from the connection to its end.
    """

    def __init__(self, maildirs: Sequence[Path]) -> None:
        """Make the temporary file in the first of the Maildirs; all of them get a hard link to it."""
        self.name = f"{int(time.time())}.{secrets.token_hex(8)}.{HOST}"
        self._maildirs = maildirs
        self._path = maildirs[0] / "tmp" / self.name
        self._file: BinaryIO | None = None
        self._error: OSError | None = None
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(descriptor, "wb", buffering=65536)
        except OSError as error:
            self._error = error

    def write(self, data: bytes) -> None:
        """Append to the message."""
        if self._file is not None and self._error is None:
            try:
                self._file.write(data)
            except OSError as error:
                self._error = error

    def finish(self) -> None:
        """Sync the message to the disk and link it into `new` of each Maildir.

        Raises:
            OSError: the file system failed; some of the Maildirs may have the message.
        """
        if self._file is None or self._error is not None:
            raise self._error or OSError("the temporary file was not opened")
        self._file.flush()
        os.fsync(self._file.fileno())
        for maildir in self._maildirs:
            new = maildir / "new"
            os.link(self._path, new / self.name)
            folder = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # `finish` raised it
                self._file.close()
