"""Filters that handlers give to their requests."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from mod_python import apache

Body = AsyncIterator[bytes]
UNKNOWN = "no_such_filter"


def outputfilter(filter: Any) -> None:
    """As a name: module, without a function."""
    while data := filter.read():
        filter.write(data.upper())


def inputfilter(filter: Any) -> None:
    while data := filter.read():
        filter.write(data.upper())


async def tail(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk
    yield f" <{filter.name} {filter.handler} {filter.is_input} {filter.dir}>".encode()


async def lengthen(filter: Any) -> Body:
    async for chunk in filter:
        yield chunk + chunk


async def fail(filter: Any) -> Body:
    async for _ in filter:
        raise ValueError("at run time")
    yield b""


def tell_dir(filter: Any) -> None:
    while data := filter.read():
        filter.write(data + filter.dir.encode())


class Appends:
    """Any callable is a filter."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def __call__(self, filter: Any) -> None:
        while (data := filter.read()) is not None:
            filter.write(data)
            if not data:
                return
        filter.write(self.text)


def answer(req: apache.Request) -> None:
    req.content_type = "text/plain"
    req.write("body")


def functions(req: apache.Request) -> int:
    req.register_output_filter("Tail", tail)
    req.add_output_filter("Tail")
    req.add_output_filter("Tail")
    req.register_output_filter("more", Appends(b" more"))
    req.add_output_filter("more")

    def zeroes(filter: Any) -> None:
        while data := filter.read():
            filter.write(data.replace(b"o", b"0"))

    req.register_output_filter("zeroes", zeroes)
    req.add_output_filter("zeroes")
    answer(req)
    return apache.OK


def names(req: apache.Request) -> int:
    req.register_output_filter("a", "run_time_filters")
    req.register_output_filter("b", "run_time_filters::tail")
    req.register_output_filter("c", "run_time_filters::tell_dir", req.get_options()["dir"])
    for name in "abc":
        req.add_output_filter(name)
    answer(req)
    return apache.OK


def declared(req: apache.Request) -> int:
    """Add by the name of a declaration, whatever its case, and one of httpd's."""
    req.add_output_filter("declared")
    req.add_output_filter("DEFLATE")
    answer(req)
    return apache.OK


def same_name(req: apache.Request) -> int:
    """What is registered for the request comes before what has the name everywhere; the last one counts."""
    req.register_output_filter("DECLARED", "run_time_filters")
    req.register_output_filter("DECLARED", tail)
    req.add_output_filter("DECLARED")
    answer(req)
    return apache.OK


def errors(req: apache.Request) -> int:
    """Try what cannot be."""
    tries: list[Callable[[], object]] = [
        lambda: req.add_output_filter(UNKNOWN),
        lambda: req.add_input_filter(UNKNOWN),
        lambda: req.add_output_filter("WIRE"),
        lambda: req.add_output_filter("PLAIN_WIRE"),
        lambda: req.register_output_filter("x", "no handler"),
        lambda: req.register_output_filter("x", 7),  # type: ignore[arg-type]
        lambda: req.register_input_filter("x", None),  # type: ignore[arg-type]
        lambda: req.add_output_filter(None),  # type: ignore[arg-type]
    ]
    lines = []
    for one in tries:
        try:
            one()
        except (TypeError, ValueError) as error:
            lines.append(f"{type(error).__name__}: {error}\n")
    req.register_output_filter("unused", tail)
    req.write("".join(lines))
    return apache.OK


def failing(req: apache.Request) -> int:
    req.register_output_filter("failing", fail)
    req.add_output_filter("failing")
    answer(req)
    return apache.OK


def missing(req: apache.Request) -> int:
    req.register_output_filter("missing", "run_time_filters::not_there")
    req.add_output_filter("missing")
    answer(req)
    return apache.OK


def read(req: apache.Request) -> int:
    """Read the body through filters that were added just now."""
    req.register_input_filter("upper", "run_time_filters")
    req.add_input_filter("upper")
    req.register_input_filter("double", lengthen)
    req.add_input_filter("double")
    length = req.headers_in.get("Content-Length")
    req.write(f"{length} {req.read().decode()}")
    return apache.OK


def early(req: apache.Request) -> int:
    """As a type handler: the filter is there when httpd's own handler sends the file."""
    req.register_output_filter("early", tail)
    req.add_output_filter("early")
    return apache.DECLINED


def content_length(req: apache.Request) -> int:
    """As the manual of mod_python 3 shows it."""
    for name in ("CONTENT_LENGTH", "content_length"):
        req.add_output_filter(name)
    for piece in ("con", "tent"):
        req.write(piece, 0)
    if req.args:
        req.write("x" * int(req.args), 0)
    return apache.OK
