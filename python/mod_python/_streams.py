"""``sys.stdout`` and ``sys.stderr`` of the interpreters: they write to httpd's error log."""

import io

from mod_python import _apache

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from typing_extensions import Buffer

_STDERR = 2  # httpd lets its children's standard error be the main server's ErrorLog


class LogBuffer(io.BufferedIOBase):
    """The ``buffer`` of a `LogStream`: it takes bytes. Any thread may write to it."""

    def __init__(self, *, is_error: bool) -> None:
        super().__init__()
        self._is_error = is_error
        self.name = "<stderr>" if is_error else "<stdout>"
        self.mode = "wb"

    def write(self, data: "Buffer", /) -> int:
        """Write a bytes-like object and return its length in bytes. Each complete line is logged at once."""
        text = memoryview(data).tobytes()
        _apache._print(self._is_error, text.decode("utf-8", "surrogateescape"))
        return len(text)

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False."""
        return False

    def fileno(self) -> int:
        """Return the descriptor of httpd's standard error, for other processes and for code in C."""
        return _STDERR

    def close(self) -> None:
        """Do nothing: the log remains open."""


class LogStream(io.TextIOBase):
    """A text stream whose lines become entries of the error log, with the request that this thread serves.

    What other processes and code in C write to its descriptor goes to the main server's ErrorLog as it is.

    Args:
        is_error: whether lines are logged at level ``error``; else at ``notice``.
    """

    encoding = "utf-8"
    errors = "surrogateescape"
    line_buffering = True

    def __init__(self, *, is_error: bool) -> None:
        super().__init__()
        self._is_error = is_error
        self.buffer = LogBuffer(is_error=is_error)
        self.name = self.buffer.name
        self.mode = "w"

    def write(self, text: str) -> int:
        """Write text and return its length in characters. Each complete line is logged at once."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes str, not {type(text).__name__}")
        _apache._print(self._is_error, text)
        return len(text)

    def reconfigure(self, **_options: object) -> None:
        """Do nothing: the log is always UTF-8, and written line by line."""

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False."""
        return False

    def fileno(self) -> int:
        """Return the descriptor of httpd's standard error, for other processes and for code in C."""
        return self.buffer.fileno()

    def close(self) -> None:
        """Do nothing: the log remains open."""
