"""Loaders that know from which version of its file a module was made, so that `_reload` can tell when it has changed.

They load what may be reloaded: Python code in files, but neither the standard library, nor installed packages (in
``site-packages`` or ``dist-packages``), nor this package.
"""

import os
import sys
import threading
import time
from importlib.machinery import ModuleSpec, SourceFileLoader, SourcelessFileLoader
from types import ModuleType

from mod_python import _apache
from mod_python._listings import listings

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mod_python._attempt import Attempt
    from mod_python._import_graph import Imports
    from mod_python._listings import Listings

    Stamp = tuple[int, int, int, int, int]

    Base = SourceFileLoader
else:
    Base = object

# For so long after a file was changed, in seconds, another change may leave it the same times and length.
RECENT = 2.0
# Where the kernel has not told of a file, one that was changed less than so many seconds ago may be half written: it is
# no version yet. The first import, for which there is no other version, waits for a shorter time, unless it is of what
# may refuse requests.
_SETTLED = 2.0
_SETTLED_FIRST = 0.1
# The first import of a file, for which there is no other version, waits so many seconds at most for those who write it.
_PATIENCE = 2.5

# What the kernel follows, and a few more.
_LINKS = 100

_PACKAGE = f"{os.path.dirname(__file__)}/"  # noqa: PTH120 - pathlib takes long to import
_LIBRARY = f"{os.path.dirname(os.__file__)}/"  # noqa: PTH120


class UnsettledError(Exception):
    """A file is being written."""


class _Here(threading.local):
    """What the calling thread does."""

    attempt: "Attempt | None" = None
    # Whether it imports a module for a phase in which requests are refused.
    is_guard = False


here = _Here()
# The loader of each module that may be reloaded, by the module's name in `sys.modules`.
loaded: "dict[str, Source]" = {}
# The folders of such modules.
folders: set[str] = set()
# How often modules were replaced by newer versions.
replacements = 0


def stamp(path: str) -> "Stamp":
    """Return what tells one version of a file from another. Raise OSError as `os.stat`."""
    return _stamp_of(os.stat(path))  # noqa: PTH116 - pathlib takes long to import


def _stamp_of(status: os.stat_result) -> "Stamp":
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev, status.st_ctime_ns


def stamp_now(source: "Source") -> "Stamp | None":
    """Return the stamp of a module's file; None if it is gone."""
    try:
        return stamp(source.path)
    except OSError:
        return None


