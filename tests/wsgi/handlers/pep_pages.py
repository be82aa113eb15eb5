"""Applications for the sentences of PEP 3333, by the first segment of the path."""

import io
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.util import shift_path_info

import pep_headers  # type: ignore[import-not-found]
from pep_registry import PAGES, TEXT, Environ, answer, page, unwrapped  # type: ignore[import-not-found]

HEADERS = pep_headers  # its pages are registered, too


def application(environ: Environ, start_response: Any) -> Any:
    """Serve the page that the path names."""
    return PAGES[shift_path_info(environ) or "root"](environ, start_response)


class Closing:
    """An iterable whose close() prints a line."""

    def __init__(self, name: str, blocks: Iterable[bytes]) -> None:
        self.name = name
        self.blocks = iter(blocks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self.blocks)

    def close(self) -> None:
        print(f"closed {self.name}")


@page
def variables(environ: Environ, start_response: Any) -> Any:
    texts = {name: value for name, value in environ.items() if isinstance(value, str)}
    return answer(start_response, texts)


@unwrapped
def facts(*arguments: Any, **named: Any) -> Any:
    environ, start_response = arguments
    upper = [name for name in environ if name.partition(".")[0].isupper()]
    seen = {
        "named": len(named),
        "dict": type(environ) is dict,
        "str": all(type(environ[name]) is str for name in upper),
        "latin1": all(max(map(ord, environ[name]), default=0) < 256 for name in upper),
        "version": environ["wsgi.version"] == (1, 0) and type(environ["wsgi.version"]) is tuple,
        **{name: environ[f"wsgi.{name}"] for name in ("multithread", "multiprocess", "run_once", "input_terminated")},
        "request": environ["mod_python.request"].uri,
    }
    environ["of.the.application"] = 1
    return answer(start_response, seen)


@unwrapped
def streams(environ: Environ, start_response: Any) -> Any:
    stream, errors = environ["wsgi.input"], environ["wsgi.errors"]
    seen = [
        stream.read(2),
        stream.read(0),
        stream.readline(),
        stream.readline(2),
        stream.readlines(1),
        next(iter(stream)),
        stream.read(),
        stream.read(),
        stream.read(5),
        stream.readline(),
        stream.readlines(),
        list(stream),
    ]
    errors.write("first of the errors\nsecond ")
    errors.write("of the errors\n")
    errors.writelines(["third of the errors\n", "größte\n"])
    errors.flush()
    return answer(start_response, repr(seen))


