"""What pyproject.toml cannot say: the module of httpd is compiled by cargo and put into the package.

setuptools-rust runs cargo. What is missing ends the build in one sentence, of build.rs or of this file.
"""

import fcntl
import os
import re
import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.errors import BaseError, CompileError
from setuptools_rust import Binding, RustExtension, build_rust

ROOT = Path(__file__).resolve().parent
SYSTEM_PYTHON = Path("/usr/bin/python3")
GENERATED = ROOT / "target/pip/share"
SHARED = {
    "share/man/man1": "mod_python.1",
    "share/bash-completion/completions": "mod_python",
    "share/zsh/site-functions": "_mod_python",
}


class BuildModule(build_rust):  # type: ignore[misc]
    """Compiles the module for this Python and this httpd."""

    def run(self) -> None:
        """Compile, or end with a sentence."""
        find_cargo()
        os.environ.setdefault("PYO3_PYTHON", python())
        try:
            super().run()
        except (BaseError, CompileError) as error:
            raise SystemExit(sentence(str(error))) from None

    def get_dylib_ext_path(self, *_: object) -> str:
        """Return the path of the module: it is httpd that loads it, so its name is not one of Python's."""
        folder = ROOT / "python" if self.inplace else Path(self.get_finalized_command("build_ext").build_lib)
        return str(folder / "mod_python/mod_python.so")


class BuildPackage(build_py):
    """Makes the man page and the completions of the command from its own help."""

    def run(self) -> None:
        """Copy the package, and generate."""
        GENERATED.mkdir(parents=True, exist_ok=True)
        # Until this process ends: another one that builds in this folder has to wait.
        fcntl.flock(os.open(GENERATED.parent, os.O_RDONLY), fcntl.LOCK_EX)
        shutil.rmtree(Path(self.build_lib) / "mod_python", ignore_errors=True)  # modules that are gone by now
        super().run()
        sys.path.insert(0, str(ROOT / "python"))
        import shtab
        from argparse_manpage.manpage import Manpage

        from mod_python._command.parser import parser

        command = parser()
        texts = [str(Manpage(command)), shtab.complete(command, "bash"), shtab.complete(command, "zsh")]
        for name, text in zip(SHARED.values(), texts, strict=True):
            (GENERATED / name).write_text(text)


def find_cargo() -> None:
    """Put the folder of rustup's cargo on PATH, where it is on no PATH yet. Raise SystemExit if there is none."""
    place = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "bin"
    if shutil.which("cargo") is None and (place / "cargo").exists():
        os.environ["PATH"] += f"{os.pathsep}{place}"
    if shutil.which("cargo") is None or shutil.which("rustc") is None:
        raise SystemExit("Rust is missing: install it from https://rustup.rs (the packages of Debian 12 are too old)")


def python() -> str:
    """Return the installation of this Python, which the module is built for, also from a virtual environment."""
    base = Path(getattr(sys, "_base_executable", sys.executable))
    # The name that .cargo/config.toml has for it: cargo builds anew for another one.
    is_usual = SYSTEM_PYTHON.exists() and base.resolve() == SYSTEM_PYTHON.resolve()
    return str(SYSTEM_PYTHON if is_usual else base)


def sentence(error: str) -> str:
    """Return what cargo or build.rs says is missing, without the rest."""
    if re.search(r"linker `\S+` not found|failed to find tool .?(cc|gcc|c\+\+)", error):
        return "a C compiler is missing: install the packages gcc and libc6-dev (Debian), or gcc and glibc-devel"
    if match := re.search(r"^\s*error: mod_python@\S+: (.*)", error, re.MULTILINE):
        return match[1]
    return error


setup(
    rust_extensions=[
        RustExtension(
            "mod_python.mod_python",
            binding=Binding.NoBinding,
            args=["--locked"],
            debug=False,
            quiet=True,
            generated_files={"../../../libmod_python_testing.so": "mod_python.testing"},  # beside cargo's OUT_DIR
        )
    ],
    cmdclass={"build_rust": BuildModule, "build_py": BuildPackage},
    data_files=[(folder, [str((GENERATED / name).relative_to(ROOT))]) for folder, name in SHARED.items()],
)
