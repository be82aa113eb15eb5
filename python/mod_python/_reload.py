"""New versions of modules whose files have changed, for `PythonAutoReload`.

A module is old when its file has changed, or when it imports a module that was replaced or is old. Its new version and
those of the old modules that it imports are made together, by one thread, and take their places together when all have
run. Meanwhile all other threads use the old versions: what stands in `sys.modules` (`_sources.StandIn`) is the new
version for the thread that makes it only.

Everything here runs under one lock, for which nobody waits: a thread that does not get it goes on with what there is.
"""

import importlib
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import ModuleType, TracebackType

from mod_python import _apache, _sources
from mod_python._attempt import Attempt, find
from mod_python._import_graph import imports_of_all, names_in_imports
from mod_python._listings import bare_folders, names_in
from mod_python._sources import Source, UnsettledError, here, loaded, meant, names_of, stamp_now, watch

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    Newest = tuple[object, bool, BaseException | None, bool]

# A version that has failed is tried again after so long, in seconds, even if no file changes: a database may be back.
_AGAIN = 5.0
# While a file is being written, a version is tried again after so long, in seconds: what it runs first runs each time.
_PAUSE = 0.05
# New versions may be the first to import what imports old ones: then they are made anew, at most so often at a time.
_ROUNDS = 4

# The files whose frames are left out of tracebacks: those of the import system, and ours.
_HIDDEN = ("<frozen importlib", importlib.__file__, f"{os.path.dirname(__file__)}/_")  # noqa: PTH120
_lock = threading.Lock()
_failures: "dict[str, _Failure]" = {}
# When a version is tried again for which a file was being written, by the module's name.
_again: dict[str, float] = {}
# The objects of modules that handlers have asked for, by module.
_named: dict[str, set[str]] = {}


class _Failure:
    """A version that could not be made."""

    def __init__(self, changes: int, files: object, error: BaseException) -> None:
        self.changes = changes
        self.files = files
        self.error = error
        self.kind = _kind(error)
        self.traceback = error.__traceback__
        self.again = time.monotonic() + _AGAIN


def newest(name: str, module: object, wanted: Sequence[str], changes: int) -> "Newest":
    """Return the newest version of a module that can be used, which is made if files have changed.

    Args:
        name: the module's name in `sys.modules`.
        module: the version in use.
        wanted: names that a new version must have if the one in use has them: without them it is no whole version.
        changes: the number of changes that the caller knows of.

    Returns:
        The version to use; whether this stays so until a file changes; why there is no newer version though a file has
        changed, or None; and whether nobody has been told of that yet.
    """
    if here.attempt is not None or not _lock.acquire(blocking=False):
        # Another thread may have put a newer version in its place, while the caller has the one before.
        return meant(_in_use(name, module)), False, None, False
    try:
        if time.monotonic() < _again.get(name, 0.0):
            return _in_use(name, module), False, None, False
        return _newest(name, module, wanted, changes)
    except UnsettledError:
        _again[name] = time.monotonic() + _PAUSE
        return _in_use(name, module), False, None, False
    finally:
        _lock.release()


def _newest(name: str, module: object, wanted: Sequence[str], changes: int) -> "Newest":
    current = _in_use(name, module)
    _named.setdefault(name, set()).update(wanted)
    known = _failures.get(name)
    if known is not None and known.changes == changes and time.monotonic() < known.again:
        return current, False, known.error.with_traceback(known.traceback), False
    for _ in range(_ROUNDS):
        now: dict[str, frozenset[str]] = {}
        old = _old(imports_of_all(name), now)
        if not old:
            _failures.pop(name, None)
            return current, True, None, False
        files = frozenset((loaded[one].path, stamp_now(loaded[one])) for one in old)
        before = {one: loaded[one] for one in old}
        attempt = Attempt([one for one in old if sys.modules.get(one) is not None])
        try:
            current = attempt.run(name)
            for one, old_version, new_version in attempt.versions():
                _check_names(one, old_version, new_version)
            attempt.check_files()
        except BaseException as error:
            attempt.undo()
            attempt.check_files()
            error = error.with_traceback(_without_frames(error.__traceback__))
            is_news = known is None or known.files != files or known.kind != _kind(error)
            _failures[name] = _Failure(changes, files, error)
            return _in_use(name, module), False, error, is_news
        attempt.finish()
        current = _in_use(name, current)
        for one, source in before.items():
            if loaded[one] is source and sys.modules.get(one) is None:
                # Its import had failed, or code has taken it out: nobody has the old version, or asked for a new one.
                del loaded[one]
            else:
                # What has appeared before is not what makes it old.
                loaded[one].listings = {**now, **loaded[one].listings}
    return current, False, None, False


def _in_use(name: str, module: object) -> object:
    """Return the version in use, or the one before if code has taken it out of `sys.modules`, or put None there."""
    current = sys.modules.get(name)
    return module if current is None else current


