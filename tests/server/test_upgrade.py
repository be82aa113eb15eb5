"""The package and the module are replaced while httpd runs, and a chroot without Python's library."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from httpd import Httpd

CONF = """
<Location "/">
    SetHandler mod_python
    PythonHandler hello
</Location>
"""
HELLO = """
from mod_python import apache

def handler(req):
    req.write("hello")
    return apache.OK
"""
MISMATCH = r"the package mod_python 99 .* does not match the module mod_python.so .*: install both from one build"
REPLACED = r"httpd still runs the module mod_python.so .*, whose file was replaced since; .*: stop httpd and start it"


def install_package(httpd: Httpd) -> None:
    """Put another version of the package in the place of the one that is there."""
    package = httpd.folder / "python/mod_python"
    copy = shutil.copytree(package, httpd.folder / "python/new")
    (copy / "version.py").write_text('version = "99"\n')
    package.unlink()
    copy.rename(package)


def install_module(httpd: Httpd) -> None:
    """Put another file in the place of the module, as install(1) does."""
    new = httpd.folder / "new.so"
    shutil.copy(httpd.folder / "mod_python.so", new)
    new.rename(httpd.folder / "mod_python.so")


@pytest.mark.parametrize(("with_module", "pattern"), [(False, MISMATCH), (True, REPLACED)])
def test_a_new_package_beside_an_old_module(with_module: bool, pattern: str) -> None:
    with Httpd(CONF) as httpd:
        httpd.handler("hello.py", HELLO)
        assert httpd.get("/").text == "hello"
        install_package(httpd)
        if with_module:
            install_module(httpd)
        httpd.expect(
            f"no Python for this child: .*{pattern}", f"interpreter 'main_interpreter' was not made.*{pattern}"
        )
        httpd.graceful()
        assert httpd.get("/").status == 500


def test_a_new_module_beside_an_old_package() -> None:
    with Httpd(CONF) as httpd:
        httpd.handler("hello.py", HELLO)
        install_module(httpd)
        httpd.graceful()
        assert httpd.get("/").text == "hello"


def library() -> Path:
    """Python's library: that of the Python that the module runs."""
    command = ["/usr/bin/python3", "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def jail(folder: Path) -> str:
    """Make a folder for ChrootDir and return the line for it."""
    folder.chmod(0o755)
    (folder / "tmp").mkdir()
    return f'ChrootDir "{folder}"\n'


def test_a_chroot_without_the_library_of_python_says_so(tmp_path: Path) -> None:
    with Httpd(jail(tmp_path) + CONF, mpm="prefork") as httpd:
        reason = "Python's library is not inside ChrootDir .*: copy the folder /"
        httpd.expect(f"no Python for this child: {reason}", f"no Python for this request: {reason}")
        assert httpd.get("/").status == 500
        assert "Python path configuration" not in httpd.log()


def test_a_start_of_python_that_fails_is_said_in_each_request() -> None:
    with tempfile.TemporaryDirectory() as name:
        encodings = Path(name) / "lib" / library().name / "encodings"
        encodings.mkdir(parents=True)
        (encodings / "__init__.py").touch()  # without any codec
        Path(name).chmod(0o755)
        with Httpd(f'PythonHome "{name}"\nPythonImport hello {name}\n{CONF}') as httpd:
            httpd.handler("hello.py", HELLO)
            reason = "Py_InitializeFromConfig failed: failed to get the Python codec"
            httpd.expect(f"no Python for this child: {reason}", f"no Python for this request: {reason}")
            httpd.expect(f"no Python for PythonImport hello .*: {reason}")
            httpd.allow("(?i)python path configuration|^  |^]")
            assert httpd.get("/").status == 500
            assert "panic" not in httpd.error_text()


def test_a_chroot_with_the_library_of_python_serves(tmp_path: Path) -> None:
    with Httpd(jail(tmp_path) + CONF, mpm="prefork") as httpd:
        httpd.allow("no Python for this child")
        httpd.handler("hello.py", HELLO)
        ignored = shutil.ignore_patterns("__pycache__", "test", "idlelib", "tkinter", "ensurepip", "config-*")
        for folder in (library(), httpd.folder / "python", httpd.handlers):
            shutil.copytree(folder, tmp_path / folder.relative_to("/"), ignore=ignored)
        for folder in tmp_path.rglob("*"):
            folder.chmod(0o755)
        httpd.graceful()
        assert httpd.get("/").text == "hello"
