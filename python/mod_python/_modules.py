"""Modules for handlers, and objects in them, by name: part of ``mod_python.apache``."""

import importlib
import os
import sys
from types import ModuleType

from mod_python import _apache, _folders, _sources

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")


# How many changes there were when each module was last looked at.
_looked: dict[str, int] = {}
# The modules that were asked for by their files: name, module, and how many changes there were. The publisher finds
# those that are current by itself.
modules_by_file: dict[str, tuple[str, ModuleType, int]] = {}


def import_module(
    module_name: str,
    autoreload: bool = True,
    log: bool = False,
    path: list[str] | None = None,
) -> ModuleType:
    """Import a module by its name. For a caller in a handler's folder, a module in that folder comes first.

    Args:
        module_name: the dotted name.
        autoreload: whether to return a new version if the file of the module, or of one that it imports, has changed.
            With `PythonAutoReload Off` no changes are looked for.
        log: whether the first import of the module, and each new version, is logged, at notice.
        path: the folders in which the module is looked for, and nowhere else; the module is known by its file.

    Returns:
        The module.

    Raises:
        ImportError: there is no such module.
        BaseException: whatever the module raises when it is first imported. A new version that raises is logged, and
            the version before is returned.
    """
    importer = sys._getframe(1).f_globals.get("__name__", "")
    name = _folders.beside(importer, module_name) if path is None else _folders.in_folders(module_name, path)
    _sources.note_autoreload(importer, name, autoreload)
    if log and name not in sys.modules:
        _apache.log_error(f"mod_python: importing module '{name}'", _apache.APLOG_NOTICE)
    changes = _apache._changes() if autoreload else -1
    before = name in sys.modules
    module = importlib.import_module(name)
    if not before and not _sources.have_changed():
        _looked[name] = changes
    if changes >= 0 and _looked.get(name) != changes:
        module = _newest(name, module, changes, log)
    return module


def import_file(path: str, req: _apache.Request) -> ModuleType:
    """Import the module of a file, or return its newest version.

    Args:
        path: an absolute path that ends in ``.py``.
        req: the request for which the module is needed: with `PythonDebug On` each import is logged, at notice.

    Raises:
        BaseException: whatever the module raises when it is first imported. A new version that raises is logged, and
            the version before is returned; with `PythonDebug On` what it raises is raised here.
    """
    changes = _apache._changes()
    known = modules_by_file.get(path)
    if known is not None and changes in (known[2], -1):
        return known[1]
    is_debug = bool(int(req.get_config().get("PythonDebug", "0")))
    if known is None:
        if is_debug:
            _apache.log_error(f"mod_python: importing module '{path}'", _apache.APLOG_NOTICE)
        name, module = _folders.import_file(path)
        modules_by_file[path] = (name, module, changes)  # type: ignore[assignment]
        return module  # type: ignore[return-value]
    newest: ModuleType = _newest(known[0], known[1], changes, is_debug, path)
    return newest


def _newest(name: str, module: ModuleType, changes: int, log: bool, path: str | None = None) -> "Any":
    from mod_python import _failures, _reload

    newest, is_settled, error, is_news = _reload.newest(name, module, (), changes)
    if is_settled and path is None:
        _looked[name] = changes
    elif is_settled and path is not None:
        modules_by_file[path] = (name, newest, changes)  # type: ignore[assignment]
    if error is not None and path is not None and log:
        raise error
    if error is not None and is_news:
        text = f"the changed version of module '{name}' cannot be used, the one before it stays in use\n"
        _apache.log_error(text + "".join(_failures.formatted(error, error.__traceback__)).rstrip())
    if log and newest is not module:
        _apache.log_error(f"mod_python: reimported module '{name}'", _apache.APLOG_NOTICE)
    return newest


def kept(name: str, make: "Callable[[], T]") -> "T":
    """Return what the version before this one of the calling module had under a name; else what `make()` returns.

    A module calls it while it is imported, for what a new version of it must not lose (see `PythonAutoReload`)::

        pool = apache.kept("pool", open_pool)

    Args:
        name: the name in the module.
        make: a function that is called without arguments if there is no older version, or if that has no such name.
    """
    attempt = _sources.here.attempt
    old = attempt.old(sys._getframe(1).f_globals.get("__name__", "")) if attempt is not None else None
    found: T = getattr(old, name) if hasattr(old, name) else make()
    return found


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
