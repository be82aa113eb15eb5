"""HTTP/1.1 responses as a strict client reads them: what is not framed as it says is a fault."""

import re
import socket
from dataclasses import dataclass, field

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9][0-9])(?: [^\r\n\0]*)?\r\n")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)\r\n")
MOST = 4 << 20
"""Bytes of a body after which a client has seen enough and leaves."""


class Fault(AssertionError):  # noqa: N818 - not an error of the code that raises it
    """Something that must never be; the message says what."""


class Garbage(Fault):
    """Bytes came where a response had to begin, or a response breaks its own framing."""


class Enough(OSError):  # noqa: N818 - no error, but the end of a client's patience
    """The response is longer than the client wants to read."""


@dataclass
class Answer:
    """One response."""

    status: int
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    body: bytes = b""
    whole: bool = False
    """Whether it came to the end that its framing names; False if the connection ended before."""
    closes: bool = False
    """Whether the end of the connection is the end of the body."""

    def header(self, name: str) -> bytes | None:
        """Return the value of a header that comes once at most."""
        values = [value for key, value in self.headers if key == name]
        if len(values) > 1:
            raise Garbage(f"{name} comes {len(values)} times: {values}")
        return values[0] if values else None


class Reader:
    """Reads one response after the other from a socket."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._left = b""
        self.ended = False

    def response(self, method: str = "GET") -> Answer | None:
        """Return the next final response to a request with that method; None if the connection ended instead.

        Raises:
            Garbage: something else came.
            Enough: its body is longer than MOST.
            TimeoutError: nothing came.
        """
        while (answer := self._head()) is not None and 100 <= answer.status < 200 and answer.status != 101:
            pass
        if answer is None:
            return None
        self._body(answer, method)
        return answer

    def rest(self) -> bytes:
        """Return all that still comes."""
        while self._more():
            if len(self._left) > MOST:
                raise Enough
        data, self._left = self._left, b""
        return data

    def _head(self) -> Answer | None:
        while b"\r\n" not in self._left:
            if not (b"HTTP/1."[: len(self._left)] == self._left[:7]):
                raise Garbage(f"no response begins with {self._left[:200]!r}")
            if not self._more():
                return None
        if not (match := _STATUS.match(self._left)):
            raise Garbage(f"no status line: {self._left[:200]!r}")
        answer = Answer(int(match[1]))
        self._left = self._left[match.end() :]
        while (line := self._line()) != b"\r\n":
            if not line.endswith(b"\n"):
                return None
            if not (found := _FIELD.fullmatch(line)):
                raise Garbage(f"no header: {line[:200]!r}")
            answer.headers.append((found[1].decode().lower(), found[2].strip()))
        return answer

    def _body(self, answer: Answer, method: str) -> None:
        coding, length = answer.header("transfer-encoding"), answer.header("content-length")
        if method == "HEAD" or answer.status in (101, 204, 304) or 100 <= answer.status < 200:
            answer.whole = True
        elif coding is not None:
            if length is not None or coding.lower() != b"chunked":
                raise Garbage(f"Transfer-Encoding: {coding!r} with Content-Length: {length!r}")
            self._chunks(answer)
        elif length is not None:
            if not length.isdigit():
                raise Garbage(f"Content-Length: {length!r}")
            answer.body = self._exactly(int(length))
            answer.whole = len(answer.body) == int(length)
        else:
            answer.closes = True
            answer.body = self.rest()

    def _chunks(self, answer: Answer) -> None:
        while True:
            line = self._line()
            if not line.endswith(b"\r\n"):
                if line.strip(b"\r\n0123456789abcdefABCDEF"):
                    raise Garbage(f"no size of a chunk: {line[:200]!r}")
                return
            if not re.fullmatch(rb"[0-9a-fA-F]+[ \t]*(;[^\r\n]*)?\r\n", line):
                raise Garbage(f"no size of a chunk: {line[:200]!r}")
            size = int(line.split(b";")[0], 16)
            if size == 0:
                break
            data = self._exactly(size + 2)
            answer.body += data[:size]
            if len(data) < size + 2:
                return
            if data[size:] != b"\r\n":
                raise Garbage(f"a chunk ends with {data[size:]!r}")
            if len(answer.body) > MOST:
                raise Enough
        while (line := self._line()) != b"\r\n":
            if not line.endswith(b"\n"):
                return
            if not _FIELD.fullmatch(line):
                raise Garbage(f"no trailer: {line[:200]!r}")
        answer.whole = True

    def _line(self) -> bytes:
        while b"\n" not in self._left and len(self._left) < 1 << 20 and self._more():
            pass
        line, end, self._left = self._left.partition(b"\n")
        return line + end

    def _exactly(self, size: int) -> bytes:
        while len(self._left) < size and self._more():
            if len(self._left) > MOST:
                raise Enough
        data, self._left = self._left[:size], self._left[size:]
        return data

    def _more(self) -> bool:
        if self.ended:
            return False
        try:
            data = self._client.recv(1 << 16)
        except ConnectionError:
            data = b""
        self.ended = not data
        self._left += data
        return not self.ended
