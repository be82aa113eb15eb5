"""Applications with files and large bodies, by the first segment of the path."""

import gzip
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any
from wsgiref.util import shift_path_info
from wsgiref.validate import validator

Environ = dict[str, Any]
BLOCK = b"x" * 65536


def application(environ: Environ, start_response: Any) -> Any:
    """Serve the page that the path names."""
    return PAGES[shift_path_info(environ) or ""](environ, start_response)


class Logged(io.FileIO):
    """A file whose reads are printed: httpd reads others itself."""

    def read(self, size: int | None = -1, /) -> bytes:
        print("read by Python")
        return super().read(size)


def piped(_name: str) -> Any:
    """Open a pipe with a text in it."""
    reader, writer = os.pipe()
    os.write(writer, b"through a pipe")
    os.close(writer)
    return os.fdopen(reader, "rb")


def temporary(_name: str) -> Any:
    """Open a temporary file that stands in its middle."""
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - the server closes it
    file.write(b"0123456789")
    file.seek(3)
    return file


# How a file is opened, by the name of the way; the server closes it.
OPENERS: dict[str, Callable[[str], Any]] = {
    "": partial(open, mode="rb"),
    "raw": partial(open, mode="rb", buffering=0),
    "text": open,
    "gzip": gzip.open,
    "other": Logged,
    "pipe": piped,
    "temporary": temporary,
}


def opened(environ: Environ, start_response: Any) -> Any:
    """Answer the file that the query names, opened in the way that the path names."""
    name, kind = environ["QUERY_STRING"], environ["PATH_INFO"].strip("/")
    headers = [("Content-Type", "text/plain"), ("ETag", '"1"')]
    headers += [("Content-Length", "5")] if kind == "short" else []
    if kind == "missing":
        headers += [("Content-Length", "20")]
    start_response("200 OK", headers)
    file: Any = OPENERS.get(kind, OPENERS[""])(name)
    if kind == "position":
        assert file.read(4) == b"0123"
    return environ["wsgi.file_wrapper"](file, 1000)


def sink(environ: Environ, start_response: Any) -> list[bytes]:
    total = 0
    while block := environ["wsgi.input"].read(65536):
        total += len(block)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % total]


def source(environ: Environ, start_response: Any) -> Iterable[bytes]:
    blocks = int(environ["QUERY_STRING"]) // len(BLOCK)

    def give() -> Iterator[bytes]:
        for _ in range(blocks):
            yield BLOCK

    start_response("200 OK", [("Content-Type", "text/plain")])
    return give()


PAGES = {"opened": opened, "sink": validator(sink), "source": validator(source)}
