"""The bytes of RESP: commands as they come in, whatever pieces they come in, and replies."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

Reply: TypeAlias = "bytes | int | str | RespError | Sequence[Reply] | Mapping[str, Reply] | None"

INLINE = 16 * 1024  # bytes of a command that is typed by hand
HEAD = 32  # bytes of a line such as *3 or $1024
COST = 64  # what an argument takes besides its bytes


class RespError(Exception):
    """An error reply; its text begins with a word in capitals. As an exception, it answers one command."""


class Requests:
    """Cuts commands out of the bytes of one connection."""

    def __init__(self, longest: int) -> None:
        """Of one command, at most so many bytes are kept."""
        self._longest = longest
        self._rest = b""
        self._arguments: list[bytes] = []
        self._left = 0  # arguments to come
        self._size = 0
        self.missing = 0
        "So many more bytes are needed before there is a next command; 0: at least one."
        self.error: RespError | None = None
        "Why no more can be understood; then the connection is to be closed."

    def feed(self, data: bytes) -> list[list[bytes]]:
        """Take what came; return the commands that are whole now, as lists of name and arguments."""
        data = self._rest + data
        commands: list[list[bytes]] = []
        try:
            at = self._cut(data, commands)
            self._rest = data[at:]
            if not self.missing and len(self._rest) > (HEAD if self._rest[:1] in b"*$" else INLINE):
                raise RespError("ERR Protocol error: too big inline request")
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
                    raise RespError(f"ERR Protocol error: a command has at most {self._longest} bytes here")
                if after > len(data):
                    self._size -= after - end + COST
                    self.missing = after - len(data)
                    break
                if data[after - 2 : after] != b"\r\n":
                    raise RespError("ERR Protocol error: an argument is longer than announced")
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
        if data[at : at + 1] != kind or not digits.isdigit() or len(digits) > 9:
            raise RespError(f"ERR Protocol error: expected '{kind.decode()}' and a number")
        return int(digits)


def encode(reply: Reply, version: int) -> bytes:
    """Return a reply as it goes over the wire: bytes are strings, str are states such as OK."""
    return b"".join(encoded(reply, version))


def encoded(reply: Reply, version: int) -> Iterator[bytes]:
    """The same in pieces: long ones are not copied once for each list that they are in."""
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
