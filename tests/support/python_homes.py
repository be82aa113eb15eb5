"""Folders for PythonHome: virtual environments with packages that are installed in an editable way."""

import subprocess
import sys
from pathlib import Path

# In a folder src pip writes a .pth file with its path; without one, a finder for sys.meta_path, whose .pth runs code.
_PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "{name}"
version = "1"
[tool.setuptools]
py-modules = ["{name}"]
{layout}
"""
PYTHON = "/usr/bin/python3"


def make_environment(folder: Path, *options: str) -> Path:
    """Make a virtual environment without pip, which the user of httpd's children can read; return its folder."""
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", *options, folder], check=True, capture_output=True)
    return folder


def install(environment: Path, name: str, text: str, *, with_finder: bool) -> Path:
    """Install a module as a project in an editable way, without the network; return the module's file."""
    project = environment.with_name(f"{environment.name}-{name}")
    source = project if with_finder else project / "src"
    source.mkdir(parents=True)
    layout = "" if with_finder else '[tool.setuptools.package-dir]\n"" = "src"'
    (project / "pyproject.toml").write_text(_PROJECT.format(name=name, layout=layout))
    file = source / f"{name}.py"
    file.write_text(text)
    # The pip and the setuptools of the tests put it into the other environment.
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--prefix", str(environment)]
    subprocess.run([*pip, *options, "--editable", str(project)], check=True, capture_output=True, text=True)
    return file


def make_prefix(folder: Path) -> Path:
    """Make the prefix of an installation whose standard library is the system's; return its folder for packages."""
    ask = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    done = subprocess.run([PYTHON, "-c", ask], check=True, capture_output=True, text=True)
    library = Path(done.stdout.strip())
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / library.name).symlink_to(library)
    packages = folder / "lib/python3/dist-packages"  # where Debian's Python looks for them
    packages.mkdir(parents=True)
    return packages
