"""Prepares an interpreter. Each new interpreter imports it once, before any other Python code."""

import sys
import threading

from mod_python import _apache, _contexts, _extensions, _failures, _forks, _programs, _streams
from mod_python import _folders as _folders  # installs the finder for modules of folders
from mod_python.version import version


def _was_replaced() -> bool:
    """Return whether the file of the running module was replaced: proc(5) tells of names that lead elsewhere now."""
    try:
        with open("/proc/self/maps") as maps:
            names = [line.rpartition("/")[2].rstrip("\n") for line in maps]
    except OSError:
        return False
    return any(name.startswith("mod_python") and name.endswith(".so (deleted)") for name in names)


if version != _apache._version:
    if _was_replaced():
        raise ImportError(
            f"httpd still runs the module mod_python.so {_apache._version}, whose file was replaced since; the package "
            f"mod_python ({__file__}) is {version} already: stop httpd and start it, since a restart or a reload keeps "
            "the old module in memory"
        )
    raise ImportError(
        f"the package mod_python {version} ({__file__}) does not match the module "
        f"mod_python.so {_apache._version}: install both from one build, then stop httpd and start it"
    )

if _apache.interpreter == "main_interpreter":
    from mod_python import _signals

    _signals.install()

# Before Python 3.13, `threading` takes the thread that imports it in an interpreter for the main thread. That is right
# in the main interpreter only; a thread that serves a request makes the others.
_main = threading.main_thread()
if _apache._main_thread not in (0, _main.ident):  # 0: another module of httpd has started Python
    del threading._active[_main.ident]  # type: ignore[attr-defined]
    _main._ident = _apache._main_thread  # type: ignore[attr-defined]
    threading._active[_main.ident] = _main  # type: ignore[attr-defined]

_failures.install()
_contexts.install()
_extensions.install()
_forks.install()
_programs.install()
sys.stdout = _streams.LogStream(is_error=False)
sys.stderr = _streams.LogStream(is_error=True)
