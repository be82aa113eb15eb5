"""The making of new versions of modules, by one thread, while all others use the old ones."""

import builtins
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import _bootstrap
from types import ModuleType

from mod_python import _folders, _sources
from mod_python._import_graph import parents
from mod_python._sources import Source, StandIn, UnsettledError, here, loaded, meant, names_of, stamp_now

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any


def find(name: str, search: Sequence[str] | None) -> "ModuleSpec | None":
    """Find a module anew, whose parent is imported."""
    parent = name.rpartition(".")[0]
    path = getattr(sys.modules.get(parent), "__path__", None) if parent else None
    if parent and path is None:
        return None
    for folder in _sources.folders:
        finder = sys.path_importer_cache.get(folder)
        if finder is not None:
            finder.invalidate_caches()  # type: ignore[attr-defined]
    before, _folders.searching.path = _folders.searching.path, search
    try:
        spec: ModuleSpec | None = _bootstrap._find_spec(name, path)  # type: ignore[attr-defined]
        return spec
    finally:
        _folders.searching.path = before


class Attempt:
    """The making of new versions. One thread runs it; for this thread, and for it alone, they are there already."""

    def __init__(self, old: Sequence[str]) -> None:
        # Whether a file was not read because it is being written.
        self.is_unsettled = False
        self._created: dict[str, Source] = {}
        self._before: dict[str, Source | None] = {}
        self._old = {name: sys.modules[name] for name in old}
        self._stand_ins = {name: StandIn(name, module, self) for name, module in self._old.items()}
        self._begun: set[str] = set()
        self._attributes: list[tuple[dict[str, object], str, str]] = []

    def run(self, name: str) -> object:
        """Make the new version of a module, and of all old ones that it imports, and return it.

        Raises:
            BaseException: whatever the modules raise.
        """
        for one, stand_in in self._stand_ins.items():
            parent, _, last = one.rpartition(".")
            names = names_of(self._old[parent] if parent in self._old else sys.modules[parent]) if parent else {}
            if parent not in self._old and names.get(last) is self._old[one]:
                self._attributes.append((names, last, one))
                names[last] = stand_in
        sys.modules.update(self._stand_ins)
        with _Watched(self):
            self.reach(name)
            for one in self._stand_ins:
                # What functions import when they are called.
                self.reach(one)
            return meant(importlib.import_module(name))

    def reach(self, name: str) -> None:
        """Make the new versions of a module and its parents, if these are old and not begun."""
        for one in (*reversed(list(parents(name))), name):
            if one in self._stand_ins and one not in self._begun:
                self._begun.add(one)
                self._make(one)

    def _make(self, name: str) -> None:
        source = loaded[name]
        spec = find(name, source.search)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if not isinstance(spec.loader, Source):
            raise ImportError(f"'{name}' was {source.path} and is {spec.origin} now: that needs a restart", name=name)
        module = _bootstrap.module_from_spec(spec)
        if spec.submodule_search_locations is not None:
            for one, child in list(sys.modules.items()):
                parent, _, last = one.rpartition(".")
                if parent == name:
                    vars(module)[last] = child
        stand_in = self._stand_ins[name]
        object.__setattr__(stand_in, "_new", module)
        before, _folders.searching.path = _folders.searching.path, source.search
        try:
            spec.loader.exec_module(module)
        finally:
            _folders.searching.path = before
            replacement = sys.modules.get(name)
            if replacement is not stand_in:
                sys.modules[name] = stand_in
                object.__setattr__(stand_in, "_new", module if replacement is None else replacement)
        if replacement is None:
            # An import of it would fail, too.
            raise ImportError(f"{source.path} has taken itself out of sys.modules", name=name, path=source.path)

    def old(self, name: str) -> object:
        """Return the version that is to be replaced; None for a module that has none."""
        return self._old.get(name)

    def versions(self) -> list[tuple[str, object, object]]:
        """Return the name of each module that is to be replaced, its version in use and the new one."""
        return [(name, before, self._new(name)) for name, before in self._old.items()]

    def note(self, name: str, source: Source) -> None:
        """Note the loader by which a module is made."""
        before = self._before.setdefault(name, loaded.get(name))
        if before is not None:
            source.fixed = before.fixed
            if before.path == source.path:
                source.stamp_before = before.stamp
        self._created[name] = source

    def check_files(self) -> None:
        """Raise UnsettledError if one of the files was being written while it was read."""
        if self.is_unsettled:
            raise UnsettledError
        for source in self._created.values():
            now = stamp_now(source)
            if now is not None and (now != source.stamp is not None or source.is_written(now)):
                raise UnsettledError(source.path)

    def finish(self) -> None:
        """Have the new versions take the places of the old ones."""
        _sources.replacements += 1
        for name, source in self._created.items():
            source.made = _sources.replacements
            source.replaced = _sources.replacements if name in self._old else 0
        self._settle({name: self._new(name) for name in self._old})
        for name in self._created:
            module = sys.modules.get(name)
            for each, value in list(vars(module).items()) if isinstance(module, ModuleType) else ():
                if type(value) is StandIn:
                    vars(module)[each] = meant(value)

    def undo(self) -> None:
        """Leave the old versions in their places."""
        for name, before in self._before.items():
            if before is not None:
                loaded[name] = before
                continue
            # It was made with the new versions of others.
            loaded.pop(name, None)
            module = sys.modules.pop(name, None)
            parent, _, last = name.rpartition(".")
            names = names_of(sys.modules.get(parent))
            if module is not None and names.get(last) is module:
                del names[last]
        self._settle(self._old)

    def _new(self, name: str) -> object:
        new = object.__getattribute__(self._stand_ins[name], "_new")
        return self._old[name] if new is None else new

    def _settle(self, modules: "Mapping[str, Any]") -> None:
        for name, stand_in in self._stand_ins.items():
            object.__setattr__(stand_in, "_old", modules[name])
            object.__setattr__(stand_in, "_attempt", None)
        sys.modules.update(modules)
        for names, last, name in self._attributes:
            if names.get(last) is self._stand_ins[name]:
                names[last] = modules[name]


