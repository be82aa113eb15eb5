"""Which modules the folders of Python code have, by the names of their files."""

import os
import time

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Iterable

    Listings = dict[str, frozenset[str]]

# For so long, in seconds, the names that were read last will do, unless the folder has changed since.
_LAST = 0.5
# A change so many seconds before the reading, or less, may not be told from the next one by its time.
_SURE = 0.05

_bare: dict[str, frozenset[str]] = {}
_read: "dict[str, tuple[float, int, frozenset[str]]]" = {}


def names_in(folder: str) -> frozenset[str]:
    """Return the names that the files in a folder, and the folders with files of Python code, have as modules.

    A package is there by its name with a slash, too: it goes before a module of this name.
    """
    names, bare = set(), set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name, _, end = entry.name.partition(".")
                if end in ("py", "pyc"):
                    names.add(name)
                elif not end and os.path.exists(f"{entry.path}/__init__.py"):  # noqa: PTH110
                    names.update((name, f"{name}/"))
                elif not end and name.isidentifier() and entry.is_dir():
                    bare.add(name)
    except OSError:
        pass  # a zip archive
    _bare[folder] = frozenset(bare)
    return frozenset(names)


def bare_folders(folder: str) -> frozenset[str]:
    """Return the names of the folders in a folder that had no ``__init__.py`` when its names were read last."""
    return _bare.get(folder, frozenset())


def listings(folders: "Iterable[str]") -> "Listings":
    """Return the names in folders. Many modules of a folder are imported together, and it is read once for them."""
    return {folder: _names(folder) for folder in folders}


def _names(folder: str) -> frozenset[str]:
    try:
        changed = os.stat(folder).st_mtime_ns  # noqa: PTH116 - pathlib takes long to import
    except OSError:
        return frozenset()
    now = time.time()
    at, changed_before, names = _read.get(folder, (0.0, 0, frozenset()))
    if changed != changed_before or not 0 <= now - at < _LAST:
        names = names_in(folder)
        if now - changed / 1e9 > _SURE:
            _read[folder] = now, changed, names
    return names
