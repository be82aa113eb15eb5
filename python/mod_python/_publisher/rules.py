"""Where the rules of an object are written: in its attributes, or inside of a function."""

import functools
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

_NAMES = ("__auth__", "__access__", "__auth_realm__")
_NAME_SET = frozenset(_NAMES)
_FUNCTIONS = (FunctionType, MethodType)
_VARARGS, _VARKEYWORDS = 0x04, 0x08  # inspect.CO_VARARGS and CO_VARKEYWORDS; inspect takes long to import

# Instructions behind which a constant is still what is stored next, and those that make a function of code.
_KEEPING = frozenset({"CACHE", "EXTENDED_ARG", "NOP"})
_MAKING = frozenset({"MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE"})


class _Absent:
    """What a rule is that is not there: each other value is one."""


ABSENT: Any = _Absent()


class Rules(NamedTuple):
    """The rules of an object; `ABSENT` for each that it does not have."""

    auth: Any
    access: Any
    realm: Any


def rules_of(found: object) -> Rules | None:
    """Return the rules of an object, or None if it has none.

    Those of a function are its attributes; else, as in mod_python 3, what is assigned to these names inside of it: a
    constant, or a function. A function that another one wraps (`functools.wraps`) keeps its rules.

    Raises:
        TypeError: what is assigned inside of a function cannot be read without calling that.
        BaseException: whatever an attribute raises.
    """
    if _has_none(found):
        return None
    inside: dict[str, Any] = {}
    if isinstance(found, _FUNCTIONS):
        for function in _wrapped(found):
            inside = {**_assigned(function), **inside}
    auth = getattr(found, "__auth__", inside.get("__auth__", ABSENT))
    access = getattr(found, "__access__", inside.get("__access__", ABSENT))
    realm = getattr(found, "__auth_realm__", inside.get("__auth_realm__", ABSENT))
    return None if auth is access is realm is ABSENT else Rules(auth, access, realm)


def _has_none(found: Any) -> bool:
    """Return whether it can be told at once that an object has no rules: for most functions, methods and modules."""
    if type(found) is ModuleType:
        names = found.__dict__
        return not ("__auth__" in names or "__access__" in names or "__auth_realm__" in names or "__getattr__" in names)
    function = found.__func__ if type(found) is MethodType else found
    if type(function) is not FunctionType or function.__dict__:
        return False
    code = function.__code__
    return _NAME_SET.isdisjoint(code.co_varnames) and _NAME_SET.isdisjoint(code.co_cellvars)


def _wrapped(function: Any) -> Iterator[FunctionType]:
    """Yield a function, and those that it wraps."""
    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        while isinstance(function, MethodType):
            function = function.__func__
        if not isinstance(function, FunctionType):
            return
        yield function
        function = function.__dict__.get("__wrapped__")


def _assigned(function: FunctionType) -> dict[str, Any]:
    """Return the rules inside of a function."""
    code = function.__code__
    parameters = code.co_argcount + code.co_kwonlyargcount
    parameters += bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)
    names = [
        name
        for name in _NAMES
        if (name in code.co_varnames or name in code.co_cellvars) and name not in code.co_varnames[:parameters]
    ]
    return {name: _value(function, name) for name in names}


def _value(function: FunctionType, name: str) -> Any:
    stored = _stored(function.__code__, name)
    if len(stored) == 1 and stored[0] is not ABSENT:
        value = stored[0]
        if not isinstance(value, CodeType):
            return value
        if not value.co_freevars:
            return FunctionType(value, function.__globals__, name)
    raise TypeError(
        f"{name} in the function {function.__qualname__} of {function.__code__.co_filename} cannot be read: it can be "
        f"a constant, or a function that uses no variable of the one around it; or write below the function: "
        f"{function.__name__}.{name} = ..."
    )


@functools.lru_cache(maxsize=256)
def _stored(code: CodeType, name: str) -> list[Any]:
    """Return what each assignment to a local variable assigns: a constant, or the code of a function; else ABSENT."""
    import dis  # which takes long to import, and few functions have rules inside

    found: list[Any] = []
    value: Any = ABSENT
    for one in dis.get_instructions(code):
        if one.is_jump_target:
            value = ABSENT  # one of several
        if one.opname.startswith(("STORE_FAST", "STORE_DEREF")):
            # From Python 3.13 one instruction may store two variables, or store one and load another.
            names = one.argval if isinstance(one.argval, tuple) else (one.argval,)
            if names[0] == name:
                found.append(value)
            elif name in names and not one.opname.endswith("LOAD_FAST"):
                found.append(ABSENT)
        if one.opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
            value = one.argval
        elif one.opname not in _KEEPING and not (one.opname in _MAKING and isinstance(value, CodeType)):
            value = ABSENT
    return found
