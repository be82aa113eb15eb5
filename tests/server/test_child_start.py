"""What a child does before its first request is paid by each child: it imports few modules."""

import subprocess
import sys

from httpd import Httpd

CONF = """
<Location "/">
    SetHandler mod_python
    PythonHandler loaded_modules
</Location>
"""
HANDLER = """
import sys


def handler(req):
    req.write(" ".join(sys.modules))
    return 0
"""
# What mod_python itself needs from the beginning: it watches signals, threads and programs that are started.
NEEDED = {
    "_posixsubprocess",
    "_signal",
    "_thread",
    "collections.abc",
    "contextvars",
    "enum",
    "faulthandler",
    "functools",
    "importlib",
    "io",
    "signal",
    "threading",
    "types",
}


def brought_by(modules: str) -> set[str]:
    """The modules that Python has after `import` of these."""
    # Python 3.14 imports warnings where a name of importlib.machinery is imported.
    code = f"import sys, {modules}; from importlib.machinery import ModuleSpec; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_a_child_imports_few_modules(httpd: Httpd) -> None:
    httpd.handler("loaded_modules.py", HANDLER)
    loaded = set(httpd.get("/").text.split())
    assert "mod_python._start" in loaded
    ours = {name for name in loaded if name.startswith("mod_python")} | {"_apache", "loaded_modules"}
    assert loaded - ours - brought_by(", ".join(sorted(NEEDED))) == set()
