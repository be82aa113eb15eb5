"""Servers beside httpd that tests and benches need, each on a port of its own."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from server import free_ports


@contextlib.contextmanager
def listening(
    command: Callable[[int], Sequence[str]], port: int | None = None, **options: Any
) -> Iterator[tuple[int, int]]:
    """Run a server until the block ends, and yield its port and process id once it listens.

    Args:
        command: returns the command for a port.
        port: the port; a free one if left out.
        options: arguments for `subprocess.Popen`.

    Raises:
        AssertionError: it has ended, or does not listen within 60 s.
    """
    [found], claims = free_ports(1)
    port = port or found
    words = command(port)
    process = subprocess.Popen(words, **options)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, f"{words} does not listen"
                assert process.poll() is None, f"{words} has ended"
                time.sleep(0.02)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()
        for claim in claims:
            claim.close()