@unwrapped
def echo(environ: Environ, start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read(1 << 20)
    start_response("200 OK", TEXT)
    return [body]


@unwrapped
def none(environ: Environ, start_response: Any) -> None:
    start_response("200 OK", TEXT)


@unwrapped
def bare(environ: Environ, start_response: Any) -> bytes:
    start_response("200 OK", TEXT)
    return b"bare"


@unwrapped
def text(environ: Environ, start_response: Any) -> list[str]:
    start_response("200 OK", TEXT)
    return ["text"]


@unwrapped
def array(environ: Environ, start_response: Any) -> Iterator[bytearray]:
    start_response("200 OK", TEXT)
    yield bytearray(b"text")


@unwrapped
def write_text(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("200 OK", TEXT)("text")
    return []


@unwrapped
def silent(environ: Environ, start_response: Any) -> list[bytes]:
    return [b"body"]


@unwrapped
def silent_stream(environ: Environ, start_response: Any) -> Iterator[bytes]:
    yield b"body"


@unwrapped
def silent_end(environ: Environ, start_response: Any) -> Iterator[bytes]:
    yield b""


@page
def late_start(environ: Environ, start_response: Any) -> Iterator[bytes]:
    start_response("201 Late", TEXT)
    yield b""
    yield b"late"


@page
def paced(environ: Environ, start_response: Any) -> Iterator[bytes]:
    """Yield a block, and the next one when a file is there."""
    start_response("200 OK", TEXT)
    for number in range(3):
        yield b"%d" % number
        _wait_for(environ["QUERY_STRING"], number)


@page
def pushed(environ: Environ, start_response: Any) -> list[bytes]:
    write = start_response("200 OK", TEXT)
    for number in range(3):
        write(b"%d" % number)
        _wait_for(environ["QUERY_STRING"], number)
    return [b"-", b"end"]


def _wait_for(folder: str, number: int) -> None:
    from pathlib import Path

    deadline = time.monotonic() + 20
    while not (Path(folder) / str(number)).exists() and time.monotonic() < deadline:
        time.sleep(0.01)


@unwrapped
def parts(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("200 OK", TEXT)
    return [b"one ", b"", b"two"]


@page
def stream(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", TEXT)
    return Closing("stream", [b"one ", b"", b"two"])


@page
def once(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", TEXT)
    return Closing("once", [b"one ", b"", b"two"])


class ClosingList(list[bytes]):
    """A list with a close() of its own."""

    def close(self) -> None:
        print("closed list")


@page
def once_as_list(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", TEXT)
    return ClosingList([b"one ", b"two"])


@unwrapped
def empty(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("200 OK", TEXT)
    return []


@unwrapped
def failing(environ: Environ, start_response: Any) -> Any:
    def blocks() -> Iterator[bytes]:
        if environ["QUERY_STRING"] == "late":
            yield b"begun"
        raise KeyError("in the iteration")

    start_response("200 OK", [*TEXT, ("X-Lost", "1")])
    return Closing("failing", blocks())


@unwrapped
def refused_close(environ: Environ, start_response: Any) -> Any:
    class Refusing(Closing):
        def close(self) -> None:
            super().close()
            raise KeyError("in close")

    def blocks() -> Iterator[bytes]:
        yield b"whole"
        if environ["QUERY_STRING"]:
            raise ValueError("in the iteration")

    start_response("200 OK", TEXT)
    return Refusing("refused_close", blocks())


@page
def endless(environ: Environ, start_response: Any) -> Any:
    def blocks() -> Iterator[bytes]:
        while True:
            yield b"x" * 10000

    start_response("200 OK", TEXT)
    return Closing("endless", blocks())


@unwrapped
def attributes(environ: Environ, start_response: Any) -> Any:
    seen: list[str] = []

    class Watched:
        def __getattribute__(self, name: str) -> Any:
            seen.append(name)
            return super().__getattribute__(name)

        def __iter__(self) -> Iterator[bytes]:
            yield b"x"
            yield repr(sorted(set(seen))).encode()

    start_response("200 OK", TEXT)
    return Watched()


@unwrapped
def twice(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [b"x"]


@unwrapped
def twice_after_an_error(environ: Environ, start_response: Any) -> list[bytes]:
    try:
        start_response("wrong", TEXT)
    except ValueError:
        start_response("200 OK", TEXT)
    return [b"x"]


@unwrapped
def replaced(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html"), ("X-Old", "1"), ("Content-Length", "3")])
    try:
        raise KeyError("of the application")
    except KeyError:
        start_response("503 Replaced", [*TEXT, ("X-New", "1")], sys.exc_info())
    return [b"replaced"]


@unwrapped
def too_late(environ: Environ, start_response: Any) -> list[bytes]:
    write = start_response("200 OK", TEXT)
    write(b"begun")
    try:
        raise KeyError("of the application")
    except KeyError:
        start_response("500 Late", TEXT, sys.exc_info())
    return []


@page
def headers_wait(environ: Environ, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [*TEXT, ("X-Old", "1")])
    yield b""
    start_response("202 Later", TEXT, (KeyError, KeyError("x"), None))
    yield b""
    yield b"body"


@unwrapped
def length(environ: Environ, start_response: Any) -> Any:
    """Answer five bytes with a Content-Length of the query, in a form that it names."""
    form, said = environ["QUERY_STRING"].split(",")
    write = start_response("200 OK", [*TEXT, ("Content-Length", said)])
    if form == "write":
        write(b"12")
        write(b"345")
        return []
    return [b"12345"] if form == "list" else Closing("length", [b"12", b"345"])


@page
def status_only(environ: Environ, start_response: Any) -> list[bytes]:
    start_response(f"{environ['QUERY_STRING']} Status", [("ETag", '"x"')])
    return []


class Bytes(io.BytesIO):
    """A file in memory whose close() prints a line."""

    def close(self) -> None:
        if not self.closed:
            print("closed bytes")
        super().close()


class Bare:
    """A file that cannot be closed."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


@unwrapped
def wrapper(environ: Environ, start_response: Any) -> Any:
    wrap, kind = environ["wsgi.file_wrapper"], environ["QUERY_STRING"]
    start_response("200 OK", TEXT)
    wrap(Bare(b"made, and not returned"))
    if kind == "bare":
        return wrap(Bare(b"x" * 100000))
    wrapped = wrap(Bytes(b"abcdef"), 4)
    if kind == "blocks":
        blocks = list(wrapped)
        wrapped.close()
        return [repr(blocks).encode()]
    return wrapped
