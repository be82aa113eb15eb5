"""Which package mod_python the module takes, and what it says when that is not its own."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from httpd import Httpd
from server import MODULE, PROJECT

CONF = """
SetHandler mod_python
PythonHandler package_place
<Location /named>
    PythonInterpreter named
</Location>
"""
PLACE = "def handler(req):\n    import mod_python\n    req.write(mod_python.__file__)\n    return 0\n"
# As that of Debian's libapache2-mod-python begins.
OTHER = {"__init__.py": "from . import version\nmp_version = version.version\n", "version.py": "version = '3.5.0'\n"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that httpd's children can read."""
    with tempfile.TemporaryDirectory(prefix="mod_python.package.") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def other_package(folder: Path) -> Path:
    """Put another package of the name into a folder."""
    package = folder / "mod_python"
    package.mkdir()
    for name, text in OTHER.items():
        (package / name).write_text(text)
    return package


def said(folder: Path, name: str = "") -> str:
    """What the log of a server says whose children find that folder first, and answer 500."""
    # Not from the source tree, whose package it would take.
    module = shutil.copy(MODULE, folder / "mod_python.so")
    conf = f"LoadModule python_module {module}\n{CONF}"
    with Httpd(conf, with_python=False, env={"PYTHONPATH": str(folder)}, allow=[".*"]) as server:
        assert server.get(f"/{name}").status == 500
        return server.error_text()


def test_another_package_is_named_by_its_file(folder: Path) -> None:
    package = other_package(folder)
    text = said(folder)
    assert f"the package {package}/__init__.py is not that of mod_python 4: remove it" in text


def test_a_package_that_cannot_be_read_is_named(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("httpd's children are this user, who can read all of its files")
    shutil.copytree(PROJECT / "python/mod_python", folder / "mod_python")
    (folder / "mod_python").chmod(0o700)
    assert f"cannot read its package: {folder}/mod_python/__init__.py: Permission denied" in said(folder)


def test_no_package_at_all(folder: Path) -> None:
    text = said(folder)
    if "is not that of mod_python 4" in text:
        pytest.skip("this machine has a package mod_python of Debian's")
    assert re.search(rf"found no package mod_python in any folder of sys\.path, which is \['{folder}', ", text)


def test_a_package_of_another_version_is_named_by_its_file(folder: Path) -> None:
    shutil.copytree(PROJECT / "python/mod_python", folder / "mod_python")
    version = folder / "mod_python/version.py"
    version.write_text(version.read_text().replace('version = "', 'version = "0.'))
    text = said(folder)
    assert re.search(rf"package mod_python 0\.\S+ \({folder}/mod_python/_start\.py\) does not match", text)


def test_the_module_of_a_source_tree_takes_the_package_of_that_tree(folder: Path) -> None:
    # Whatever lies in dist-packages, and without PYTHONPATH.
    other_package(folder)
    tree = folder / "tree"
    (tree / "target/release").mkdir(parents=True)
    (tree / "Cargo.toml").touch()
    shutil.copy(MODULE, tree / "target/release")
    shutil.copytree(PROJECT / "python/mod_python", tree / "python/mod_python")
    load = f"LoadModule python_module {tree}/target/release/{MODULE.name}\n"
    path = f"""PythonPath "sys.path + ['{folder}']"\n"""
    with Httpd(load + path + CONF, with_python=False, env={"PYTHONPATH": str(folder)}) as server:
        (folder / "package_place.py").write_text(PLACE)
        for place in ("/", "/named"):
            assert server.get(place).text == f"{tree}/python/mod_python/__init__.py"


def test_tools_of_a_source_tree_take_its_package(folder: Path) -> None:
    other_package(folder)
    command = "import server, sys; print(sys.modules['mod_python'].__file__)"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "scripts"), str(folder)])}
    done = subprocess.run(
        ["/usr/bin/python3", "-B", "-c", command], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{PROJECT}/python/mod_python/__init__.py\n"
