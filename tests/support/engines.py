"""A redis and a memcached of its own for a test: on a port of this machine, in memory, without files."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

from server import free_ports

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
    [found], claims = free_ports(1)
    port = port or found
    user = "nobody" if os.geteuid() == 0 else None  # memcached refuses to run as root
    server = subprocess.Popen(command(kind, port), cwd="/", user=user, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, f"{kind} does not start"
                assert server.poll() is None, f"{kind} has ended"
                time.sleep(0.02)
        yield port
    finally:
        server.kill()
        server.wait()
        for claim in claims:
            claim.close()
