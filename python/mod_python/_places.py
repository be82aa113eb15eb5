"""Where the module is, and what belongs to it; for what runs outside of httpd."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


class NotFoundError(ImportError):
    """Something is not where it is looked for."""


def tree() -> Path | None:
    """The source tree that this package is part of, if it is."""
    root = PACKAGE.parent.parent
    return root if (root / "Cargo.toml").exists() else None


@functools.cache
def httpd() -> Path:
    """Httpd's program.

    Raises:
        NotFoundError: there is none.
    """
    # It is not on the PATH of ordinary users.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/apache2/bin"])
    for name in ("apache2", "httpd"):
        if found := shutil.which(name, path=path):
            return Path(found)
    raise NotFoundError("httpd was not found: install the package apache2-bin (Debian) or httpd (Fedora)")


@functools.cache
def modules() -> Path:
    """The folder of httpd's modules."""
    for apxs in ("apxs2", "apxs"):
        try:
            asked = subprocess.run([apxs, "-q", "LIBEXECDIR"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return Path(asked.stdout.strip())
    debian, fedora = Path("/usr/lib/apache2/modules"), Path("/usr/lib64/httpd/modules")
    return fedora if fedora.exists() else debian


def module() -> Path:
    """The module: what MOD_PYTHON_SO names, else the source tree's, else the one among httpd's modules.

    Raises:
        NotFoundError: there is none.
    """
    if named := os.environ.get("MOD_PYTHON_SO"):
        return Path(named)
    root = tree()
    place = root / "target/release/libmod_python.so" if root else modules() / "mod_python.so"
    if not place.exists():
        wanted = "scripts/build makes it" if root else "set MOD_PYTHON_SO to where it is"
        raise NotFoundError(f"{place} is not there: {wanted}")
    return place


def stand_in() -> Path:
    """The library with httpd's functions for tests: in this package once installed, else beside the module.

    Raises:
        NotFoundError: it is not there.
    """
    name = "libmod_python_testing.so"
    places = [PACKAGE / "testing" / name, module().parent / name]
    for place in places:
        if place.exists():
            return place
    raise NotFoundError(f"{places[0]} is not there: copy it from where the module was built")