def _check_names(name: str, before: object, after: object) -> None:
    """Raise AttributeError if a new version lacks a function that the one in use has for httpd, as half of a file may.

    These are functions that are called as those of phases and filters are, and what handlers name, whether they have
    asked for it yet or not. It holds for each module that is made, since the module of a handler may be imported by
    others.
    """
    own = (each for each, value in names_of(before).items() if getattr(value, "__module__", None) == name)
    path = loaded[name].path
    named = (
        each
        for module, each in _apache._named_objects()
        if module in (name, path) or (name.startswith("/") and name.endswith(f".{module}"))
    )
    for each in sorted(
        {*_named.get(name, ()), *named, *(each for each in own if each.endswith(("handler", "filter")))}
    ):
        if _lacks(before, after, each):
            raise AttributeError(f"the changed version of {path} has no '{each}', as the one in use has")


def _lacks(before: object, after: object, dotted: str) -> bool:
    """Return whether `before` has an object of a dotted name that `after` lacks. No class is called to find out.

    What only the ``__getattr__`` of the old module answers is none: it may answer to all names.
    """
    for each in dotted.split("."):
        if not (each in vars(before) if isinstance(before, ModuleType) else hasattr(before, each)):
            return False
        if not hasattr(after, each):
            return True
        before, after = getattr(before, each), getattr(after, each)
    return False


# ---- which modules are old


def _is_changed(source: Source, appeared: frozenset[str]) -> bool:
    """Return whether a module's file has changed. Raise UnsettledError while it is being written.

    A file that is gone has not changed, unless the module's name leads to another file now that may be reloaded. So may
    one that is there, if others have `appeared` in the folders of the search path.
    """
    now = stamp_now(source)
    names = {source.name, f"{source.name.rpartition('.')[2]}/"}
    # Source code goes before compiled code without source.
    has_source = source.path.endswith(".pyc") and os.path.exists(source.path[:-1])  # noqa: PTH110
    if now is None or has_source or not names.isdisjoint(appeared):
        spec = find(source.name, source.search)
        if spec is not None and isinstance(spec.loader, Source) and spec.origin != source.path:
            return True
    if now is None:
        return False
    if not source.differs(now):
        return False
    if source.is_written(now):
        raise UnsettledError(source.path)
    return True


def _old(imports: Mapping[str, set[str]], now: dict[str, frozenset[str]]) -> list[str]:
    """Return the modules that are old, parents first. Note in `now` which modules the folders have that were read."""
    appeared = _appeared(imports, now)
    old = {one for one in imports if _is_changed(loaded[one], appeared[one])}
    old |= {one for one, names in appeared.items() if names and not names.isdisjoint(names_in_imports(loaded[one]))}
    old |= {one for one, of in imports.items() if any(loaded[each].replaced > loaded[one].made for each in of)}
    count = -1
    while old and count != len(old):
        count = len(old)
        old |= {one for one, of in imports.items() if not old.isdisjoint(of)}
    return sorted(old)


def _appeared(imports: Mapping[str, set[str]], now: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return for each module the names of modules that have appeared where it looks for what it imports.

    These places are its own folders and path, and the folders of packages that it imports.
    """
    found = {}
    for one, of in imports.items():
        before = dict(loaded[one].listings)
        for package in of:
            if loaded[package].is_package(package):
                for folder, names in loaded[package].listings.items():
                    before.setdefault(folder, names)
        appeared: set[str] = set()
        for folder, names in before.items():
            if folder not in now:
                now[folder] = names_in(folder)
            _watch_bare(folder, loaded[one], now)
            appeared |= now[folder] - names
        found[one] = frozenset(appeared)
    return found


def _watch_bare(folder: str, source: Source, now: dict[str, frozenset[str]]) -> None:
    """Watch the folders in a folder that a module imports, and that have no ``__init__.py`` yet."""
    bare = bare_folders(folder)
    new = [each for each in bare if f"{folder}/{each}" not in _sources.folders]
    if not new or (wanted := names_in_imports(source)).isdisjoint(new):
        return
    for each in wanted.intersection(new):
        watch(f"{folder}/{each}")
    # The file may have come before the kernel was asked.
    now[folder] = names_in(folder)


def _without_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of the import system."""
    kept = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_HIDDEN):
            kept.append(traceback)
        traceback = traceback.tb_next
    following = None
    for each in reversed(kept):
        each.tb_next = following
        following = each
    return following


def _kind(error: BaseException) -> tuple[str, str, str, int]:
    """Return what tells one failure from another: the type of the error, and where it was raised.

    The text of an error may be another one each time, or raise.
    """
    path, line = "", 0
    traceback = error.__traceback__
    while traceback is not None:
        path, line = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    return type(error).__module__, type(error).__qualname__, path, line
