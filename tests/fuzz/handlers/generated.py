"""Runs the generated program that a request or a connection brings."""

import base64
import copy
import functools
import gc
import pickle
import threading
import types
import weakref
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from mod_python import apache

KEPT: list[Any] = []
MOST = 50
LARGEST = 1 << 30


class Quiet:
    "Catches what a line raises, and tells of what no line may raise."

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, value: BaseException | None, trace: types.TracebackType | None) -> bool:
        if value is not None and ("panic in" in str(value) or isinstance(value, SystemError)):
            apache.log_error(f"panic at a line of a program: {value!r}", apache.APLOG_ERR)
        return isinstance(value, Exception)


quiet = Quiet()


def keep(thing: Any) -> None:
    "Keep it beyond its request."
    if isinstance(thing, apache.Bucket) and (thing.length or 0) > LARGEST:
        return  # a filter would yield it, and somebody read terabytes
    # Without a lock: what is let go of here may have a `__del__` that keeps something, too.
    KEPT.append(thing)
    del KEPT[:-MOST]


def kept(number: int, kind: str | None = None) -> Any:
    "One of those that were kept."
    found = [one for one in list(KEPT) if kind is None or type(one) is getattr(apache, kind)]
    return found[number % len(found)] if found else None


def in_thread(use: Callable[[], object]) -> None:
    "Use it in another thread while this one waits."
    other = threading.Thread(target=calm(use))
    other.start()
    other.join(2)


def later(use: Callable[[], object]) -> None:
    "Use it in another thread, when it may be over."
    other = threading.Timer(0.02, calm(use))
    other.daemon = True
    other.start()


def again(use: Callable[[], object], times: int) -> None:
    "Use it many times."
    for _ in range(times):
        with quiet:
            use()


def calm(use: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        with quiet:
            use()

    return run


class Evil:
    "A value whose special methods use httpd's objects while httpd's objects use it."

    def __init__(self, use: Callable[[], object], names: list[str]) -> None:
        self.use, self.names, self.depth = use, names, 0

    def did(self, name: str) -> None:
        # A program re-enters; that it does so for ever would be its own fault.
        if name in self.names and self.depth < 3:
            self.depth += 1
            try:
                with quiet:
                    self.use()
            finally:
                self.depth -= 1

    def __str__(self) -> str:
        self.did("__str__")
        return "evil"

    def __repr__(self) -> str:
        self.did("__repr__")
        return "evil"

    def __index__(self) -> int:
        self.did("__index__")
        return 5

    def __float__(self) -> float:
        self.did("__float__")
        return 0.5

    def __len__(self) -> int:
        self.did("__len__")
        return 2

    def __iter__(self) -> Any:
        self.did("__iter__")
        return iter([("a", self), ("b", "c")])

    def __next__(self) -> object:
        self.did("__next__")
        raise StopIteration

    def __getitem__(self, key: object) -> object:
        self.did("__getitem__")
        return "item"

    def keys(self) -> list[object]:
        self.did("keys")
        return ["a", self]

    def __eq__(self, other: object) -> bool:
        self.did("__eq__")
        return False

    def __hash__(self) -> int:
        self.did("__hash__")
        return 1

    def __bool__(self) -> bool:
        self.did("__bool__")
        return True

    def __call__(self, *_: object) -> object:
        self.did("__call__")
        return apache.OK

    def __fspath__(self) -> str:
        self.did("__fspath__")
        return "/etc/hosts"

    def __del__(self) -> None:
        self.did("__del__")


@functools.lru_cache(maxsize=64)
def program(packed: str) -> dict[str, Any]:
    "The functions of a program."
    source = zlib.decompress(base64.b64decode(packed)).decode("ascii")
    found: dict[str, Any] = dict(globals())
    found["sparse"] = apache.main_server.get_options().get("sparse", "/no_such")
    exec(compile(source, "<program>", "exec"), found)
    return found


def function(req: Any, name: str) -> Any:
    "The function of this request's program."
    packed = req.headers_in.get("X-Program") if req.main is None else None
    return program(packed).get(f"on_{name}") if packed else None


def phase(name: str) -> Callable[[Any], object]:
    def run(req: Any) -> object:
        found = function(req, name)
        return apache.DECLINED if found is None else found(req)

    return run


post_read_request, translate, header_parser, access, authen, authz, type_, fixup, log, cleanup = map(
    phase,
    "post_read_request translate header_parser access authen authz type_ fixup log cleanup".split(),
)


def handler(req: Any) -> object:
    found = function(req, "handler")
    if found is not None:
        return found(req)
    req.content_type = "text/html"
    for _ in range(3):
        req.write(req.read() or b"<p>a body of three\n" * 100)
    return apache.OK


def source(req: Any) -> int:
    "Answer with the request's body, or a file; the query says with which status, and in what pieces."
    status, size, length, flush = (req.args or "200&whole&&").split("&")
    if req.method == "POST":
        body = b"".join(iter(lambda: req.read(8192), b""))
    else:
        with open(req.document_root() + "/body1.html", "rb") as file:
            body = file.read()
    req.content_type = "text/html"
    req.status = int(status)
    if length:
        req.set_content_length(len(body))
    step = max(len(body) if size == "whole" else int(size), len(body) // 500, 1)
    for start in range(0, len(body), step):
        req.write(body[start : start + step], flush=bool(flush))
    return apache.OK


def outputfilter(filter: Any) -> None:
    if (found := function(filter.req, "output")) is not None:
        found(filter)
    else:
        filter.pass_on()


def inputfilter(filter: Any) -> None:
    if (found := function(filter.req, "input")) is not None:
        found(filter)
    else:
        filter.pass_on()


async def outputstream(filter: Any) -> AsyncIterator[Any]:
    if (found := function(filter.req, "outputstream")) is None:
        filter.pass_on()
        return
    async for piece in found(filter):
        yield piece


async def inputstream(filter: Any) -> AsyncIterator[Any]:
    if (found := function(filter.req, "inputstream")) is None:
        filter.pass_on()
        return
    async for piece in found(filter):
        yield piece


def connection(conn: Any) -> object:
    return program(conn.readline().decode().strip())["on_connection"](conn)


async def waiting(conn: Any) -> object:
    return await program((await conn.readline()).decode().strip())["on_waiting"](conn)


__all__ = ["copy", "gc", "pickle", "weakref"]
