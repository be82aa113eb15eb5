"""Modules of httpd that other Debian packages bring: a test file that lacks one is skipped with the package's name."""

from pathlib import Path

import pytest

from mod_python import _places
from server import PROJECT

# By name of the module: the file, and the package that has it.
_MODULES = {
    "wsgi": ("mod_wsgi.so", "libapache2-mod-wsgi-py3"),
    "perl": ("mod_perl.so", "libapache2-mod-perl2"),
    "security2": ("mod_security2.so", "libapache2-mod-security2"),
    "mpm_itk": ("mpm_itk.so", "libapache2-mpm-itk"),
}
RULES = Path("/usr/share/modsecurity-crs")
# The module of mod_python 3.5, which scripts/setup unpacks.
OLD_MODULE = PROJECT / "target/mod_python-3.5/usr/lib/apache2/modules/mod_python.so"


def need(path: str | Path, package: str) -> None:
    """Skip the test file that calls this, when it is imported, if a file of the package is not there."""
    if not Path(path).exists():
        pytest.skip(f"the package {package} is missing", allow_module_level=True)


def load(*names: str) -> str:
    """Return the LoadModule lines of some modules; skip the test file if the package of one is missing."""
    lines = []
    for name in names:
        file, package = _MODULES[name]
        path = _places.modules() / file
        need(path, package)
        lines.append(f'LoadModule {name}_module "{path}"\n')
    return "".join(lines)


def fpm() -> Path:
    """Return the program of php-fpm; skip the test file if it is missing."""
    found = sorted(Path("/usr/sbin").glob("php-fpm*"))
    if not found:
        need("/usr/sbin/php-fpm", "php-fpm")
    return found[-1]
