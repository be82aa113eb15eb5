"""A place for what `mod_python serve` serves, and the command in it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mod_python._machine import Process
from programs import PATIENCE, Program, wait_for_end, with_word
from server import MODULE, PROJECT, processes


class Place:
    """A folder that everybody can read, with the command's temporary folders in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        for one in (folder, self.temporary):
            one.chmod(0o755)
        self.programs: list[Program] = []
        self.env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT / "python"),
            "TMPDIR": str(self.temporary),
            "TERM": "xterm",
            "HOME": str(folder),
        }

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        path.write_text(text)
        path.chmod(0o644)
        return path

    def start(self, *words: str, before: tuple[str, ...] = (), env: Mapping[str, str] | None = None) -> Program:
        """Start the command on a terminal."""
        command = [*before, sys.executable, "-m", "mod_python", *words]
        program = Program(command, {**self.env, **(env or {})}, self.folder)
        self.programs.append(program)
        return program

    def as_user(self) -> tuple[tuple[str, ...], dict[str, str]]:
        """Install the package here, for an ordinary user, who gets this folder.

        Returns:
            what stands before a command of that user's, and further variables for it.
        """
        shutil.copytree(PROJECT / "python/mod_python", self.folder / "lib/mod_python")
        shutil.copy(MODULE, self.folder / "lib/mod_python/mod_python.so")
        subprocess.run(["chmod", "-R", "a+rX", self.folder], check=True)
        before: tuple[str, ...] = ()
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "www-data", self.folder], check=True)
            before = ("setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", "--inh-caps=-all")
        return before, {"PYTHONPATH": str(self.folder / "lib")}

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command without a terminal to its end."""
        command = [sys.executable, "-m", "mod_python", *words]
        command = ["env", "--default-signal=INT", *command]  # which a shell ignores in the background
        environment = {**self.env, **(env or {})}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
        )

    def children(self) -> set[int]:
        """The IDs of httpd's children."""
        return {one.pid for one in self._httpds() if one.parent in {other.pid for other in self._httpds()}}

    def parents(self) -> set[int]:
        """The IDs of httpd's parent processes."""
        return {one.pid for one in self._httpds()} - self.children()

    def _httpds(self) -> list[Process]:
        here = with_word(str(self.temporary))
        return [one for one in processes() if one.pid in here and one.name == "apache2"]

    def wait_for_others(self, old: set[int]) -> None:
        """Wait until none of these children answers any more: at a graceful restart they may take a few requests."""
        assert old
        until = time.monotonic() + PATIENCE
        while left := old & self.children():
            assert time.monotonic() < until, left
            time.sleep(0.02)

    def expect_nothing_left(self) -> None:
        """Fail if a process or a file of the command is left, or will not be gone soon."""
        wait_for_end(str(self.temporary))
        until = time.monotonic() + PATIENCE
        while left := os.listdir(self.temporary):
            assert time.monotonic() < until, left
            time.sleep(0.02)


@pytest.fixture
def place() -> Iterator[Place]:
    """A `Place`, which is checked and removed after the test."""
    folder = Path(tempfile.mkdtemp(prefix="command."))
    place = Place(folder)
    try:
        yield place
        for program in place.programs:
            program.close()
        place.expect_nothing_left()
    finally:
        for program in place.programs:
            program.close()
        shutil.rmtree(folder)


def get(url: str) -> tuple[int, str]:
    """GET: the status and the body."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_for_body(url: str, body: str) -> None:
    """GET until the body is this one."""
    until = time.monotonic() + PATIENCE
    while (answer := get(url)) != (200, body):
        assert time.monotonic() < until, answer
        time.sleep(0.05)
