"""The encoding of RESP: a parser of commands, and a serializer of replies."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

Reply: TypeAlias = "bytes | int | str | RespError | Sequence[Reply] | Mapping[str, Reply] | None"

INLINE = 16 * 1024  # most bytes of an inline command
HEAD = 32  # most bytes of a line such as *3 or $1024
COST = 64  # bytes of memory that an argument takes besides its own
TOO_BIG = {
    b"*": "ERR Protocol error: too big mbulk count string",
    b"$": "ERR Protocol error: too big bulk count string",
}
INVALID_LENGTH = {
    b"*": "ERR Protocol error: invalid multibulk length",
    b"$": "ERR Protocol error: invalid bulk length",
}


class RespError(Exception):
    """An error reply; its text begins with a code in capitals. A command that raises it gets it as its reply."""


class Requests:
    """An incremental parser of the commands of one connection."""

    def __init__(self, longest: int) -> None:
        """Make a parser that refuses commands of more than `longest` bytes."""
        self._longest = longest
        self._rest = b""
        self._arguments: list[bytes] = []
        self._left = 0  # arguments to come
        self._size = 0
        self.missing = 0
        "How many more bytes the next command needs at least; 0 if that is unknown."
        self.error: RespError | None = None
        "The protocol error behind which nothing can be parsed; the connection must be closed."

    def feed(self, data: bytes) -> list[list[bytes]]:
        """Take bytes of any length; return the commands that they complete, as lists of name and arguments.

        A protocol error is kept in `error`; the commands in front of it are returned.
        """
        data = self._rest + data
        commands: list[list[bytes]] = []
        try:
            at = self._cut(data, commands)
            self._rest = data[at:]
            if not self.missing and len(self._rest) > (HEAD if self._rest[:1] in b"*$" else INLINE):
                raise RespError(TOO_BIG.get(self._rest[:1], "ERR Protocol error: too big inline request"))
        except RespError as error:
            self.error = error
        return commands

    def _cut(self, data: bytes, commands: list[list[bytes]]) -> int:
        at, left = 0, self._left
        self.missing = 0
        while (end := data.find(b"\n", at)) >= 0:
            if left:
                after = end + 3 + self._number(data, at, end, b"$")
                self._size += after - end + COST
                if self._size > self._longest:
                    limit = f"a command has at most {self._longest} bytes"
                    raise RespError(f"{INVALID_LENGTH[b'$']}: {limit}")
                if after > len(data):
                    self._size -= after - end + COST
                    self.missing = after - len(data)
                    break
                if data[after - 2 : after] != b"\r\n":
                    raise RespError("ERR Protocol error: expected CRLF behind a bulk string")
                self._arguments.append(data[end + 1 : after - 2])
                at = after
                left -= 1
                if not left:
                    commands.append(self._arguments)
                    self._arguments = []
            elif data[at] == b"*"[0]:
                left = self._number(data, at, end, b"*")
                self._size = 0
                at = end + 1
            else:
                if words := data[at:end].split():
                    commands.append(words)
                at = end + 1
        self._left = left
        return at

    def _number(self, data: bytes, at: int, end: int, kind: bytes) -> int:
        digits = data[at + 1 : end].rstrip(b"\r")
        if (found := data[at : at + 1]) != kind:
            raise RespError(f"ERR Protocol error: expected '{kind.decode()}', got '{found.decode('ascii', 'replace')}'")
        if not digits.isdigit() or len(digits) > 9:
            raise RespError(INVALID_LENGTH[kind])
        return int(digits)


def encode(reply: Reply, version: int) -> bytes:
    """Return the bytes of a reply in RESP2 or RESP3. `bytes` are bulk strings, `str` simple strings such as OK."""
    return b"".join(encoded(reply, version))


def encoded(reply: Reply, version: int) -> Iterator[bytes]:
    """Yield the bytes of a reply in pieces, so that lists of lists do not copy long strings again."""
    match reply:
        case bytes():
            yield b"$%d\r\n" % len(reply)
            yield reply
            yield b"\r\n"
        case int():
            yield b":%d\r\n" % reply
        case None:
            yield b"_\r\n" if version == 3 else b"$-1\r\n"
        case str():
            yield b"+%b\r\n" % reply.encode()
        case RespError():
            yield b"-%b\r\n" % str(reply).encode().translate(None, b"\r\n")
        case Mapping():
            yield b"%%%d\r\n" % len(reply) if version == 3 else b"*%d\r\n" % (2 * len(reply))
            for name, value in reply.items():
                yield from encoded(name.encode(), version)
                yield from encoded(value, version)
        case _:
            yield b"*%d\r\n" % len(reply)
            for part in reply:
                yield from encoded(part, version)
