"""Programs on a pseudo-terminal of their own: what they print, and what is left of them."""

import contextlib
import fcntl
import os
import pty
import re
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from server import processes

PATIENCE = 60.0  # seconds


class Program:
    """A program that runs as the leader of a session whose terminal is read here.

    Args:
        command: the program with its arguments.
        env: its environment.
        folder: where it runs.
    """

    def __init__(self, command: Sequence[str | Path], env: Mapping[str, str], folder: Path) -> None:
        self._master, slave = pty.openpty()
        self._pieces: list[bytes] = []
        self.process = subprocess.Popen(
            command,
            env=env,
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that a Ctrl-C is a signal
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # EIO: no process has the terminal any more
            while piece := os.read(self._master, 1 << 16):
                self._pieces.append(piece)

    @property
    def text(self) -> str:
        """What it has printed so far, with line ends as programs write them."""
        return b"".join(self._pieces).decode().replace("\r\n", "\n")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until it has printed something that matches."""
        until = time.monotonic() + PATIENCE
        while (match := re.search(pattern, self.text)) is None:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.text}"
            assert time.monotonic() < until, f"no {pattern!r} in:\n{self.text}"
            time.sleep(0.02)
        return match

    def type(self, keys: bytes) -> None:
        """Type at its terminal."""
        os.write(self._master, keys)

    def end(self) -> int:
        """Wait for its end, and return its exit status."""
        status = self.process.wait(timeout=PATIENCE)
        self._reader.join(timeout=5)
        return status

    def close(self) -> None:
        """Kill it if it runs."""
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self._master)


def with_word(word: str) -> list[int]:
    """The IDs of the processes whose command lines have a text."""
    found = []
    for one in processes():
        with contextlib.suppress(OSError):
            if word in Path(f"/proc/{one.pid}/cmdline").read_text(errors="replace"):
                found.append(one.pid)
    return found


def wait_for_end(word: str) -> None:
    """Wait until no process has a text in its command line."""
    until = time.monotonic() + PATIENCE
    while with_word(word):
        assert time.monotonic() < until, [Path(f"/proc/{pid}/cmdline").read_text() for pid in with_word(word)]
        time.sleep(0.02)


def kill(pid: int, number: signal.Signals) -> None:
    """Send a signal."""
    os.kill(pid, number)
