"""``sys.stdout`` and ``sys.stderr`` of the interpreters: httpd's error log."""

import io

from mod_python import _apache


class LogStream(io.TextIOBase):
    """A text stream whose lines go to the error log, with the request they belong to.

    Args:
        is_error: whether lines are logged at ``error``; else at ``notice``.
    """

    encoding = "utf-8"
    errors = "surrogateescape"

    def __init__(self, *, is_error: bool) -> None:
        super().__init__()
        self._is_error = is_error
        self.name = "<stderr>" if is_error else "<stdout>"
        self.mode = "w"

    def write(self, text: str) -> int:
        """Take text; each complete line is logged at once. Return its length in characters."""
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
        """Do nothing: the log stays open."""
