"""A redis and a memcached of its own for a test: on a port of this machine, in memory, without files."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator

from other_servers import listening

KINDS = ("redis", "memcache")


def command(kind: str, port: int) -> list[str]:
    """Return the command that runs a server of one of the KINDS in the foreground."""
    if kind == "redis":
        return ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    return ["memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0"]


def is_installed(kind: str) -> bool:
    """Whether the package with the server is there."""
    return shutil.which(command(kind, 0)[0]) is not None


@contextlib.contextmanager
def engine(kind: str, port: int | None = None) -> Iterator[int]:
    """Run a server, and yield its port."""
    user = "nobody" if os.geteuid() == 0 else None  # memcached refuses to run as root
    options = {"cwd": "/", "user": user, "stdout": subprocess.DEVNULL}
    with listening(lambda port: command(kind, port), port, **options) as (found, _):
        yield found
