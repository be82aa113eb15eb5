"""A process of httpd in a session of its own: its start, its processes and its stop."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from mod_python import _places
from mod_python._machine import Process, processes

# A command that runs httpd, and the factor for all time-outs.
_WRAPPER = shlex.split(os.environ.get("MOD_PYTHON_TEST_WRAPPER", ""))
SLOWER = 30 if _WRAPPER else 1


def without_python() -> dict[str, str]:
    """Return this process's environment without PYTHON* variables, such as those of a virtual environment."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _wait_while(condition: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while condition() and time.monotonic() < until:
        time.sleep(0.01)


class HttpdSession:
    """httpd with one configuration file, in the foreground. It ends when the thread that started it ends.

    Args:
        conf: the configuration file.
        mpm: "event", "worker" or "prefork", which that file loads.
        env: the environment of httpd.
    """

    def __init__(self, conf: Path, mpm: str, env: Mapping[str, str]) -> None:
        self.mpm = mpm
        self._conf = conf
        self._env = dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    def configtest(self) -> subprocess.CompletedProcess[str]:
        """Run `apache2 -t`; its messages are in `stderr` of the result."""
        return self.query("-t")

    def query(self, option: str) -> subprocess.CompletedProcess[str]:
        """Run httpd's program with an option that prints something, such as -V or -S, and return the result."""
        return subprocess.run([*self._command(), option], env=self._env, capture_output=True, text=True, check=False)

    def _command(self) -> list[str]:
        return [*_WRAPPER, str(_places.httpd()), "-f", str(self._conf)]

    def _launch(self, log: IO[bytes] | int) -> None:
        """Start httpd, and do not wait for its children. `log` takes what it prints."""
        self._process = subprocess.Popen(
            # With FOREGROUND httpd would take the terminal's SIGWINCH for a command to stop, hence a new session,
            # by which _end() also finds processes that are left. --pdeathsig ends httpd if this process is killed.
            # It is looked for here: the environment of httpd may have a PATH of its own.
            [shutil.which("setpriv") or "setpriv", "--pdeathsig", "TERM", *self._command(), "-D", "FOREGROUND"],
            cwd="/",
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _end(self, patience: float = 30) -> str | None:
        """Stop httpd, and kill what is left of its session. It may be called again, and without a start.

        Args:
            patience: how many seconds httpd has for its end.

        Returns:
            a sentence if it did not end as it should.
        """
        if self._process is None:
            return None
        process = self._process
        # Gracefully first: at SIGTERM the event MPM of httpd 2.4 uses sockets that its threads may be
        # closing, and sometimes a child crashes, with any modules.
        process.send_signal(signal.SIGWINCH)
        _wait_while(lambda: process.poll() is None and bool(self.children()), 0.3 * SLOWER)
        # Also where the children have ended: the parent looks at them once a second, and a signal wakes it.
        process.terminate()
        try:
            process.wait(timeout=patience * SLOWER)
            problem = None if process.returncode == 0 else f"httpd ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            problem = f"httpd did not stop within {patience:g} s"
        # A parent of prefork that gets SIGTERM during a graceful stop signals its children and exits without waiting
        # for them; they have PythonShutdownTimeout, 5 s, for their ends.
        _wait_while(self._has_httpd, min(8, patience) * SLOWER if process.returncode is not None else 0)
        left = self._processes()
        for one in left:  # processes of CGI scripts may live on, those of httpd must not
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        process.wait()
        while self._processes():
            time.sleep(0.01)
        self._process = None
        if any(one.name == _places.httpd().name for one in left):
            problem = problem or "processes of httpd were left after the stop"
        return problem

    def _has_httpd(self) -> bool:
        """Return whether a process of httpd is left."""
        return any(one.name == _places.httpd().name for one in self._processes())

    @property
    def parent_pid(self) -> int:
        """The process ID of httpd's parent process."""
        assert self._process is not None, "not started"
        return self._process.pid

    def alive(self) -> bool:
        """Return whether the parent process runs."""
        return self._process is not None and self._process.poll() is None

    def _processes(self) -> list[Process]:
        """Return all processes of the session, such as CGI scripts, too."""
        return [one for one in processes() if one.session == self.parent_pid]

    def children(self) -> list[int]:
        """Return the process IDs of the children that serve requests, with those of old generations."""
        # The daemon of mod_cgid is a child with one thread; prefork does not load mod_cgid.
        enough = 1 if self.mpm == "prefork" else 2
        return [one.pid for one in self._processes() if one.parent == self.parent_pid and one.threads >= enough]
