"""One request with one filter in the test double of httpd: its input bucket by bucket, and its output."""

import ctypes
import re
import struct
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from mod_python.testing.cuts import Cut, Mark
from mod_python.testing.native import library
from mod_python.testing.result import Result, Seen

Function = Callable[[Any], Any]
"""A filter: a plain function or an async generator function."""

_MODULE = "mod_python_tested"
"""The name in `sys.modules` under which the module finds the function that is tested."""
_NOT_YET, _NO_MORE = -1, -2
_LEVELS = "emerg alert crit error warn notice info debug".split()

_tested = types.ModuleType(_MODULE, "The filter under test.")
sys.modules[_MODULE] = _tested


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The request, the response and the configuration of a filter."""

    input: bool = False
    headers: Mapping[str, str]
    content_type: str
    encoding: str | None
    options: Mapping[str, str]
    keys: str
    method: str

    @property
    def name(self) -> str:
        """The name of the filter: one for each kind, since httpd registers a name with one kind."""
        kind = re.search(r"\bkind=(\w+)", self.keys)
        return "TESTED" if kind is None or kind[1] == "resource" else f"TESTED_{kind[1].upper()}"

    def lines(self) -> str:
        """Return the filter's lines of configuration."""
        directive = "PythonInputFilter" if self.input else "PythonOutputFilter"
        options = (f'PythonOption "{_quoted(key)}" "{_quoted(value)}"' for key, value in self.options.items())
        return "\n".join([f"{directive} {_MODULE}::function {self.name} {self.keys}", *options])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


class Bench:
    """A request in the test double of httpd. It is a context manager, and is used once.

    Raises:
        ValueError: the configuration is wrong; the text is httpd's message.
    """

    watched = False
    """Whether `bench_touches` counts how often the module reads data buckets or sets them aside."""

    def __init__(self, function: Function, setting: Setting) -> None:
        self._native = library()
        self._native.enter()
        self._input = setting.input
        self._seen = Seen()
        self._handle = ctypes.c_void_p()
        list(self._lines())  # drops log lines of the request before
        _tested.function = function  # type: ignore[attr-defined]
        name, lines, method = setting.name.encode(), setting.lines().encode(), setting.method.encode()
        wrong = self._native.bench_open(ctypes.byref(self._handle), name, lines, setting.input, method)
        if wrong is not None:
            text = wrong.decode()
            self._native.bench_close(self._handle)
            raise ValueError(text)
        coding = setting.encoding.encode() if setting.encoding else None
        self._native.bench_set_type(self._handle, setting.content_type.encode(), coding)
        for key, value in setting.headers.items():
            self._native.bench_set_header(self._handle, setting.input, key.encode(), value.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle:
            self._native.bench_close(self._handle)
            self._handle = ctypes.c_void_p()

    def write(self, cut: Cut, *, error: int | None = None, leaves_at: int | None = None) -> None:
        """Pass a response's body through the filter.

        Args:
            cut: the body.
            error: the status of an ERROR bucket before its end; None for no such bucket.
            leaves_at: the number of the brigade, from 0, at which the client closes the connection.
        """
        if leaves_at is not None:
            self._native.bench_leave_at(self._handle, leaves_at)
        self._native.bench_begin(self._handle)
        usual = kind = "w" if self.watched else "t"
        for piece in cut:
            if isinstance(piece, bytes):
                self._put(kind, piece)
                kind = usual
            elif piece is Mark.SLOW:
                kind = "p"
            elif piece in (Mark.BRIGADE, Mark.FLUSH):
                if piece is Mark.FLUSH:
                    self._put("f")
                if self._native.bench_pass(self._handle):
                    return
            else:
                self._put(piece.value)
        if error is not None:
            self._put("x", number=error)
        self._put("e")
        self._native.bench_pass(self._handle)

    def read(self, cut: Cut, ways: Iterable[str], *, error: int | None = None) -> None:
        """Read a request's body through the filter to its end.

        Args:
            cut: the body.
            ways: how to read, in turn; the last one is repeated: a number of bytes, "line", or "peek" and a number
                of bytes, which consumes nothing. With "?" at its end the read does not block.
            error: the `apr_status_t` with which the body fails instead of its end.

        Raises:
            AssertionError: a hundred thousand reads did not come to the end.
        """
        for piece in cut:
            if isinstance(piece, bytes):
                self._put("w" if self.watched else "h", piece)
            else:
                self._put(piece.value)
        self._put("e") if error is None else self._put("x", number=error)
        self._native.bench_begin(self._handle)
        for way in self._ways(ways):
            if not self._read(way):
                return
        raise AssertionError("the filter answered a hundred thousand reads without an end")

    @staticmethod
    def _ways(ways: Iterable[str]) -> Iterator[str]:
        way = "8192"
        for way in ways:
            yield way
        for number in range(100_000):
            # A reader that never blocks may never get data.
            yield way.removesuffix("?") if number % 2 else way

    def _read(self, way: str) -> bool:
        """Read once; return whether there may be more."""
        word, waits = way.removesuffix("?"), not way.endswith("?")
        mode = "l" if word == "line" else "p" if word.startswith("peek") else "b"
        limit = 0 if mode == "l" else int(word.removeprefix("peek"))
        answer: int = self._native.bench_read(self._handle, mode.encode(), waits, limit)
        records = list(self._records())
        if answer == _NOT_YET and not waits:
            return True
        if answer == _NO_MORE:
            return False
        if answer:
            # Most readers can answer few statuses: with the others, the module has answered the client itself.
            refusals = [int(data) for kind, data in records if kind == "X"]
            self._seen.error = refusals[0] if refusals else answer if answer > 0 else 400
            return False
        if mode == "p":
            return True
        data = b"".join(data for kind, data in records if kind == "D")
        if mode == "b" and len(data) > limit:
            self._seen.manners.append(f"a read of {limit} bytes returned {len(data)}")
        if mode == "l" and b"\n" in data[:-1]:
            self._seen.manners.append("a read of a line returned more than a line")
        if waits and len(records) == 1:
            self._seen.manners.append("a blocking read returned nothing")
        self._seen.add(records)
        return not self._seen.ends

    def result(self) -> Result:
        """End the request, and return its result."""
        self._native.bench_note_headers(self._handle) if self._input else None
        self._seen.add(self._records())
        if self._input and self._seen.error is not None:
            self._seen.status = self._seen.error
        self.__exit__()
        return self._seen.result(tuple(self._lines()))

    def _put(self, kind: str, data: bytes = b"", number: int | None = None) -> None:
        self._native.bench_put(self._handle, kind.encode(), data, len(data) if number is None else number)

    def _records(self) -> Iterator[tuple[str, bytes]]:
        place = ctypes.c_void_p()
        length = self._native.bench_seen(self._handle, ctypes.byref(place))
        data = ctypes.string_at(place, length) if length else b""
        at = 0
        while at < length:
            (size,) = struct.unpack_from("=Q", data, at + 1)
            yield chr(data[at]), data[at + 9 : at + 9 + size]
            at += 9 + size

    def _lines(self) -> Iterator[str]:
        level, text = ctypes.c_int(), ctypes.c_char_p()
        while line := self._native.take_line(ctypes.byref(level), ctypes.byref(text)):
            name = _LEVELS[level.value] if level.value < len(_LEVELS) else "trace"
            yield f"{name}: {(text.value or b'').decode(errors='backslashreplace')}"
            self._native.free_line(line)
