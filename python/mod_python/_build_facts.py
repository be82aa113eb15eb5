"""What the names of ``mod_python.version`` tell of httpd and Python, found when they are first asked for."""

import functools
import re
import subprocess
import sys

from mod_python import _places


@functools.cache
def _told() -> str:
    """Return what httpd tells of itself."""
    # It fails where it cannot read its usual configuration, after it has told.
    return subprocess.run([_places.httpd(), "-V"], capture_output=True, text=True, check=False).stdout


def _found(pattern: str) -> str:
    match = re.search(pattern, _told())
    return match[1] if match else ""


def value(name: str) -> str:
    """Return the value of a name.

    Raises:
        AttributeError: there is no such name.
        ImportError: httpd was not found.
    """
    if name == "HTTPD":
        return str(_places.httpd())
    if name == "HTTPD_VERSION":
        return _found(r"Server version: Apache/(\S+)")
    if name == "APR_VERSION":
        return _found(r"Server loaded: +APR ([^\s,]+)")
    if name == "LIBEXECDIR":
        return str(_places.modules())
    if name == "SYSCONFDIR":
        root, file = _found(r'HTTPD_ROOT="([^"]*)"'), _found(r'SERVER_CONFIG_FILE="([^"]*)"')
        return (file if file.startswith("/") else f"{root}/{file}").rpartition("/")[0]
    if name == "PYTHON_BIN":
        return sys.executable
    raise AttributeError(f"module 'mod_python.version' has no attribute {name!r}")
