"""Objects for the publisher: one of each kind."""

import abc
import enum
import functools
import json
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, Generic, List, NewType, Optional, TypeVar, Union  # noqa: UP035 - as people write

from mod_python import apache, util


def index(req: apache.Request) -> str:
    return f"index of {req.filename.rpartition('/')[2]}"


def hello(req: apache.Request, name: str = "nobody", *, how: str = "plainly") -> str:
    return f"hello {name} {how}"


def needs(name: Any) -> str:
    return json.dumps(name.filename if isinstance(name, util.Field) else name)


def form(req: apache.Request, **fields: Any) -> str:
    return json.dumps([sorted(fields), [[field.name, str(field)] for field in req.form.list]])


def without_arguments() -> str:
    return "none were needed"


def _hidden() -> str:
    return "secret"


class Shop:
    """A class is not published, and its instances are."""

    name = "a shop"
    _till = "secret"
    Inner = enum.Enum("Inner", "ONE")

    def __init__(self) -> None:
        self.parts = types.SimpleNamespace(inner="secret")
        self.shelf = Shelf()

    def buy(self, req: apache.Request, what: str = "nothing") -> str:
        return f"bought {what} by {req.method}"

    def __str__(self) -> str:
        return "this is a shop"

    @property
    def broken(self) -> str:
        raise LookupError("a property that fails")

    def __getattr__(self, name: str) -> str:
        if name == "a.b":
            return "one element with a dot"
        raise AttributeError(name)


class Shelf:
    text = "a shelf"

    def __call__(self, title: str = "no book") -> str:
        return f"{title} is on the shelf"


class Abstract(abc.ABC):  # noqa: B024
    """The type of its class is not `type`."""

    secret = "secret"


shop = Shop()
text = "a text"
number = 42
nothing = None
partial = functools.partial(hello, name="partial")
builtin = len
method_of_builtin = str.upper
module = json
code = hello.__code__
callback = lambda: "a lambda"  # noqa: E731


def returns_function() -> Any:
    return lambda name="nobody": f"called again with {name}"


def returns_itself() -> Any:
    return returns_itself


def returns(req: apache.Request, what: str) -> Any:
    return {
        "none": None,
        "zero": apache.OK,
        "bytes": b"\xff\x00raw",
        "bytearray": bytearray(b"raw"),
        "empty": "",
        "unicode": "Grüße",
        "page": "<html>a page</ HTML >".replace("/ ", "/") + "  \n",
        "bytes-page": b"<html>a page</html>",
        "almost": "</html> " + "x" * 100,
        "tuple": (1, "two"),
        "list": [1, "two", None],
        "dict": {"a": [True]},
        "impossible": [{1, 2}],
        "nan": [float("nan")],
        "shop": shop,
        "class": Shop,
        "shelf": shop.shelf,
    }[what]


def typed(req: apache.Request, kind: str) -> Any:
    req.content_type = kind
    return ["typed"]


def writes(req: apache.Request, more: str = "", flush: str = "") -> str | None:
    req.content_type = "text/x-own"
    req.write("written first, ", bool(flush))
    return more or None


def stops(req: apache.Request) -> None:
    req.status = apache.HTTP_CREATED
    req.headers_out["X-Made"] = "yes"
    req.write("made")
    raise apache.SERVER_RETURN(apache.DONE)


def forbids(req: apache.Request) -> None:
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)


def fails(req: apache.Request) -> None:
    raise KeyError("published code failed")


def generator(req: apache.Request, count: str = "3") -> Iterator[Any]:
    for number in range(int(count)):
        yield f"{number} " if number % 2 else f"{number} ".encode()


def page_in_pieces(req: apache.Request) -> Iterator[str]:
    yield "\n<!DOCTYPE html>"
    yield "<p>pieces</p>"


def endless(req: apache.Request) -> Iterator[bytes]:
    try:
        while True:
            yield b"x" * 65536
    finally:
        apache.log_error("the generator was closed", apache.APLOG_NOTICE)


def breaks_off(req: apache.Request) -> Iterator[str]:
    yield "a part"
    raise KeyError("in the middle")


class Pieces:
    """An iterable that has no text of its own."""

    def __iter__(self) -> Iterator[str]:
        return iter(["one ", "two"])


class AsyncPieces:
    async def __aiter__(self) -> AsyncIterator[str]:
        yield "one "
        yield "two"


def iterable(req: apache.Request) -> Pieces:
    return Pieces()


def async_iterable(req: apache.Request) -> AsyncPieces:
    return AsyncPieces()


def mapped(req: apache.Request) -> Any:
    return map(str, range(5))


def opened(req: apache.Request, mode: str) -> Any:
    return open(__file__, mode)


def form_once(req: apache.Request) -> str:
    form = req.form()
    return f"{form is req.form()} {form['a']} {sorted(form)}"


def reads_itself(req: apache.Request) -> str:
    return f"{req.read()!r}"


Kind = TypeVar("Kind")


class Box(Generic[Kind]):
    secret = "secret"

    def __init__(self, what: str = "secret") -> None:
        self.what = what

    def __str__(self) -> str:
        return f"secret {self.what}"


box: Box[int] = Box("a box that is open")
box_of_int = Box[int]
boxes = list[Box]  # type: ignore[type-arg]
typed_boxes = List[Box]  # type: ignore[type-arg] # noqa: UP006
any_call = Callable[[int], Box]  # type: ignore[type-arg]
union = Box | int  # type: ignore[type-arg]
typed_union = Union[Box, int]  # type: ignore[type-arg] # noqa: UP007
optional = Optional[Box]  # type: ignore[type-arg] # noqa: UP045
annotated = Annotated[Box, "secret"]
new_type = NewType("new_type", str)
special = Union
