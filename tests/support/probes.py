"""Small C modules that look at httpd from where Python cannot: built with apxs when a test file asks for one."""

import fcntl
import functools
import shutil
import subprocess
import sysconfig
from pathlib import Path

from server import PROJECT

_SOURCES = Path(__file__).parent / "probe"
_BUILT = PROJECT / "target/probe"


@functools.cache
def load(name: str) -> str:
    """Return the LoadModule line of tests/support/probe/mod_NAME.c, compiled if it changed since the last time."""
    folder = _BUILT / name
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:  # the files of tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        return f'LoadModule {name}_module "{_compiled(_SOURCES / f"mod_{name}.c", folder)}"'


def _compiled(source: Path, folder: Path) -> Path:
    copy, built = folder / source.name, folder / f".libs/{source.stem}.so"
    if not built.exists() or not copy.exists() or copy.read_bytes() != source.read_bytes():
        shutil.copy(source, copy)
        includes = [f"-I{PROJECT}/include", f"-I{sysconfig.get_path('include')}"]
        command = ["apxs", "-c", "-Wc,-Wall", "-Wc,-Werror", *includes, copy.name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            copy.unlink()
            raise RuntimeError(f"{source} does not compile:\n{done.stdout}{done.stderr}")
    return built
