"""A Redis of its own for a test: its socket is in its folder, and all users can connect."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

# Debian's redis-tools has the server under this name; the package redis-server would start a service.
PROGRAM = Path("/usr/bin/redis-check-rdb")


def url_of(folder: Path) -> str:
    """Return the URL of the server in a folder."""
    return f"unix://{folder}/socket?db=0"


class Redis:
    """A server that runs in a folder, and can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        socket = self.folder / "socket"
        options = {"port": 0, "unixsocket": socket, "unixsocketperm": 777, "dir": self.folder, "save": ""}
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(["redis-server", *words], executable=PROGRAM, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                with redis.Redis.from_url(url_of(self.folder)) as client:
                    client.ping()
                return
            except redis.RedisError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)

    def kill(self) -> None:
        """End it at once: what it knows is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    """Make the folder, run a server in it, and remove it again."""
    folder.mkdir()
    folder.chmod(0o755)
    server = Redis(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)
