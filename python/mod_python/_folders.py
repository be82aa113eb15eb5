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
from importlib.machinery import ModuleSpec, NamespaceLoader, PathFinder, SourceFileLoader, SourcelessFileLoader
from types import CodeType

from mod_python import _sources
from mod_python._listings import listings, names_in

# Names that are never looked up beside a module: the compiler's, and this package.
_NO_NEIGHBOURS = frozenset(("__future__", "mod_python"))
# What `urllib.parse.quote` leaves as it is.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


def _find(name: str, path: Sequence[str] | None = None) -> ModuleSpec | None:
    """Find a module in folders, or on `sys.path`, also in a folder that was not there when others looked."""
    spec = PathFinder.find_spec(name, path)
    if spec is None:
        cache = sys.path_importer_cache
        new = [one for one in path or sys.path if cache.get(one, one) is None and os.path.isdir(one)]  # noqa: PTH112
        if new:
            for each in new:
                cache.pop(each, None)
            spec = PathFinder.find_spec(name, path)
    return spec


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
    spec = _find(f"{package}.{name}", [_path(package)])
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


class _Loader(_sources.Source):
    """Loads a module of a folder. Its code is not that of the .pyc file, which knows no neighbours."""

    def get_code(self, fullname: str) -> CodeType:
        from mod_python import _neighbours  # it needs `ast`, and only modules of folders need it

        path = self.get_filename(fullname)
        tree = _neighbours.parse(self.get_data(path), path, lambda name: beside(fullname, name))
        code: CodeType = self.source_to_code(tree, path)
        return code


class _PathLoader(_sources.Source):
    """Loads a module of a plain name. It names those beside it by file whose plain names are of other folders."""

    def get_code(self, fullname: str) -> CodeType | None:
        folder = self.path.rpartition("/")[0]
        for _ in range(fullname.count(".") + self.is_package(fullname)):
            folder = folder.rpartition("/")[0]
        others = _others(folder) if folder in _plain else frozenset()
        if not others:
            return super().get_code(fullname)
        from mod_python import _neighbours  # it needs `ast`

        package = _package(folder)

        def full_name(name: str) -> str:
            return f"{package}.{name}" if name.partition(".")[0] in others else name

        code: CodeType = self.source_to_code(
            _neighbours.parse(self.get_data(self.path), self.path, full_name), self.path
        )
        return code


class _Searching(threading.local):
    """The path that the current import of this thread searches first; None for `sys.path` alone."""

    path: Sequence[str] | None = None


searching = _Searching()
# The folders of `PythonPath` whose modules have their plain names, with these.
_plain: dict[str, frozenset[str]] = {}
_plain_lock = threading.Lock()


class _Finder:
    """Finds the packages of folders and their modules, and for `import_named` the modules on a handler's path."""

    @staticmethod
    def find_spec(fullname: str, path: Sequence[str] | None = None, *_target: object) -> ModuleSpec | None:
        if not fullname.startswith("/"):
            first = searching.path if path is None else None
            spec = _find(fullname, path if first is None else first)
            return _sources.tracked(spec, _PathLoader, first) if spec is not None and spec.loader is not None else None
        if path is None:
            spec = ModuleSpec(fullname, None)
            spec.submodule_search_locations = [_path(fullname)]
            return spec
        package, _, name = fullname.rpartition(".")
        if "%" in name:
            from importlib.util import spec_from_file_location

            file = f"{_path(package).rstrip('/')}/{_path(name)}"
            return spec_from_file_location(fullname, file, loader=_Loader(fullname, file))
        spec = _find(fullname, path)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(fullname, spec.loader.path)
        elif spec is not None and type(spec.loader) is SourcelessFileLoader:
            spec.loader = _sources.CompiledFile(fullname, spec.loader.path)
        return spec


sys.meta_path.insert(next((at for at, one in enumerate(sys.meta_path) if one is PathFinder), 0), _Finder())


