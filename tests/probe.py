"""The module mod_probe.c, built when a test needs it: PROBE_CONF loads it, `passed` reads what it logged."""

import re
import subprocess
from pathlib import Path

from httpd import Httpd
from server import PROJECT

_SOURCE = Path(__file__).with_name("mod_probe.c")
_BUILT = PROJECT / "target/mod_probe.so"


def _ask(name: str) -> str:
    return subprocess.run(["apxs", "-q", name], capture_output=True, text=True, check=True).stdout.strip()


def _build() -> Path:
    """Compile it unless that was done."""
    if not _BUILT.exists() or _BUILT.stat().st_mtime < _SOURCE.stat().st_mtime:
        flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"]
        includes = [f"-I{_ask(name)}" for name in ("INCLUDEDIR", "APR_INCLUDEDIR", "APU_INCLUDEDIR")]
        command: list[str | Path] = ["gcc", *flags, *_ask("EXTRA_CPPFLAGS").split(), *includes, "-o", _BUILT, _SOURCE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return _BUILT


PROBE_CONF = f'LoadModule probe_module "{_build()}"\n'


def passed(httpd: Httpd, name: str = "probe") -> list[str]:
    """The brigades that a probe saw since the test began, each as "HEAP=5 FLUSH"."""
    return re.findall(rf"] {name}: (.*)$", httpd.log(), re.MULTILINE)
