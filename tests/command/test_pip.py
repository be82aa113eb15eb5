"""`pip install .`: what it installs serves, and what is missing is one sentence."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_place import Place, get, wait_for_body
from programs import Program
from server import PROJECT

pytestmark = pytest.mark.timeout(600)  # the build is slow where other things are built at the same time
HANDLER = "def handler(req):\n    req.write('good morning\\n')\n    return 0\n"
BUILD = "import sys, setuptools.build_meta as backend; print(backend.build_{}(sys.argv[1]))"


def run(*command: str | Path, **env: str) -> str:
    """Run a command, and return what it prints."""
    done = subprocess.run(command, cwd=PROJECT, env=os.environ | env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def venv() -> Iterator[Path]:
    """A fresh virtual environment with a wheel of the checkout. What cargo has built is not built again."""
    with tempfile.TemporaryDirectory(prefix="pip.") as name:
        folder = Path(name)
        folder.chmod(0o755)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        run(*pip, "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, ".")
        [wheel] = folder.glob("*.whl")
        assert re.fullmatch(r"mod_python-4\S*-cp3\d+-cp3\d+-linux_\w+\.whl", wheel.name)
        run("/usr/bin/python3", "-m", "venv", "--without-pip", folder / "venv", PYTHONPATH="")
        run(*pip, "--python", folder / "venv/bin/python", "install", "--no-index", "--no-deps", wheel)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        yield folder / "venv"


def test_the_command_of_an_environment_serves(place: Place, venv: Path) -> None:
    app = place.write("app.py", HANDLER)
    env = {name: value for name, value in place.env.items() if name != "PYTHONPATH"}
    program = Program([venv / "bin/mod_python", "serve", "app.py", "--port", "0"], env, place.folder)
    place.programs.append(program)
    url = program.wait_for(r"Serving app\.py at (http://\S+);")[1]
    assert get(url) == (200, "good morning\n")
    app.write_text(HANDLER.replace("morning", "evening"))
    wait_for_body(url, "good evening\n")
    program.type(b"\x03")
    assert program.end() == 0
    place.expect_nothing_left()


def test_it_prints_and_places_what_httpd_needs(venv: Path, tmp_path: Path) -> None:
    command = venv / "bin/mod_python"
    module = Path(run(command, "module-location").strip())
    assert module.parent.parent.parent.parent == venv / "lib"
    assert (module.parent / "_command/no_files/README").is_file()
    home = f"PythonHome {venv}"
    assert run(command, "module-config").splitlines() == [f"LoadModule python_module {module}", home]
    lines = run(command, "install-module", "--modules-directory", tmp_path).splitlines()
    assert lines == [f"LoadModule python_module {tmp_path}/mod_python.so", home]
    assert (tmp_path / "mod_python.so").read_bytes() == module.read_bytes()
    assert os.listdir(tmp_path) == ["mod_python.so"]
    done = subprocess.run(
        [command, "install-module", "--modules-directory", tmp_path / "no"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"mod_python: {tmp_path}/no/mod_python.so cannot be written (no such file or directory)\n"


def test_filters_can_be_tested_without_httpd(venv: Path) -> None:
    test = "from mod_python import testing; print(testing.run(lambda filter: filter.pass_on(), b'yes').body)"
    assert run(venv / "bin/python", "-c", test, PYTHONPATH="") == "b'yes'\n"


def test_the_help_is_a_man_page_and_completions(venv: Path) -> None:
    page = (venv / "share/man/man1/mod_python.1").read_text()
    helped = run(venv / "bin/mod_python", "--help")
    commands = re.findall(r"^    ([a-z][\w-]+)(?: |$)", helped, re.MULTILINE)
    assert {"serve", "create", "start", "install-module"} <= {*commands}
    plain = page.replace("\\-", "-")
    assert [name for name in commands if name not in plain] == []
    assert "--env-file" in plain
    script = venv / "share/bash-completion/completions/mod_python"
    completing = 'source "$1"; COMP_WORDS=(mod_python module-); COMP_CWORD=1; _shtab_mod_python; echo "${COMPREPLY[@]}"'
    assert run("bash", "-c", completing, "bash", script).split() == ["module-location", "module-config"]
    assert (venv / "share/zsh/site-functions/_mod_python").read_text().startswith("#compdef mod_python\n")


def test_an_archive_has_all_that_a_build_needs(tmp_path: Path) -> None:
    run(sys.executable, "-c", BUILD.format("sdist"), tmp_path)
    [archive] = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        there = {one.name.partition("/")[2] for one in content.getmembers()}
    known = run(
        "git", "ls-files", "src", "c-shim", "include", "python", "build.rs", "Cargo.toml", "Cargo.lock", ".cargo"
    )
    links = {"python/mod_python/filters", "python/mod_python/protocols"}  # folders in the archive
    needed = {name for name in known.splitlines() if name not in links}
    needed |= {f"python/mod_python/{name}" for name in run("git", "ls-files", "filters", "protocols").splitlines()}
    needed |= {"setup.py", "pyproject.toml", "LICENSE", "README.md"}
    assert {name for name in needed - there if not name.endswith(".md")} == set()


def test_no_rust_is_one_sentence(tmp_path: Path) -> None:
    for name in ("bash", "sh", "git"):
        (tmp_path / name).symlink_to(shutil.which(name) or "/bin/true")
    env = os.environ | {"PATH": str(tmp_path), "HOME": str(tmp_path), "CARGO_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format("wheel"), tmp_path], cwd=PROJECT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Rust is missing: install it from https://rustup.rs")


def error_of_build(folder: Path, **env: str) -> str:
    """Run build.rs, and return how it fails."""
    programs = sorted((PROJECT / "target/release/build").glob("mod_python-*/build-script-build"))
    newest = max(programs, key=lambda path: path.stat().st_mtime)
    env = os.environ | {"OUT_DIR": str(folder)} | env
    done = subprocess.run([newest], cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stdout.splitlines()[-1].removeprefix("cargo::error=")


def test_no_apxs_is_one_sentence(tmp_path: Path) -> None:
    error = error_of_build(tmp_path, APXS="/nowhere/apxs")
    assert error.startswith("httpd's apxs was not found: install the package apache2-dev (Debian)")


def test_a_python_that_is_not_known_is_one_sentence(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 3.15.0\n")
    python.chmod(0o755)
    error = error_of_build(tmp_path, PYO3_PYTHON=str(python))
    assert error.startswith(f"{python} is Python 3.15.0, and the module is for 3.11 to 3.14")
