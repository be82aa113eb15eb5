"""``sys.stdout`` and ``sys.stderr`` of the interpreters: they write to httpd's error log."""

import io

from mod_python import _apache


class LogStream(io.TextIOBase):
    """A text stream whose lines become entries of the error log, with the request that this thread serves.

    Args:
        is_error: whether lines are logged at level ``error``; else at ``notice``.
    """

    encoding = "utf-8"
    errors = "surrogateescape"

    def __init__(self, *, is_error: bool) -> None:
        super().__init__()
        self._is_error = is_error
        self.name = "<stderr>" if is_error else "<stdout>"
        self.mode = "w"

    def write(self, text: str) -> int:
        """Write text and return its length in characters. Each complete line is logged at once."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes str, not {type(text).__name__}")
        _apache._print(self._is_error, text)
        return len(text)

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False."""
        return False

    def close(self) -> None:
        """Do nothing: the log remains open."""
