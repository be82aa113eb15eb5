"""mod_python.publisher, without httpd: rules that a program sets when its objects were published already."""

import types
from collections.abc import Callable
from typing import Any

import pytest

from mod_python import testing  # noqa: F401 - it stands for httpd: first
from mod_python._publisher.access import apache as _apache  # type: ignore[attr-defined]
from mod_python._publisher.traversal import resolve


def guarded() -> str:
    __access__ = 0
    return f"guarded {__access__}"


def call(self: object) -> str:
    return f"a call of {self}"


call.__access__ = 0  # type: ignore[attr-defined]


def site() -> Any:
    """A module with an object in which another one has a method, and a function; the classes are new ones."""
    module: Any = types.ModuleType("site")
    shelf: Any = type("Shelf", (), {"book": lambda self: f"book of {self}"})
    shop: Any = type("Shop", (), {})
    module.shop = shop()
    module.shop.shelf = shelf()
    module.hello = lambda: "hello"
    return module


CHANGES: dict[str, Callable[[Any], None]] = {
    "an object": lambda module: setattr(module.shop, "__access__", 0),
    "its class": lambda module: setattr(type(module.shop.shelf), "__access__", 0),
    "a class that can be called now": lambda module: setattr(type(module.shop), "__call__", call),
    "a method": lambda module: setattr(type(module.shop.shelf).book, "__access__", 0),
    "the code of a method": lambda module: setattr(type(module.shop.shelf).book, "__code__", guarded.__code__),
    "another method": lambda module: setattr(type(module.shop.shelf), "book", guarded),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_rule_that_is_set_later_holds(change: str) -> None:
    req: Any = types.SimpleNamespace(user=None, headers_in={})
    module, path = site(), ("shop", "shelf", "book")
    for _ in range(3):
        assert callable(resolve(req, module, path))
    CHANGES[change](module)
    for _ in range(2):
        with pytest.raises(_apache.SERVER_RETURN) as refused:
            resolve(req, module, path)
        assert refused.value.args[0] == 403
    assert callable(resolve(req, module, ("hello",)))