class _Watched:
    """Has imports of this thread begin the new versions that they need, in the order of the import statements."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def __enter__(self) -> None:
        here.attempt = self._attempt
        self._statement, self._function = builtins.__import__, _bootstrap._gcd_import  # type: ignore[attr-defined]
        self._ours = _watching(self._statement, self._function)
        builtins.__import__, _bootstrap._gcd_import = self._ours  # type: ignore[attr-defined]

    def __exit__(self, *_: object) -> None:
        here.attempt = None
        if builtins.__import__ is self._ours[0]:
            builtins.__import__ = self._statement
        if _bootstrap._gcd_import is self._ours[1]:  # type: ignore[attr-defined]
            _bootstrap._gcd_import = self._function  # type: ignore[attr-defined]


def _watching(statement: "Callable[..., Any]", function: "Callable[..., Any]") -> "tuple[Any, Any]":
    def import_statement(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> object:
        if here.attempt is not None:
            full = name
            if level:
                package = _bootstrap._calc___package__(globals or {})  # type: ignore[attr-defined]
                full = _bootstrap._resolve_name(name, package, level)  # type: ignore[attr-defined]
            _reach(here.attempt, full, fromlist or ())
            if full in loaded:
                _sources.note_import(full)
        return statement(name, globals, locals, fromlist, level)

    def import_function(name: str, package: str | None = None, level: int = 0) -> object:
        if here.attempt is not None:
            full = _bootstrap._resolve_name(name, package, level) if level else name  # type: ignore[attr-defined]
            _reach(here.attempt, full, ())
            if full in loaded:
                _sources.note_import(full)
        return function(name, package, level)

    return import_statement, import_function


def _reach(attempt: Attempt, name: str, names: Iterable[str]) -> None:
    attempt.reach(name)
    for each in names:
        if each == "*":
            each_module = sys.modules.get(name)
            _reach(attempt, name, (one for one in getattr(each_module, "__all__", ()) if one != "*"))
        else:
            attempt.reach(f"{name}.{each}")
