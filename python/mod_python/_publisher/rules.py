"""Where the rules of an object are written: in its attributes, or inside of a function."""

import functools
from types import CodeType, FunctionType, MethodType, ModuleType, WrapperDescriptorType
from typing import Any, NamedTuple

_NAMES = ("__auth__", "__access__", "__auth_realm__")
_NAME_SET = frozenset(_NAMES)
_OF_MODULES = frozenset((*_NAMES, "__getattr__"))
# What wraps another object and cannot be called.
_WRAPPERS = (classmethod, functools.partialmethod)
_VARARGS, _VARKEYWORDS = 0x04, 0x08  # inspect.CO_VARARGS and CO_VARKEYWORDS; inspect takes long to import

# How many functions may be wrapped in one another.
_MOST_LAYERS = 100

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
    constant, or a function. What another function or object wraps, or calls, keeps its rules; see `_layers`.

    Raises:
        TypeError: what is assigned inside of a function cannot be read without calling that, or an object wraps others
            without an end.
        BaseException: whatever an attribute raises.
    """
    if _has_none(found):
        return None
    rules: dict[str, Any] = {}
    for layer in _layers(found):
        inside = _assigned(layer) if isinstance(layer, FunctionType) else {}
        for name in _NAMES:
            value = getattr(layer, name, inside.get(name, ABSENT))
            if value is not ABSENT:
                rules.setdefault(name, value)
    return Rules(*(rules.get(name, ABSENT) for name in _NAMES)) if rules else None


def _has_none(found: Any) -> bool:
    """Return whether it can be told at once that an object has no rules: for most functions, methods and modules."""
    kind = type(found)
    if kind is ModuleType:
        names: dict[str, Any] = found.__dict__
        return names.keys().isdisjoint(_OF_MODULES)
    function = found.__func__ if kind is MethodType else found
    if type(function) is not FunctionType:
        return not isinstance(found, _WRAPPERS) and is_bare(found)
    code = function.__code__
    inside = (*code.co_varnames, *code.co_cellvars)
    return not function.__dict__ and _NAME_SET.isdisjoint(inside)


def is_bare(found: Any) -> bool:
    """Return whether an object that wraps no other one has no rules, and cannot be called, as most instances."""
    # The names one by one: a loop takes three times as long.
    return not (
        callable(found)
        or hasattr(found, "__wrapped__")
        or hasattr(found, "__auth__")
        or hasattr(found, "__access__")
        or hasattr(found, "__auth_realm__")
    )


def _layers(found: object) -> list[Any]:
    """Return an object, and what it wraps or calls: the outer ones first."""
    layers: list[Any] = [found]
    for layer in layers:
        layers += [one for one in _inner(layer) if not any(one is other for other in layers)]
        if len(layers) > _MOST_LAYERS:
            raise TypeError(f"the rules of a {type(found).__name__} cannot be read: it wraps others without an end")
    return layers


def _inner(layer: Any) -> list[Any]:
    """Return what an object wraps or calls by itself: functions, methods, `partial`, objects with `__call__`."""
    if isinstance(layer, MethodType | staticmethod | classmethod):
        return [layer.__func__]
    if isinstance(layer, functools.partial | functools.partialmethod):
        return [layer.func]
    found: list[Any] = []
    if not isinstance(layer, FunctionType | type):
        calls = (vars(kind).get("__call__") for kind in type(layer).__mro__)
        call = next((one for one in calls if one is not None), None)
        if call is not None and not isinstance(call, WrapperDescriptorType):
            found.append(call)
    wrapped = getattr(layer, "__wrapped__", None)
    return found if wrapped is None else [*found, wrapped]


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
