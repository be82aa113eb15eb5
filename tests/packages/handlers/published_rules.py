"""Objects with rules for the publisher."""

# ruff: noqa: ARG002, ARG004, ARG005, E731, F841, N807, RUF012, SIM108 - written as people write rules

import functools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from mod_python import apache, util

__auth_realm__ = 'the "whole" site'

PASSWORDS = {"alice": "wonderland", "bob": "builder", "bytes": b"raw", "number": 42, "Ö": "ü:é"}


class Room:
    def __init__(self, **rules: Any) -> None:
        for name, value in rules.items():
            setattr(self, f"__{name}__", value)
        self.calls: list[Any] = []

    def __str__(self) -> str:
        return "you are in"

    def inner(self, req: apache.Request) -> str:
        return f"inner for {req.user}"


def _right(req: apache.Request, user: str, password: str) -> bool:
    return PASSWORDS.get(user) == password


def _raises(req: apache.Request, *_: str) -> bool:
    raise KeyError("a rule that fails")


def _yields(req: apache.Request, *_: str) -> Iterator[bool]:
    yield False


async def _async_right(req: apache.Request, user: str, password: str) -> bool:
    return PASSWORDS.get(user) == password


async def _async_no(req: apache.Request, *_: str) -> bool:
    return False


def _redirects(req: apache.Request, *_: str) -> bool:
    util.redirect(req, "/login")


by_dict = Room(auth=PASSWORDS)
by_function = Room(auth=_right, auth_realm="functions")
by_coroutine = Room(auth=_async_right)
by_list = Room(auth=["alice"])
by_constant = Room(auth=1)
by_false = Room(auth=0)
by_none = Room(auth=None)
raises = Room(auth=_raises)
generates = Room(auth=_yields)
redirects = Room(auth=_redirects)
access_raises = Room(auth=1, access=_raises)
access_generates = Room(auth=1, access=_yields)
access_coroutine = Room(auth=1, access=_async_no)
access_list = Room(auth=PASSWORDS, access=["alice"])
access_tuple = Room(auth=PASSWORDS, access=("alice",))
access_set = Room(auth=PASSWORDS, access={"alice"})
access_function = Room(auth=PASSWORDS, access=lambda _, user: user == "alice")
access_keys = Room(auth=PASSWORDS, access={"alice": 1}.keys())
access_deque = Room(auth=PASSWORDS, access=deque(["alice"]))
for _name, _value in {
    "filter": filter(None, ["alice"]),
    "map": map(str, ["alice"]),
    "iterator": iter(["alice"]),
    "text": "alice",
    "bytes": b"alice",
    "class": Room,
    "status": apache.HTTP_UNAUTHORIZED,
    "forbidden": apache.HTTP_FORBIDDEN,
    "declined": apache.DECLINED,
    "number": 200,
    "float": 1.0,
}.items():
    globals()[f"odd_access_{_name}"] = Room(auth=PASSWORDS, access=_value)
    globals()[f"odd_auth_{_name}"] = Room(auth=_value)
    if not isinstance(_value, str | bytes | float | type):
        globals()[f"odd_result_{_name}"] = Room(auth=lambda *_, value=_value: value)
odd_auth_list = Room(auth=[("alice", "wonderland")])
access_true = Room(auth=PASSWORDS, access=1)
access_false = Room(auth=PASSWORDS, access=0)
access_alone = Room(access=["alice"])
realm_with_line = Room(auth=1, auth_realm="a\nb")
outer = Room(auth={"alice": "wonderland", "bob": "builder"}, auth_realm="outer")
outer.room = Room(auth={"alice": "wonderland"}, auth_realm="inner")


def attributes(req: apache.Request) -> str:
    return f"hello {req.user} {req.ap_auth_type}"


attributes.__auth__ = PASSWORDS
attributes.__access__ = ["alice"]
attributes.__auth_realm__ = "attributes"


def nested(req: apache.Request) -> str:
    """As in mod_python's manual."""

    def __auth__(req: apache.Request, user: str, password: str) -> bool:
        return user == "alice" and password == "wonderland"

    def __access__(req: apache.Request, user: str) -> int:
        return 1

    __auth_realm__ = "nested"
    return "you are in"


def constants(req: apache.Request) -> str:
    __auth__ = True
    __access__ = ("alice", "bob")
    return "you are in"


def closed(req: apache.Request) -> str:
    __access__ = 0
    return "secret"


def by_lambda(req: apache.Request) -> str:
    __auth__ = lambda req, user, password: user == "alice"
    return "you are in"


def _passes_on(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        return function(*arguments, **options)

    return wrapper


@_passes_on
def wrapped(req: apache.Request) -> str:
    __access__ = 0
    return "secret"


@functools.cache
def cached(req: apache.Request = None) -> str:  # type: ignore[assignment] # published without parameters, too
    __access__ = 0
    return "secret"


@functools.lru_cache(maxsize=1)
@_passes_on
def cached_wrapper(req: apache.Request) -> str:
    __access__ = 0
    return "secret"


def _attributed(req: apache.Request) -> str:
    return "secret"


_attributed.__access__ = 0

partial = functools.partial(wrapped)
partial_of_cached = functools.partial(functools.partial(cached))
partial_of_attributed = functools.partial(_attributed)


class Wrapping:
    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)

    def __call__(self, req: apache.Request) -> str:
        return "secret"


class Inheriting(Wrapping):
    pass


class Calling:
    def __call__(self, req: apache.Request) -> str:
        __access__ = 0
        return "secret"

    def method(self) -> str:
        return "secret"


class CallingAttributed:
    def __call__(self, req: apache.Request) -> str:
        return "secret"

    __call__.__access__ = 0


class CallingStatic:
    @staticmethod
    def __call__(req: apache.Request) -> str:
        __access__ = 0
        return "secret"


wrapping = Wrapping(cached)
inheriting = Inheriting(_attributed)
calling = Calling()
calling_attributed = CallingAttributed()
calling_static = CallingStatic()


class Endless:
    def __str__(self) -> str:
        return "secret"

    @property
    def __wrapped__(self) -> Any:
        return Endless()


endless = Endless()


def with_dict(req: apache.Request) -> str:
    __auth__ = {"alice": "wonderland"}
    return "secret"


def with_variable(req: apache.Request) -> str:
    name = "alice"

    def __auth__(req: apache.Request, user: str, password: str) -> bool:
        return user == name

    return "secret"


def with_choice(req: apache.Request) -> str:
    __access__ = 1 if req else 0
    return "secret"


def with_two(req: apache.Request) -> str:
    if req is None:
        __access__ = 1
    else:
        __access__ = 0
    return "secret"


def with_parameter(req: apache.Request, __access__: str = "none") -> str:
    return f"a field {__access__}"


class Methods:
    __auth__ = PASSWORDS

    def guarded(self, req: apache.Request) -> str:
        __access__ = ("alice",)
        return f"method for {req.user}"

    def attribute(self, req: apache.Request) -> str:
        return f"method for {req.user}"

    attribute.__access__ = ["alice"]


methods = Methods()


class Broken:
    @property
    def __auth__(self) -> Any:
        raise LookupError("no rule to be had")


broken = Broken()
