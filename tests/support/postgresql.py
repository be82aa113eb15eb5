"""A PostgreSQL of its own for a test: its user `postgres` has no password, and its socket is in its folder."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

INSTALLED = Path("/usr/lib/postgresql")  # where Debian's packages have a folder for each version


def versions() -> list[Path]:
    """Return the folders of the versions that are installed, the newest last."""
    found = INSTALLED.iterdir() if INSTALLED.exists() else ()
    servers = (folder for folder in found if (folder / "bin/initdb").exists())
    return sorted(servers, key=lambda folder: int(folder.name))


@contextlib.contextmanager
def postgresql(folder: Path, options: str = "") -> Iterator[Path]:
    """Make the folder, run a server in it, and remove it again; yield the path of the server's log."""
    newest = versions()[-1]
    folder.mkdir()
    account = {"user": "postgres"} if os.geteuid() == 0 else {}
    if account:
        shutil.chown(folder, "postgres", "postgres")
    folder.chmod(0o755)
    data = folder / "data"
    tool: list[str | Path] = [newest / "bin/pg_ctl", "-D", data, "-s", "-w"]

    def run(*command: str | Path) -> None:
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **account)  # type: ignore[call-overload]

    run(newest / "bin/initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync")
    run(*tool, "-l", folder / "log", "-o", f"-k {folder} -c listen_addresses= -c fsync=off {options}", "start")
    try:
        yield folder / "log"
    finally:
        run(*tool, "-m", "immediate", "stop")
        shutil.rmtree(folder)