class Source(SourceFileLoader):
    """A loader of one module, which notes what it reads to make that."""

    # Where the module's name was looked for before `sys.path`.
    search: "Sequence[str] | None" = None
    stamp: "Stamp | None" = None
    # That of the version before, which this one is to replace.
    stamp_before: "Stamp | None" = None
    # The hash of the text.
    digest: int | None = None
    # Whether the stamp tells each further change: it is not of the moment in which the file was changed.
    is_sure = False
    # Whether the file is read to make the module: others may ask for its text later.
    is_read_first = True
    # The folders in which what the module imports is looked for, each with the modules that were there.
    listings: "Listings" = {}  # noqa: RUF012 - it is replaced, never changed
    # Whether a file that is being written is waited for before it is read, unless nobody looks for changes.
    is_patient = False
    # Whether the .pyc file is passed over.
    is_anew = False
    # The file that is meant, where its path has links.
    target = ""
    # What the module imports, once `_import_graph` has looked, and the loader with which it has read that.
    imports: "tuple[Source, Imports] | None" = None
    # Modules that this version has imported, perhaps by names that it has computed, and was the first to import; or all
    # that it has imported, if it is a new version.
    computed: "frozenset[str]" = frozenset()
    # Modules that this version, or one before, has last asked for as they are, with `autoreload=False`.
    fixed: "frozenset[str]" = frozenset()
    # `replacements` when the module was made, and when it took the place of an older version (0: it did not).
    made = 0
    replaced = 0

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Note that the module of `spec` is about to be made; let the import system make it."""
        name = spec.name
        self.is_patient = here.attempt is None
        if here.attempt is not None:
            here.attempt.note(name, self)
        else:
            _apache._note_import()
        note_import(name)
        self.made = replacements
        loaded[name] = self
        self.target = os.path.realpath(self.path)
        searched = self._searched(spec)
        for folder in (*searched, *_folders_of_links(self.path), _folder(self.target)):
            watch(folder)
        self.listings = listings(searched)
        return None

    def _searched(self, spec: ModuleSpec) -> set[str]:
        """Return the folders in which what the module imports is looked for: those of its packages, and the path."""
        folder = _folder(self.path)
        found = {folder}
        packages = self.name.count(".") + (spec.submodule_search_locations is not None) - self.name.startswith("/")
        for _ in range(packages):
            folder = _folder(folder)
            found.add(folder)
        path = self.search if self.search is not None else sys.path
        return found.union(each for each in path if _is_own(each))

    def has_changed(self) -> bool:
        """Return whether the file is another one than was read; False for one that is gone."""
        now = stamp_now(self)
        return now is not None and self.differs(now)

    def differs(self, now: "Stamp") -> bool:
        """Return whether a stamp of the file is that of another version than was read.

        A change can leave the length and the time of the last change as they were, on purpose or because it came right
        after another one. So the text decides if only the last element differs, as after `chmod` and `touch -r`, or if
        nothing does but the stamp is too young to tell.
        """
        if self.stamp is None or now[:4] != self.stamp[:4]:
            return True
        if now == self.stamp and self.is_sure:
            return False
        try:
            is_other = hash(super().get_data(self.path)) != self.digest
        except OSError:
            return False
        if not is_other:
            self.stamp = now
            self.is_sure = time.time() - now[4] / 1e9 > RECENT
        return is_other

    def is_written(self, now: "Stamp") -> bool:
        """Return whether the file, whose stamp is `now`, is being written, as far as can be told.

        Where the kernel has not told, it is not if the version before was made of the same: it is made anew for what it
        imports.
        """
        is_written = _apache._is_written(self.target, not now[1])
        if is_written is None:
            is_written = now != self.stamp_before and 0 <= time.time() - now[0] / 1e9 < _SETTLED
        return is_written

    def _wait_until_whole(self) -> None:
        """Wait for a file that is being written, without the GIL: there is no version before it to use.

        Where nobody has told of its being written, it may be if it was written last, which leaves both times the same,
        and neither renamed nor given other rights since.

        Raises:
            ImportError: it is still being written after some seconds.
        """
        end = time.monotonic() + _PATIENCE
        settled = _SETTLED if here.is_guard else _SETTLED_FIRST
        while _apache._changes() >= 0:
            changed, size, *_, changed_inode = stamp(self.path)
            is_written = _apache._is_written(self.target, not size)
            if is_written is None:
                is_written = changed == changed_inode and 0 <= time.time() - changed / 1e9 < settled
            if not is_written:
                return
            if time.monotonic() > end:
                raise ImportError(f"{self.path} is being written", name=self.name, path=self.path)
            time.sleep(0.01)

    def get_data(self, path: str) -> bytes:
        """Return the contents of a file. Raise UnsettledError for a new version that is being written.

        For a new version the .pyc file is passed over, and written anew: it holds for each text of one time and length.
        """
        if path.endswith(".pyc") and path != self.path and (here.attempt is not None or self.is_anew):
            raise FileNotFoundError(path)
        if path != self.path or not self.is_read_first:
            return super().get_data(path)
        self.is_read_first = False
        if self.is_patient:
            self._wait_until_whole()
        self.stamp = stamp(path)
        if here.attempt is not None and loaded.get(self.name) is self and self.is_written(self.stamp):
            here.attempt.is_unsettled = True
            raise UnsettledError(path)
        data = super().get_data(path)
        self.digest = hash(data)
        return data

    def path_stats(self, path: str) -> "dict[str, float]":
        """Return what the .pyc file must agree with. Raise OSError for a file that was just changed.

        Such a file has no .pyc file then: it would go on to hold for another version of the same second and length.
        """
        is_read_first = self.is_read_first
        if is_read_first:
            self.get_data(path)
        status = os.stat(path)  # noqa: PTH116
        if time.time() - status.st_mtime < RECENT or (is_read_first and self.stamp != _stamp_of(status)):
            raise OSError(f"{path} was changed just now")
        return {"mtime": status.st_mtime, "size": status.st_size}


class CompiledFile(Source):
    """A loader of a .pyc file that stands in the place of a .py file."""

    get_code = SourcelessFileLoader.get_code
    get_source = SourcelessFileLoader.get_source


def watch(folder: str) -> None:
    """Have the kernel tell of changes in a folder from now on."""
    if folder not in folders:
        _apache._watch(folder)
        folders.add(folder)


def note_import(name: str) -> None:
    """Note that the module whose code calls this imports another one."""
    frame = sys._getframe(1).f_back
    while frame is not None:
        source = loaded.get(frame.f_globals.get("__name__", ""))
        if source is not None:
            source.computed |= {name}
            return
        frame = frame.f_back


def note_autoreload(importer: str, name: str, is_wanted: bool) -> None:
    """Note whether a module asks for the newest version of another one, or for what there is."""
    source = loaded.get(importer)
    if source is not None and is_wanted is (name in source.fixed):
        source.fixed ^= {name}


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _folders_of_links(path: str) -> list[str]:
    """Return the folders of a link and of what it leads to, by the names that the links give them.

    A link to such a folder may be made to lead elsewhere. None for a path that is no link.
    """
    found: list[str] = []
    while len(found) < _LINKS and os.path.islink(path):  # noqa: PTH114
        folder = _folder(path)
        path = os.path.join(folder, os.readlink(path))  # noqa: PTH115, PTH118
        found += (folder, _folder(path))
    return found


# Entries of `sys.path`, and whether they are folders of modules that may be reloaded, or may become such.
_own: dict[str, bool] = {}


def _is_own(entry: str) -> bool:
    is_own = _own.get(entry)
    if is_own is None:
        is_own = entry.startswith("/") and not is_installed(f"{entry}/") and not os.path.isfile(entry)  # noqa: PTH113
        _own[entry] = is_own
    return is_own


def is_installed(path: str) -> bool:
    """Return whether a file belongs to the standard library, an installed package or this package."""
    if path.startswith(_PACKAGE):
        return not path.startswith((f"{_PACKAGE}filters/", f"{_PACKAGE}protocols/"))
    return path.startswith(_LIBRARY) or "/site-packages/" in path or "/dist-packages/" in path


def tracked(spec: ModuleSpec, of_source: type[Source], search: "Sequence[str] | None") -> ModuleSpec:
    """Give a module that may be reloaded such a loader, for source code one `of_source`, and return the spec."""
    loader = spec.loader
    kind: type[Source]
    if type(loader) is SourceFileLoader:
        kind = of_source
    elif type(loader) is SourcelessFileLoader:
        kind = CompiledFile
    else:
        return spec
    path = loader.path
    if is_installed(path):
        return spec
    spec.loader = source = kind(loader.name, path)
    source.search = search
    return spec


def have_changed() -> bool:
    """Return whether the file of a module has changed since it was read."""
    return any(source.has_changed() for source in list(loaded.values()))


class StandIn(ModuleType):
    """Stands in `sys.modules` for a module whose new version is being made.

    It is the new version for the thread that makes it, and the old one for all others.
    """

    __slots__ = ("_attempt", "_new", "_old")

    def __init__(self, name: str, old: object, attempt: object) -> None:
        super().__init__(name)
        for slot, value in (("_attempt", attempt), ("_new", None), ("_old", old)):
            object.__setattr__(self, slot, value)

    def __getattribute__(self, name: str) -> object:
        return getattr(meant(self), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(meant(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(meant(self), name)

    def __dir__(self) -> list[str]:
        return dir(meant(self))

    def __repr__(self) -> str:
        return repr(meant(self))


def names_of(module: object) -> dict[str, object]:
    """Return the variables of a module; none of an object in its place that has no `__dict__`."""
    names = getattr(module, "__dict__", None)
    return names if isinstance(names, dict) else {}


def meant(module: object) -> object:
    """Return a module; for one that stands in for it, the version that this thread uses."""
    if type(module) is not StandIn:
        return module
    get = object.__getattribute__
    attempt, new = get(module, "_attempt"), get(module, "_new")
    is_new = attempt is not None and here.attempt is attempt and new is not None
    return new if is_new else get(module, "_old")
