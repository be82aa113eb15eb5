"""Imports for handlers: a module that is found by its file belongs to the package of its folder.

The package is named after the path of the folder: ``/srv/shop/door.py`` is the module ``door`` of the package
``/srv/shop``, and ``/srv/shop.door`` in ``sys.modules``. So two folders can have modules of the same name, each file is
one module by whichever name it is imported, and every process can unpickle its classes. CPython's import system keeps
its rules: one thread runs a module, other threads wait for it, and a module whose first run failed is run again.

A module of a folder finds the modules beside it first: ``import rules`` in ``/srv/shop/door.py`` imports
``/srv/shop/rules.py`` if that exists. The folder is not on ``sys.path``, where all other code would find its modules.

The functions run on any thread that has entered the interpreter; the locks are those of CPython's import system.
"""

import importlib
import os
import sys
import threading
from collections.abc import Sequence
from importlib import _bootstrap
from importlib.machinery import ModuleSpec, NamespaceLoader, PathFinder, SourceFileLoader
from types import CodeType

# Names that are never looked up beside a module: the compiler's, and this package.
_NO_NEIGHBOURS = frozenset(("__future__", "mod_python"))
# What `urllib.parse.quote` leaves as it is.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


def _quoted(path: str, safe: str) -> str:
    """Return a path as part of a module's name: dots separate names, and pickle protocol 2 needs ASCII."""
    if not _PLAIN.issuperset(path.replace("/", safe)):
        from urllib.parse import quote  # takes long, and most paths need it never

        path = quote(os.fsencode(path), safe=safe)
    return path.replace(".", "%2E")


def _path(quoted: str) -> str:
    path = quoted.replace("%2E", ".")
    if "%" in path:
        from urllib.parse import unquote_to_bytes

        path = os.fsdecode(unquote_to_bytes(quoted))
    return path


def _package(folder: str) -> str:
    """Import the package of a folder, and return its name."""
    name = _quoted(folder or "/", "/")
    importlib.import_module(name)
    return name


def _is_neighbour(package: str, name: str) -> bool:
    """Return whether a package's folder has this module or package, or a namespace package that is nowhere else."""
    if name in _NO_NEIGHBOURS:
        return False
    spec = PathFinder.find_spec(f"{package}.{name}", [_path(package)])
    if spec is None or spec.loader is not None:
        return spec is not None
    if name in sys.modules:
        return False
    from importlib.util import find_spec

    return find_spec(name) is None


def beside(importer: str, name: str) -> str:
    """Return the full name for `name` in an import of the module `importer`: the one beside it, if there is one."""
    package = importer.partition(".")[0]
    if package.startswith("/") and _is_neighbour(package, name.partition(".")[0]):
        return f"{package}.{name}"
    return name


class _Loader(SourceFileLoader):
    """Loads a module of a folder. Its code is not that of the .pyc file, which knows no neighbours."""

    def get_code(self, fullname: str) -> CodeType:
        from mod_python import _neighbours  # it needs `ast`, and only modules of folders need it

        path = self.get_filename(fullname)
        tree = _neighbours.parse(self.get_data(path), path, lambda name: beside(fullname, name))
        code: CodeType = self.source_to_code(tree, path)
        return code


class _Searching(threading.local):
    """The path that the current import of this thread searches first; None outside of `import_named`."""

    path: Sequence[str] | None = None


_searching = _Searching()


class _Finder:
    """Finds the packages of folders and their modules, and for `import_named` the modules on a handler's path."""

    @staticmethod
    def find_spec(fullname: str, path: Sequence[str] | None = None, *_target: object) -> ModuleSpec | None:
        if not fullname.startswith("/"):
            if path is not None or _searching.path is None:
                return None
            spec = PathFinder.find_spec(fullname, _searching.path)
            return spec if spec is not None and spec.loader is not None else None
        if path is None:
            spec = ModuleSpec(fullname, None)
            spec.submodule_search_locations = [_path(fullname)]
            return spec
        package, _, name = fullname.rpartition(".")
        if "%" in name:
            from importlib.util import spec_from_file_location

            file = f"{_path(package).rstrip('/')}/{_path(name)}"
            return spec_from_file_location(fullname, file, loader=_Loader(fullname, file))
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


sys.meta_path.insert(next((at for at, one in enumerate(sys.meta_path) if one is PathFinder), 0), _Finder())


def _import(name: str) -> object:
    """Import a module for a handler, wait until it is complete, and return it, or its replacement in `sys.modules`.

    Raises:
        ImportError: this thread is importing it already, or it is a folder without code.
    """
    early = ImportError(f"module '{name}' is used as a handler while this thread is still importing it", name=name)
    while True:
        module = importlib.import_module(name)
        spec = getattr(module, "__spec__", None)
        if isinstance(spec, ModuleSpec):
            break
        # The module has replaced itself in sys.modules: only its lock says whether its code still runs.
        lock = _bootstrap._get_module_lock(name)  # type: ignore[attr-defined]
        if lock.owner == threading.get_ident():
            raise early
        with _bootstrap._ModuleLockManager(name):  # type: ignore[attr-defined]
            if sys.modules.get(name) is module:
                return module
    if getattr(spec, "_initializing", False):
        raise early
    if spec.origin is None and isinstance(spec.loader, NamespaceLoader):
        folders = list(spec.submodule_search_locations or ())
        file = f"{name.rpartition('.')[2]}.py"
        text = f"'{name}' is no module: {', '.join(folders)} has no __init__.py, and there is no {file} beside it"
        from mod_python._search import unreadable

        for folder in folders:
            if fault := unreadable(folder):
                text = f"'{name}' is in {folder}, {fault}"
        raise ModuleNotFoundError(text, name=name)
    return module


def import_file(path: str) -> object:
    """Import the module of a file: an absolute path that ends in .py."""
    folder, _, file = path.rpartition("/")
    package, name = _package(folder), file.removesuffix(".py")
    if name.isidentifier():
        spec = PathFinder.find_spec(f"{package}.{name}", [folder or "/"])
        if spec is not None and spec.origin == path:
            return _import(f"{package}.{name}")
    return _import(f"{package}.{_quoted(file, '')}")


def import_beside(folder: str, name: str) -> object:
    """Import and return a module of a folder; return None if the folder has none of that name."""
    package = _package(folder)
    full = beside(package, name)
    return _import(full) if full != name else None


def import_named(name: str, path: Sequence[str]) -> object:
    """Import a module by its name, from `path` before `sys.path`.

    An interpreter has one module of each name: if the paths of two sections have different ones, the section that
    imports first decides, and the other gets a notice in the log.
    """
    before, _searching.path = _searching.path, path
    try:
        module = _import(name)
    finally:
        _searching.path = before
    first = name.partition(".")[0]
    if first in _NO_NEIGHBOURS:
        return module
    meant, found = PathFinder.find_spec(first, path), getattr(sys.modules.get(first), "__spec__", None)
    if meant is not None and isinstance(found, ModuleSpec) and _differ(meant, found):
        from mod_python import _apache

        _apache.log_error(
            f"handler {name}: the path of its section has {meant.origin}, but this interpreter has imported "
            f"{found.origin} under that name and uses it: name the handler by its file, or give it a PythonInterpreter",
            _apache.APLOG_NOTICE,
        )
    return module


def _differ(one: ModuleSpec, other: ModuleSpec) -> bool:
    if not (one.has_location and other.has_location and one.origin and other.origin) or one.origin == other.origin:
        return False
    try:
        return not os.path.samefile(one.origin, other.origin)  # noqa: PTH121 - pathlib takes long to import
    except OSError:
        return True