def _import(name: str) -> tuple[str, object]:
    """Import a module for a handler, and wait until it is complete.

    Returns:
        Its name in `sys.modules`, and the module, or its replacement there.

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
                return name, _sources.meant(module)
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
    return name, _sources.meant(module)


def import_file(path: str) -> tuple[str, object]:
    """Import the module of a file, an absolute path that ends in .py; return its name and the module."""
    folder, _, file = path.rpartition("/")
    package, name = _package(folder), file.removesuffix(".py")
    if name.isidentifier():
        spec = _find(f"{package}.{name}", [folder or "/"])
        if spec is not None and spec.origin == path:
            return _import(f"{package}.{name}")
    return _import(f"{package}.{_quoted(file, '')}")


def import_beside(folder: str, name: str) -> tuple[str, object] | None:
    """Import a module of a folder, and return its name and the module; None if the folder has none of that name."""
    package = _package(folder)
    full = beside(package, name)
    return _import(full) if full != name else None


def import_named(name: str, path: Sequence[str]) -> tuple[str, object]:
    """Import a module by its name, from `path` before `sys.path`; return its name in `sys.modules`, and the module.

    An interpreter has one module of each name. If folders on the paths of two sections have modules of one name, those
    of the folder that is used first have their plain names, and those of the other one are known by their files.
    """
    other = _by_file(name, path)
    if other is None:
        before, searching.path = searching.path, path
        try:
            found = _import(name)
        finally:
            searching.path = before
        # Another section may have been first meanwhile.
        other = _by_file(name, path)
        if other is None:
            return found
    return _import(other)


def _by_file(name: str, path: Sequence[str]) -> str | None:
    """Return the name by file of a module of `path`, if there is another one of its plain name; else None."""
    first = name.partition(".")[0]
    spec = _find(first, path)
    if first in _NO_NEIGHBOURS or spec is None or not spec.has_location or not spec.origin:
        return None
    known, folder = sys.modules.get(first), _folder(spec)
    is_other = known is not None and _is_elsewhere(known, spec.origin)
    if not is_other and first not in _plain.get(folder, ()) and not _sources.is_installed(spec.origin):
        others = _others(folder)
        is_other = first in others or folder not in _plain
    return _name_by_file(spec, name) if is_other else None


def _others(folder: str) -> frozenset[str]:
    """Return the names in a folder whose plain names are of other folders; the rest of them are of this one then.

    A folder that has such a name when it is first used has no plain names at all. One may appear later.
    """
    names = names_in(folder) if _sources.here.attempt is not None else listings((folder,))[folder]
    with _plain_lock:
        known = _plain.get(folder)
        new = names - (known or frozenset())
        theirs = {name for each, names in _plain.items() if each != folder for name in names}
        modules = sys.modules
        others = frozenset(
            each
            for each in new
            if each in theirs or (each in modules and _is_elsewhere(modules[each], f"{folder}/{each}.py"))
        )
        if known is not None or not others:
            _plain[folder] = (known or frozenset()) | (names - others)
    return others


def _is_elsewhere(module: object, file: str) -> bool:
    """Return whether a module is of another folder than the one of a file that its name leads to."""
    spec = getattr(module, "__spec__", None)
    if not isinstance(spec, ModuleSpec) or not spec.has_location or not spec.origin or spec.origin == file:
        return False
    try:
        return not os.path.samefile(_folder(spec), file.removesuffix("/__init__.py").rpartition("/")[0])  # noqa: PTH121
    except OSError:
        return True


def _folder(spec: ModuleSpec) -> str:
    """Return the folder in which the module or package of a spec was found."""
    folder = (spec.origin or "").rpartition("/")[0]
    return folder if spec.submodule_search_locations is None else folder.rpartition("/")[0]


def _name_by_file(spec: ModuleSpec, name: str) -> str:
    """Return the name by file of a dotted name, whose first part is what `spec` describes."""
    return f"{_package(_folder(spec))}.{name}"


def in_folders(name: str, path: Sequence[str]) -> str:
    """Return the name of a module that is looked for in these folders only.

    Raises:
        ModuleNotFoundError: it is in none of them.
    """
    first = name.partition(".")[0]
    spec = _find(first, path)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {first!r} in {', '.join(path)}", name=first)
    plain = getattr(sys.modules.get(first), "__spec__", None) or _find(first)
    if spec.origin is None:
        # A namespace package: the first of its folders.
        folders = list(spec.submodule_search_locations or ())
        if plain is not None and plain.origin is None and list(plain.submodule_search_locations or ()) == folders:
            return name
        return f"{_package(folders[0].rpartition('/')[0])}.{name}"
    return name if plain is not None and plain.origin == spec.origin else _name_by_file(spec, name)


def name_of_page(path: str) -> str:
    """Return a name for code in a file that is no module, by which its imports find the modules beside it.

    Args:
        path: the absolute path of the file.

    Returns:
        A name in the package of the folder; one in no package if the folder is on `sys.path`, since modules there have
        their plain names.
    """
    folder, _, file = path.rpartition("/")
    plain = _quoted(file, "")
    return plain if folder in sys.path else f"{_quoted(folder or '/', '/')}.{plain}"
