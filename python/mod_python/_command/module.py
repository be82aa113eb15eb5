"""The file of the module for httpd: where it is, the lines that load it, and its place among httpd's modules."""

import shutil
import sys
from pathlib import Path

from mod_python import _places
from mod_python._command.problem import Problem
from mod_python._httpd_conf import quoted


def config(module: Path) -> list[str]:
    """Return the lines of httpd.conf that load a module with the packages of this Python."""
    lines = [f"LoadModule python_module {quoted(module)}"]
    return lines + ([f"PythonHome {quoted(sys.prefix)}"] if sys.prefix != sys.base_prefix else [])


def install(folder: Path | None) -> Path:
    """Copy the module to a folder, and return its path there.

    Args:
        folder: None for that of httpd's modules.

    Raises:
        Problem: it cannot be written.
    """
    source, target = _places.module(), (folder or _places.modules()).absolute() / "mod_python.so"
    new = target.with_name(f".{target.name}.new")
    try:
        # Renamed when it is whole: a running httpd has the old file mapped into memory.
        shutil.copyfile(source, new)
        new.chmod(0o644)
        new.replace(target)
    except OSError as error:
        hint = ": run this as root, or name another folder with --modules-directory" if error.errno == 13 else ""
        raise Problem(f"{target} cannot be written ({(error.strerror or str(error)).lower()}){hint}") from error
    return target
