"""What is added to a ModuleNotFoundError: the folders that were searched, and which of them this process may not read.

CPython's finders take a folder that they may not read for an empty one.
"""

import os
import pwd
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote_to_bytes

_START = "looked for in: "
_NO_FILE = "the name of a module does not end with .py"


def explain(error: ModuleNotFoundError, path: Sequence[str] = (), unsearched: str | None = None) -> None:
    """Add a note to the error: where the module was looked for. An error that has this note keeps it.

    Args:
        error: what an import raised.
        path: folders that were searched before those of `sys.path`, unless the module's parent is a package.
        unsearched: the folder of a handler's section, which is not searched where a `PythonPath` holds.
    """
    name = error.name or ""
    if not name or any(note.startswith((_START, _NO_FILE)) for note in getattr(error, "__notes__", ())):
        return
    parent = name.rpartition(".")[0]
    if parent:
        places = list(getattr(sys.modules.get(parent), "__path__", ()))
        if name.endswith(".py") and not places:
            error.add_note(f"{_NO_FILE}: write {parent}, or the path of the file")
    else:
        places = [*_neighbours(error.__traceback__), *path, *sys.path]
    described = [_described(place) for place in dict.fromkeys(places) if isinstance(place, str)]
    if any(described):
        error.add_note(_START + ", ".join(text for text in described if text))
    if unsearched is not None and not parent and (Path(unsearched) / f"{name}.py").is_file():
        error.add_note(
            f"{unsearched}, the folder of the section, has it, and is not searched where a PythonPath holds: "
            f"add it to that, or name the file, ~/{name}.py"
        )


def _neighbours(traceback: TracebackType | None) -> list[str]:
    """The folder of the importing module, if that is a module of a folder, which sees its neighbours first."""
    importer = ""
    while traceback is not None:
        name = traceback.tb_frame.f_globals.get("__name__", "")
        if not name.startswith(("importlib.", "mod_python.")):
            importer = name
        traceback = traceback.tb_next
    package = importer.partition(".")[0]
    return [os.fsdecode(unquote_to_bytes(package))] if package.startswith("/") else []


def _described(place: str) -> str:
    """A folder and why nothing can be found in it; "" for the zip archive of the standard library, if not installed."""
    fault = unreadable(place or ".")
    if fault:
        return f"{place} ({fault})"
    if not Path(place or ".").exists():
        return "" if place.endswith(".zip") else f"{place} (which is not there)"
    return place or "the current folder"


def unreadable(folder: str) -> str:
    """What keeps this process from reading a folder, as a sentence's end; "" for nothing, and for what is not there."""
    place = Path(folder)
    for parent in reversed(place.absolute().parents):
        try:
            is_closed = parent.is_dir() and not os.access(parent, os.X_OK)
        except PermissionError:
            is_closed = True
        if is_closed:
            return f"which user {_user()} cannot read, because {parent} is closed to it"
    if place.is_dir() and not os.access(place, os.R_OK | os.X_OK):
        return f"which user {_user()} cannot read"
    return ""


def _user() -> str:
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
