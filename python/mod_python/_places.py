"""Paths of httpd, its modules and the files of mod_python, for code outside of httpd."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


class NotFoundError(ImportError):
    """A file is not at any of the paths where it is looked for; the text says what to do."""


def import_path() -> list[str]:
    """Return `sys.path` without the folder of this command's own: that of its script, or the current one."""
    return sys.path[0 if sys.flags.safe_path else 1 :]


def tree() -> Path | None:
    """Return the source tree that this package is part of, or None."""
    root = PACKAGE.parent.parent
    return root if (root / "Cargo.toml").exists() else None


@functools.cache
def httpd() -> Path:
    """Return the path of httpd's program.

    Raises:
        NotFoundError: it does not exist.
    """
    # /usr/sbin is not on the PATH of ordinary users.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/apache2/bin"])
    for name in ("apache2", "httpd"):
        if found := shutil.which(name, path=path):
            return Path(found)
    raise NotFoundError("httpd was not found: install the package apache2-bin (Debian) or httpd (Fedora)")


@functools.cache
def modules() -> Path:
    """Return the folder of httpd's modules."""
    for apxs in ("apxs2", "apxs"):
        try:
            asked = subprocess.run([apxs, "-q", "LIBEXECDIR"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return Path(asked.stdout.strip())
    debian, fedora = Path("/usr/lib/apache2/modules"), Path("/usr/lib64/httpd/modules")
    return fedora if fedora.exists() else debian


def module() -> Path:
    """Return the path of the module: of MOD_PYTHON_SO, in the package, in the source tree, or among httpd's modules.

    pip puts it into the package.

    Raises:
        NotFoundError: it does not exist.
    """
    if named := os.environ.get("MOD_PYTHON_SO"):
        return Path(named)
    if (packed := PACKAGE / "mod_python.so").exists():
        return packed
    root = tree()
    place = root / "target/release/libmod_python.so" if root else modules() / "mod_python.so"
    if not place.exists():
        wanted = "build it with scripts/build" if root else "set MOD_PYTHON_SO to the path of mod_python.so"
        raise NotFoundError(f"{place} does not exist: {wanted}")
    return place


def test_double() -> Path:
    """Return the library with httpd's functions for tests: in the installed package, else beside the module.

    Raises:
        NotFoundError: it does not exist.
    """
    name = "libmod_python_testing.so"
    places = [PACKAGE / "testing" / name, module().parent / name]
    for place in places:
        if place.exists():
            return place
    raise NotFoundError(f"{places[0]} does not exist: copy it from the folder where the module was built")
