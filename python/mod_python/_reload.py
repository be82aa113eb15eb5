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
from types import TracebackType

from mod_python import _apache
from mod_python._attempt import Attempt, UnsettledError, find, stamp_now
from mod_python._import_graph import imports_of_all
from mod_python._sources import Source, here, loaded

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    Newest = tuple[object, bool, BaseException | None, bool]

# A version that has failed is tried again after so long, in seconds, even if no file changes: a database may be back.
_AGAIN = 5.0
# Where the kernel does not tell of changes, a file that was changed less than so many seconds ago may be half written.
_SETTLED = 0.1

# The files whose frames are left out of tracebacks: those of the import system, and ours.
_HIDDEN = ("<frozen importlib", importlib.__file__, f"{os.path.dirname(__file__)}/_")  # noqa: PTH120
_lock = threading.Lock()
_failures: "dict[str, _Failure]" = {}


class _Failure:
    """A version that could not be made."""

    def __init__(self, changes: int, files: object, error: BaseException) -> None:
        self.changes = changes
        self.files = files
        self.error = error
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
        return module, False, None, False
    try:
        return _newest(name, module, wanted, changes)
    except UnsettledError:
        return module, False, None, False
    finally:
        _lock.release()


def _newest(name: str, module: object, wanted: Sequence[str], changes: int) -> "Newest":
    current = sys.modules.get(name, module)
    old = _old(imports_of_all(name))
    if not old:
        _failures.pop(name, None)
        return current, True, None, False
    known = _failures.get(name)
    if known is not None and known.changes == changes and time.monotonic() < known.again:
        return current, False, known.error.with_traceback(known.traceback), False
    files = frozenset((loaded[one].path, stamp_now(loaded[one])) for one in old)
    attempt = Attempt([one for one in old if one in sys.modules])
    try:
        made = attempt.run(name)
        for each in wanted:
            if hasattr(current, each) and not hasattr(made, each):
                file = loaded[name].path
                raise AttributeError(f"the changed version of {file} has no '{each}', as the one in use has")
        attempt.check_files()
    except BaseException as error:
        attempt.undo()
        attempt.check_files()
        error = error.with_traceback(_without_frames(error.__traceback__))
        is_news = known is None or known.files != files or repr(known.error) != repr(error)
        _failures[name] = _Failure(changes, files, error)
        return current, False, error, is_news
    attempt.finish()
    _failures.pop(name, None)
    return sys.modules.get(name, made), True, None, False


# ---- which modules are old


def _is_changed(source: Source) -> bool:
    """Return whether a module's file has changed. Raise UnsettledError while it is being written.

    A file that is gone has not changed, unless the module's name leads to another file now.
    """
    now = stamp_now(source)
    if now is None:
        spec = find(source.name, source.search)
        return spec is not None and spec.origin != source.path
    if now == source.stamp and not source.has_other_text():
        return False
    is_written = _apache._is_written(source.path)
    if is_written is None:
        # The kernel does not tell of this folder.
        is_written = 0 <= time.time() - now[0] / 1e9 < _SETTLED  # type: ignore[index]
    if is_written:
        raise UnsettledError(source.path)
    return True


def _old(imports: Mapping[str, set[str]]) -> list[str]:
    """Return the modules that are old, parents first."""
    old = {one for one in imports if _is_changed(loaded[one])}
    old |= {one for one, of in imports.items() if any(loaded[each].replaced > loaded[one].made for each in of)}
    count = -1
    while old and count != len(old):
        count = len(old)
        old |= {one for one, of in imports.items() if not old.isdisjoint(of)}
    return sorted(old)


def _without_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of the import system."""
    if traceback is None:
        return None
    following = _without_frames(traceback.tb_next)
    if traceback.tb_frame.f_code.co_filename.startswith(_HIDDEN):
        return following
    traceback.tb_next = following
    return traceback
