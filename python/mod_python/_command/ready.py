"""Imported last as a child of httpd starts, it tells `mod_python serve` that the child is ready, or what is wrong."""

import os
import sys

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from typing import Any

LINE = b"mod_python: a child is ready\n"
REFUSED = b"mod_python: refused: "  # and a sentence
VARIABLE = "MOD_PYTHON_SERVE"  # is there in such a child, with the application, if one is served


def _fault(application: str) -> str | None:
    """Return what is wrong with `module:callable` or `module:factory()`; a factory makes its application now.

    A module that was not imported is passed over: the log says why.
    """
    from mod_python import _wsgi

    name, _, dotted = application.removesuffix("()").rpartition(":")
    module = found = _module(name)
    if module is None:
        return None
    for one in dotted.split("."):
        if not hasattr(found, one):
            return f"the module {name} has no {dotted}: name the callable of the application, as in {name}:app"
        found = getattr(found, one)
    if application.endswith("()"):
        try:
            found = _wsgi.made_by(module, dotted, found)
        except (Exception, SystemExit) as error:
            _log(f"{application} failed", error)
            return f"{application} made no application, as the traceback above says"
    if not callable(found):
        kind = type(found).__qualname__
        return f"{application} is of the type {kind}, and an application is something that can be called"
    return None


def _module(name: str) -> "Any":
    """Return a module that was imported by its name or by its file; else None."""
    from mod_python import _folders, _sources

    if not name.startswith("/"):
        return _sources.meant(sys.modules.get(name))
    try:
        return _folders.import_file(name)[1]
    except Exception:
        return None


def _log(what: str, error: BaseException) -> None:
    from mod_python import _apache, _failures

    trace = error.__traceback__
    for _ in range(2):  # of this function's caller, and of made_by()
        trace = trace.tb_next if trace is not None else None
    _apache.log_error("".join([f"{what}\n", *_failures.formatted(error, trace)]).rstrip())


def _tell(application: str) -> None:
    from mod_python._command.child import tell

    try:
        if application and (text := _fault(application)):
            tell(REFUSED + text.encode(errors="backslashreplace") + b"\n")
    finally:
        tell(LINE)


if VARIABLE in os.environ and "mod_python._apache" in sys.modules:  # in httpd
    _tell(os.environ[VARIABLE])
