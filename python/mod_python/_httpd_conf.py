"""What is the same in each httpd.conf that is written here: usual modules, sizes, a certificate."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from mod_python import _places

# The usual modules of httpd.
USUAL = """
    authn_core authn_file authz_core authz_host authz_user auth_basic mime dir alias autoindex negotiation actions
    env setenvif headers expires rewrite status filter deflate include substitute sed ext_filter buffer ratelimit
    reqtimeout socache_shmcb ssl proxy proxy_http
""".split()

# mod_cgid forks from a process without threads; mod_http2 warns on prefork.
USUAL_BY_MPM = {
    "event": ["cgid", "http2"],
    "worker": ["cgid", "http2"],
    "prefork": ["cgi"],
}

# One child for as long as it can serve the load, and room for children of old generations.
_THREADED_SIZE = """
StartServers 1
ServerLimit 8
ThreadsPerChild 16
MaxRequestWorkers 32
MinSpareThreads 1
MaxSpareThreads 32
"""
SIZE = {
    "event": _THREADED_SIZE,
    "worker": _THREADED_SIZE,
    "prefork": """
StartServers 4
ServerLimit 16
MaxRequestWorkers 16
MinSpareServers 1
MaxSpareServers 4
""",
}


# A fragment that listens on the port for HTTP by itself, and the names of the ports that it uses.
LISTEN = re.compile(r"^\s*Listen\s.*\$\{PORT\}", re.MULTILINE | re.IGNORECASE)
PORT_VARIABLE = re.compile(r"\$\{(\w*PORT\d*)\}")

MPMS = ("event", "worker", "prefork")  # as they are preferred

_OPENSSL = [
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9"),
    *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
    *("-addext", "basicConstraints=critical,CA:FALSE"),  # mod_ssl warns about a server certificate that is a CA
]


def usual_mpm() -> str:
    """Return the first MPM that this httpd has as a module. Raise NotFoundError if there is none."""
    folder = _places.modules()
    for name in MPMS:
        if (folder / f"mod_mpm_{name}.so").exists():
            return name
    package = "install the package apache2-bin (Debian) or httpd (Fedora)"
    raise _places.NotFoundError(f"{folder} has no module of an MPM: {package}")


def usual_modules(mpm: str) -> list[str]:
    """Return the names of the usual modules with this MPM."""
    return [*USUAL, *USUAL_BY_MPM[mpm]]


def load_lines(mpm: str, optional: Iterable[str], required: Iterable[str] = ()) -> list[str]:
    """Return the LoadModule lines of an MPM and of modules, each once; of `optional` only those that are there."""
    folder = _places.modules()
    there = [name for name in optional if (folder / f"mod_{name}.so").exists()]
    names = dict.fromkeys([f"mpm_{mpm}", *there, *required])
    return [f"LoadModule {name}_module {quoted(folder / f'mod_{name}.so')}" for name in names]


def quoted(value: object) -> str:
    """Return one argument of a directive, in double quotes where it needs them."""
    text = str(value)
    if text and not any(character in text for character in " \t\"'\\#<>"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def certificate_command(certificate: Path, key: Path) -> list[str]:
    """Return the command that makes a certificate for localhost, which is valid for nine days."""
    return [*_OPENSSL, "-keyout", str(key), "-out", str(certificate)]


def make_certificate(certificate: Path, key: Path) -> None:
    """Make such a certificate. Raise FileNotFoundError without openssl."""
    subprocess.run(certificate_command(certificate, key), check=True, capture_output=True)
