"""Calls of functions with the fields of a form as arguments: ``util.apply_fs_data``."""

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, NamedTuple

from mod_python import apache
from mod_python._field_storage import FieldStorage
from mod_python._fields import Field

_TAKES_ALL_KEYWORDS = 0x08  # inspect.CO_VARKEYWORDS; inspect takes long to import


class _Parameters(NamedTuple):
    """What a function takes from a form."""

    function: FunctionType
    given: int  # how many of its first parameters are filled already: self

    def positional_only(self) -> tuple[str, ...]:
        """Return the names of those that cannot be keywords."""
        return self.function.__code__.co_varnames[self.given : self.function.__code__.co_posonlyargcount]

    def keywords(self) -> tuple[str, ...]:
        """Return the names of those that can be keywords."""
        code = self.function.__code__
        first = max(self.given, code.co_posonlyargcount)
        return code.co_varnames[first : code.co_argcount + code.co_kwonlyargcount]

    def takes_all(self) -> bool:
        """Whether there is ``**kwargs``."""
        return bool(self.function.__code__.co_flags & _TAKES_ALL_KEYWORDS)

    def filled(self) -> tuple[str, ...]:
        """Return the names that are filled already, and that a keyword would fill a second time."""
        code = self.function.__code__
        return code.co_varnames[code.co_posonlyargcount : min(self.given, code.co_argcount)]

    def required(self) -> set[str]:
        """Return the names of those without a default."""
        code = self.function.__code__
        names = code.co_varnames[self.given : code.co_argcount - len(self.function.__defaults__ or ())]
        keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        defaults = getattr(self.function, "__kwdefaults__", None) or {}
        return {*names, *(name for name in keyword_only if name not in defaults)}


def apply_fs_data(function: Callable[..., Any], form: FieldStorage, /, **args: Any) -> Any:
    """Call a function, method, class or object with the fields of a form as arguments.

    A field for which there is no parameter is dropped, unless the function takes ``**kwargs``, and so is one that has
    the name of an argument in `args`. An argument is a str for a text, a `Field` for a file, and a list of these for
    several fields of one name. What is not written in Python is called without arguments.

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
    parameters = _parameters_of(function)
    if parameters is None:
        return function()
    arguments = _values(form)
    for name in parameters.filled():
        arguments.pop(name, None)
    arguments.update(args)
    missing = sorted(parameters.required() - arguments.keys())
    if missing:
        apache.log_error(f"mod_python: the form has no field {', '.join(missing)}", apache.APLOG_INFO)
        raise apache.SERVER_RETURN(apache.HTTP_BAD_REQUEST)
    positional = []
    for name in parameters.positional_only():
        if name not in arguments:
            break
        positional.append(arguments.pop(name))
    if not parameters.takes_all():
        arguments = {name: arguments[name] for name in parameters.keywords() if name in arguments}
    return function(*positional, **arguments)


def _values(fs: FieldStorage) -> dict[str, Any]:
    found = {
        name: [field if isinstance(field, Field) else field.value for field in fields]
        for name, fields in fs.list.table().items()
    }
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _parameters_of(called: Any) -> _Parameters | None:
    """Return what is taken by the code that runs in a call; None if it is not Python's."""
    if isinstance(called, FunctionType):
        return _Parameters(called, 0)
    if isinstance(called, type):
        function = getattr(called, "__init__")  # noqa: B009 - mypy takes it for an attribute of an instance
        return _Parameters(function, 1) if isinstance(function, FunctionType) else None
    method = called if isinstance(called, MethodType) else type(called).__call__
    while isinstance(method, MethodType):
        method = method.__func__
    return _Parameters(method, 1) if isinstance(method, FunctionType) else None
