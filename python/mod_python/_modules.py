"""Modules for handlers, and objects in them, by name: part of ``mod_python.apache``."""

import importlib
import os
import sys
from types import ModuleType

from mod_python import _apache, _folders

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from typing import Any


def import_module(
    module_name: str,
    autoreload: bool = True,
    log: bool = False,
    path: list[str] | None = None,
) -> ModuleType:
    """Import a module by its name. For a caller in a handler's folder, a module in that folder comes first.

    Args:
        module_name: the dotted name.
        autoreload: ignored; this version does not reload modules.
        log: whether the first import of the module is logged, at notice.
        path: ignored.

    Returns:
        The module.

    Raises:
        ImportError: there is no such module.
        BaseException: whatever the module raises.
    """
    module_name = _folders.beside(sys._getframe(1).f_globals.get("__name__", ""), module_name)
    if log and module_name not in sys.modules:
        _apache.log_error(f"mod_python: importing module '{module_name}'", _apache.APLOG_NOTICE)
    return importlib.import_module(module_name)


def module_mtime(module: ModuleType) -> float:
    """Return when a module's file was changed, as Unix time in seconds; 0.0 for a module without a file."""
    file = getattr(module, "__file__", None)
    try:
        return os.stat(file).st_mtime if file else 0.0  # noqa: PTH116 - pathlib takes long to import
    except OSError:
        return 0.0


def resolve_object(module: "Any", obj: str, arg: object = None, silent: bool = False) -> "Any":
    """Return the object of a dotted name.

    A class before a dot is called, and the next name is looked up in the instance.

    Args:
        module: the object with the first name.
        obj: the dotted name.
        arg: the argument for classes that are called.
        silent: whether to return None if there is no such object.

    Raises:
        AttributeError: there is no such object, and `silent` is false.
    """
    found = module
    for name in obj.split("."):
        if isinstance(found, type):
            found = found(arg)
        if not hasattr(found, name):
            if silent:
                return None
            raise AttributeError(f"module '{getattr(module, '__file__', module)}' contains no '{obj}'")
        found = getattr(found, name)
    return found
