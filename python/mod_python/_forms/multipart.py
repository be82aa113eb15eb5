"""Bodies of a type multipart/... (RFC 2046, RFC 7578), read piece by piece, in linear time and constant memory.

This is our own code, because mod_python is installed without pip: what it needed beside Python would be one more thing
to install.
"""

import re
from collections.abc import Callable, Iterator

PORTION = 65536
_MOST_HEADER_BYTES = 16384
_BOUNDARY = re.compile(rb"[\x20-\x7e]{0,69}[\x21-\x7e]")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_HEADER_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class MalformedError(ValueError):
    """A body that is not what its type says; the text says why."""


class MultipartReader:
    """Reads a body part by part: `next_part()`, `headers()`, `content()`, and again.

    Args:
        read: returns the next bytes of the body, at most as many as its argument says; b"" at the end.
        boundary: the parameter `boundary` of the type.

    Raises:
        MalformedError: such a boundary cannot be.
    """

    def __init__(self, read: Callable[[int], bytes], boundary: bytes) -> None:
        if _BOUNDARY.fullmatch(boundary) is None:
            raise MalformedError("the boundary is not 1 to 70 characters of ASCII")
        self._read = read
        self._delimiter = b"\r\n--" + boundary
        # The first delimiter may stand at the very beginning, without a line end before it.
        self._data = b"\r\n"
        self._at = 0
        self._is_begun = False

    def next_part(self) -> bool:
        """Go to the next part, behind the content of this one. Return False at the end of the body.

        A body without any byte has no parts.
        """
        if not self._is_begun:
            self._is_begun = True
            if not self._more():
                return False
            for _ in self.content():
                pass  # what stands before the first part is for readers that do not know the type
        self._need(2)
        if self._data.startswith(b"--", self._at):
            return False
        if self._line(_MOST_HEADER_BYTES).strip(b" \t"):
            raise MalformedError("a boundary has something behind it")
        return True

    def headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the names and values of the part's headers, which must be read before its content."""
        left = _MOST_HEADER_BYTES
        name, value = b"", b""
        while line := self._line(left):
            left -= len(line) + 2
            if _CONTROL.search(line):
                raise MalformedError("a header of a part has a control character")
            if line[:1] in (b" ", b"\t") and name:
                value += line
                continue
            if name:
                yield name, value.strip(b" \t")
            name, colon, value = line.partition(b":")
            if not colon or _HEADER_NAME.fullmatch(name) is None:
                raise MalformedError("a line of a part is no header")
        if name:
            yield name, value.strip(b" \t")

    def content(self) -> Iterator[bytes]:
        """Yield the bytes of the part, and take the boundary behind them."""
        delimiter = self._delimiter
        while (end := self._data.find(delimiter, self._at)) < 0:
            # The last CR may begin a delimiter that is cut here; a delimiter has no other one.
            kept = self._data.rfind(b"\r", max(self._at, len(self._data) - len(delimiter)))
            if kept < 0 or not delimiter.startswith(self._data[kept:]):
                kept = len(self._data)
            if kept > self._at:
                yield self._data[self._at : kept]
            self._at = kept
            if not self._more():
                raise MalformedError("the body ends before its last boundary")
        if end > self._at:
            yield self._data[self._at : end]
        self._at = end + len(delimiter)

    def _line(self, most: int) -> bytes:
        """Return the next line without its CRLF."""
        while (end := self._data.find(b"\r\n", self._at)) < 0:
            if len(self._data) - self._at > most:
                break
            if not self._more():
                raise MalformedError("the body ends within the headers of a part")
        if end < 0 or end - self._at > most:
            raise MalformedError(f"the headers of a part have more than {_MOST_HEADER_BYTES} bytes")
        line = self._data[self._at : end]
        self._at = end + 2
        return line

    def _need(self, count: int) -> None:
        while len(self._data) - self._at < count:
            if not self._more():
                raise MalformedError("the body ends within a boundary")

    def _more(self) -> bool:
        """Read on; return False at the end of the body."""
        data = self._read(PORTION)
        self._data = self._data[self._at :] + data
        self._at = 0
        return bool(data)
