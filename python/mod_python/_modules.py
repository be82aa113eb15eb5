"""Modules for handlers, and objects in them, by name: part of ``mod_python.apache``."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from mod_python import _apache, _folders


def import_module(
    module_name: str,
    autoreload: bool = True,
    log: bool = False,
    path: list[str] | None = None,
) -> ModuleType:
    """Import a module by its name; one that lies beside the calling module goes first if a folder's handler calls.

    Args:
        module_name: dotted name.
        autoreload: accepted; this version does not reload yet.
        log: whether an import that was not done before is logged, at notice.
        path: accepted, as ``autoreload``.

    Returns:
        The module.

    Raises:
        ImportError: there is no such module; whatever else importing it raises.
    """
    module_name = _folders.beside(sys._getframe(1).f_globals.get("__name__", ""), module_name)
    if log and module_name not in sys.modules:
        _apache.log_error(f"mod_python: importing module '{module_name}'", _apache.APLOG_NOTICE)
    return importlib.import_module(module_name)


def module_mtime(module: ModuleType) -> float:
    """Return when a module's file changed, in seconds since 1970; 0 for a module without one."""
    file = getattr(module, "__file__", None)
    try:
        return Path(file).stat().st_mtime if file else 0.0
    except OSError:
        return 0.0


def resolve_object(module: Any, obj: str, arg: object = None, silent: bool = False) -> Any:
    """Look a dotted name up.

    Where a class stands before a dot, it is called, and the next name is one of the instance.

    Args:
        module: where the first name is looked up.
        obj: names with dots between them.
        arg: what classes are called with.
        silent: give None for what is not there.

    Raises:
        AttributeError: there is no such object.
    """
    found = module
    for name in obj.split("."):
        if isinstance(found, type):
            found = found(arg)
        if not hasattr(found, name):
            if silent:
                return None
            raise AttributeError(f"there is no '{obj}' in {getattr(module, '__file__', module)}")
        found = getattr(found, name)
    return found
