"""Calls of functions with the fields of a form as arguments: ``util.apply_fs_data``."""

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any
from weakref import ref

from mod_python import apache
from mod_python._forms.request_form import RequestForm, arguments_of
from mod_python._forms.storage import FieldStorage

_TAKES_ALL_KEYWORDS = 0x08  # inspect.CO_VARKEYWORDS; inspect takes long to import


class _Parameters:
    """What a function takes from a form.

    Attributes:
        code: the code of the function when it was looked at; `defaults` and `keyword_defaults` are those that it had.
        filled: the names that are filled already, and that a keyword would fill a second time.
        positional_only: the names of those that cannot be keywords.
        keywords: the names of those that can be keywords.
        names: both, and `all_names` as a set.
        takes_all: whether there is ``**kwargs``.
        required: the names of those without a default.
        only: the name of the one parameter, which can be a keyword; None unless there is exactly one.
    """

    def __init__(self, function: FunctionType, given: int) -> None:
        """Look at a function, of whose first parameters so many are filled already: self."""
        code, names = function.__code__, function.__code__.co_varnames
        defaults, keyword_defaults = function.__defaults__, getattr(function, "__kwdefaults__", None)
        self.code, self.defaults, self.keyword_defaults = code, defaults, keyword_defaults
        count, positional_only = code.co_argcount, code.co_posonlyargcount
        self.filled = names[positional_only : min(given, count)]
        self.positional_only = names[given:positional_only]
        keyword_only = names[count : count + code.co_kwonlyargcount]
        self.keywords = names[max(given, positional_only) : count] + keyword_only
        self.names = self.positional_only + self.keywords
        self.all_names = frozenset(self.names)
        self.takes_all = bool(code.co_flags & _TAKES_ALL_KEYWORDS)
        self.only = self.names[0] if len(self.names) == 1 and not (self.positional_only or self.takes_all) else None
        self.required = {
            *names[given : count - len(defaults or ())],
            *(name for name in keyword_only if name not in (keyword_defaults or {})),
        }


# What was found of functions: as they are, and as methods. WeakKeyDictionary takes twice as long.
_known: tuple[dict[ref[FunctionType], _Parameters], ...] = ({}, {})


def apply_fs_data(function: Callable[..., Any], form: FieldStorage, /, **args: Any) -> Any:
    """Call a function, method, class or object with the fields of a form as arguments.

    A field for which there is no parameter is dropped, unless the function takes ``**kwargs``, and so is one that has
    the name of an argument in `args`. An argument is a str for a text, a `Field` for a file, and a list of these for
    several fields of one name. What is not written in Python is called without arguments. The form is left alone where
    no parameter is for it.

    Args:
        function: what is called.
        form: the form.
        args: arguments that no field can change, such as ``req``. Those that the function does not take are dropped.

    Returns:
        What the call returns.

    Raises:
        apache.SERVER_RETURN: with status 400, when the form lacks an argument; an entry of the log at level info names
            it.
        BaseException: whatever is raised by what is called.
    """
    return call(function, lambda: arguments_of(form() if isinstance(form, RequestForm) else form), args)


def call(function: Callable[..., Any], fields: Callable[[], dict[str, Any]], args: dict[str, Any]) -> Any:
    """As `apply_fs_data`, for a form whose fields, as `arguments_of` gives them, are only asked for if they are needed.

    Raises:
        BaseException: as `apply_fs_data`; whatever `fields` raises.
    """
    parameters = _parameters_of(function)
    if parameters is None:
        return function()
    only = parameters.only
    if only is not None and only in args:  # most often: req
        return function(**{only: args[only]})
    if parameters.takes_all:
        arguments = fields()
        for name in parameters.filled:
            arguments.pop(name, None)
        arguments.update(args)
    else:
        given = args
        if not args.keys() >= parameters.all_names:
            given = fields()
            given.update(args)
        arguments = {}
        for name in parameters.names:  # a comprehension takes longer for so few
            if name in given:
                arguments[name] = given[name]
    if not parameters.required <= arguments.keys():
        missing = sorted(parameters.required - arguments.keys())
        apache.log_error(f"mod_python: the form has no field {', '.join(missing)}", apache.APLOG_INFO)
        raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST)
    if not parameters.positional_only:
        return function(**arguments)
    positional = []
    for name in parameters.positional_only:
        if name not in arguments:
            break
        positional.append(arguments.pop(name))
    if not parameters.takes_all:
        arguments = {name: arguments[name] for name in parameters.keywords if name in arguments}
    return function(*positional, **arguments)


def keywords_of(function: object) -> tuple[tuple[str, ...], frozenset[str]] | None:
    """Return the names of a function's parameters, and of those without a default.

    None if not all of them can be given by their names, or if there is ``**kwargs``; for what is not Python's, too.
    """
    found = _parameters_of(function)
    if found is None or found.positional_only or found.takes_all:
        return None
    return found.names, frozenset(found.required)


def _parameters_of(called: Any) -> _Parameters | None:
    """Return what is taken by the code that runs in a call; None if it is not Python's."""
    kind = type(called)
    if kind is FunctionType:
        return _seen(called, 0)
    if kind is MethodType and type(called.__func__) is FunctionType:
        return _seen(called.__func__, 1)
    if isinstance(called, type):
        function = getattr(called, "__init__")  # noqa: B009 - mypy takes it for an attribute of an instance
        return _seen(function, 1) if isinstance(function, FunctionType) else None
    method = called if isinstance(called, MethodType) else type(called).__call__
    while isinstance(method, MethodType):
        method = method.__func__
    return _seen(method, 1) if isinstance(method, FunctionType) else None


def _seen(function: FunctionType, given: int) -> _Parameters:
    known = _known[given].get(ref(function))
    if (
        known is None
        or known.code is not function.__code__
        or known.defaults is not function.__defaults__
        or known.keyword_defaults is not function.__kwdefaults__
    ):
        known = _Parameters(function, given)
        _known[given][ref(function, _forget)] = known
    return known


def _forget(function: ref[FunctionType]) -> None:
    """Drop what was found of a function that is gone."""
    for known in _known:
        known.pop(function, None)
