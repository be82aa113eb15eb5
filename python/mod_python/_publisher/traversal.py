"""The way from a module to the object that a URL names, and which objects may be on it."""

import types
from typing import Any, NoReturn
from weakref import ref

from mod_python import _apache, apache
from mod_python._publisher.access import Access
from mod_python._publisher.rules import is_bare, rules_of

# What is neither published nor looked into. Subclasses count, too: classes of a metaclass, modules of a program's own.
_CLOSED = (
    type,
    types.ModuleType,
    types.BuiltinFunctionType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GenericAlias,
    types.UnionType,
)
# Modules whose objects stand for classes, and are closed as these: aliases (`Box[int]`), unions, new types. They are
# known by the names of the modules, which take long to import.
_TYPING = ("typing", "typing_extensions")
# What is published, and not looked into: functions, methods, generators, and all other types that the interpreter uses
# by itself.
_LEAVES = frozenset(one for one in vars(types).values() if isinstance(one, type))


_OURS = ("mod_python", "_apache")
# Those of the built-in module have the names that they had in mod_python 3, which name no module.
_OUR_TYPES = frozenset(one for one in vars(_apache).values() if isinstance(one, type))
_SPECIAL = _LEAVES | _OUR_TYPES | frozenset(_CLOSED)
# What was looked at: functions that are neither ours nor have rules, with their code, and classes that are plain.
_known: dict[ref[Any], types.CodeType | None] = {}


def _forget(gone: ref[Any]) -> None:
    """Drop what is known of a function or class that is gone."""
    _known.pop(gone, None)


def _is_plain(kind: type) -> bool:
    """Return whether a class can be told to be neither ours nor closed nor a leaf: it has no base but object."""
    if ref(kind) in _known:
        return True
    if kind.__base__ is not object or kind in _SPECIAL or kind.__module__ in _TYPING or _is_home(kind.__module__):
        return False
    _known[ref(kind, _forget)] = None
    return True


def _is_closed(value: object) -> bool:
    return isinstance(value, _CLOSED) or type(value).__module__ in _TYPING


def _is_ours(value: object) -> bool:
    """Return whether a value is a function of mod_python's own modules, or an instance of one of their classes.

    A page that imports one, such as ``util.redirect``, does not mean to publish it.
    """
    kind = type(value)
    if kind is types.MethodType:
        value = value.__func__  # type: ignore[attr-defined]
        kind = type(value)
    return _is_home(value.__module__ if kind is types.FunctionType else kind.__module__) or kind in _OUR_TYPES


def _is_home(module: object) -> bool:
    """Return whether the name of a module is that of one of ours."""
    return type(module) is str and module.startswith(_OURS) and module.partition(".")[0] in _OURS


def _is_free(value: Any) -> bool:
    """Return whether it can be told at once that a value is not ours, and has no rules: from the second time on."""
    kind = type(value)
    function = value.__func__ if kind is types.MethodType else value
    if type(function) is types.FunctionType:
        return _known.get(ref(function)) is function.__code__ and not function.__dict__
    return _is_plain(kind) and is_bare(value)


def is_free_function(value: object) -> bool:
    """Return whether a value is a function that is not ours, and has no rules: once `resolve` has looked at it."""
    return type(value) is types.FunctionType and _is_free(value)


def _note_free(value: Any) -> None:
    """Note that a value is not ours, and has no rules."""
    function = value.__func__ if type(value) is types.MethodType else value
    if type(function) is types.FunctionType:
        _known[ref(function, _forget)] = function.__code__


def is_publishable(value: object) -> bool:
    """Return whether a value can be what a URL names."""
    kind = type(value)
    return kind is types.FunctionType or kind is types.MethodType or _is_plain(kind) or not _is_closed(value)


def is_traversable(value: object) -> bool:
    """Return whether a URL can name what is in a value."""
    kind = type(value)
    return _is_plain(kind) or (kind not in _LEAVES and not _is_closed(value))


def resolve(req: apache.Request, module: object, names: tuple[str, ...]) -> object:
    """Return the object that names lead to, one in the other, from a module on.

    Raises:
        apache.SERVER_RETURN: 403 for what must not be seen, 404 for what is not there, 401 and 403 where the rules of
            an object on the way refuse.
        BaseException: whatever an attribute or a rule raises.
    """
    access: Access | None = None
    if (rules := rules_of(module)) is not None:
        access = Access(req)
        access.check(rules)
    found = module
    for name in names:
        if name[:1] == "_":
            _refuse(req, f"{name!r} begins with an underscore")
        if found is not module and not is_traversable(found):
            _refuse(req, f"{name!r} is looked for in a {type(found).__name__}")
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND) from error
        if _is_free(found):
            continue
        if _is_ours(found):
            _refuse(req, f"{name!r} is mod_python's own")
        if (rules := rules_of(found)) is None:
            _note_free(found)
        else:
            access = access or Access(req)
            access.check(rules)
    if not is_publishable(found):
        _refuse(req, f"{names[-1]!r} is a {type(found).__name__}")
    return found


def _refuse(req: apache.Request, why: str) -> NoReturn:
    req.log_error(f"mod_python: not published: {why}", apache.APLOG_INFO)
    raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)
