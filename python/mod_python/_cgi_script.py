"""A CGI script as a process of its own: its input, its output, its end."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from typing import IO, Any

from mod_python import apache
from mod_python._cgi_response import ScriptResponse

# How many bytes are read at a time.
_PORTION = 65536
# The longest line of its standard error that is one line of the log, in bytes.
_MOST_OF_LINE = 4096  # httpd cuts lines of some more than 8000
# How long a script may run on behind the end of its output, and behind SIGTERM, in seconds.
_GRACE = 3.0


class HangingError(Exception):
    """The script has neither read nor written for as long as `Timeout` says."""


class Script:
    """A script that runs. One thread works with it, that of its request, which has no GIL while it waits."""

    def __init__(self, req: apache.Request, file: str) -> None:
        """Start it.

        Raises:
            OSError: it cannot be started.
        """
        self._req = req
        self._file = file
        self._error_line = b""
        self._timeout = req.server.timeout or None
        self._deadline = 0.0
        self._process = subprocess.Popen(
            [sys.executable, file],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=file.rpartition("/")[0] or "/",
            env=_environ(req),
            process_group=0,  # what it starts ends with it
        )
        process = self._process
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self._input: IO[bytes] = process.stdin
        self._output: IO[bytes] = process.stdout
        self._error: IO[bytes] = process.stderr
        self._selector = selectors.PollSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._selector.register(self._error, selectors.EVENT_READ)

    def serve(self, response: ScriptResponse) -> None:
        """Send it the body of the request, and the client what it writes, until its output ends.

        While it has input to come, what it writes is kept, since the client may read nothing before it has sent all.

        Raises:
            HangingError: it neither reads nor writes.
            MalformedError: its output is no response.
            OSError: the client is gone.
            apache.SERVER_RETURN: the body cannot be read.
        """
        os.set_blocking(self._input.fileno(), False)
        self._selector.register(self._input, selectors.EVENT_WRITE)
        piece = memoryview(b"")
        self._go_on()
        while True:
            if not piece and not self._input.closed:
                piece = memoryview(self._req.read(_PORTION))
                self._go_on()
                if not piece:
                    self._close_input()
                    response.send_kept()
            ready = self._ready(self._deadline)
            if self._error in ready:
                self._log_errors()
            if self._output in ready:
                self._go_on()
                data = os.read(self._output.fileno(), _PORTION)
                if not data:
                    break
                (response.send if self._input.closed else response.keep)(data)
            if self._input in ready:
                self._go_on()
                piece = self._write(piece)
                if self._input.closed:
                    response.send_kept()
        response.send_kept()

    def end(self) -> int:
        """Wait for its end, but not for long, and return its exit status; below 0 for a signal."""
        deadline = time.monotonic() + _GRACE
        self._close_input()
        self._selector.unregister(self._output)
        while self._selector.get_map() and time.monotonic() < deadline and self._process.poll() is None:
            if self._error in self._selector.get_map() and self._ready(deadline, is_limit=False):
                self._log_errors()
        return self._stop(max(0.0, deadline - time.monotonic()))

    def kill(self) -> None:
        """End it, with the processes that it has started."""
        self._stop(0.0)

    def _stop(self, patience: float) -> int:
        process = self._process
        for number, seconds in ((None, patience), (signal.SIGTERM, _GRACE), (signal.SIGKILL, None)):
            if number is not None:
                with contextlib.suppress(OSError):  # it has just ended, or changed its user
                    os.killpg(process.pid, number)
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            break
        os.set_blocking(self._error.fileno(), False)
        while self._error in self._selector.get_map() and self._log_errors():
            pass
        self._selector.close()
        for stream in (self._input, self._output, self._error):
            stream.close()
        if self._error_line:
            self._log(self._error_line)
        return status

    # ---- its pipes

    def _go_on(self) -> None:
        """Note that something has happened."""
        self._deadline = time.monotonic() + (self._timeout or 0.0)

    def _ready(self, deadline: float, *, is_limit: bool = True) -> set[Any]:
        """Wait until something can be read or written, and return the streams for which that holds.

        Raises:
            HangingError: it is too late, and that is a limit.
        """
        left = None if self._timeout is None and is_limit else max(0.0, deadline - time.monotonic())
        ready = {key.fileobj for key, _ in self._selector.select(left)}
        if not ready and is_limit and left is not None and time.monotonic() >= deadline:
            raise HangingError
        return ready

    def _write(self, piece: memoryview) -> memoryview:
        """Send it a part of a piece, and return the rest; nothing, if it reads no more."""
        try:
            return piece[os.write(self._input.fileno(), piece) :]
        except BlockingIOError:
            return piece
        except OSError:  # it has closed its input, or ended
            self._close_input()
            return memoryview(b"")

    def _close_input(self) -> None:
        if not self._input.closed:
            if self._input in self._selector.get_map():
                self._selector.unregister(self._input)
            self._input.close()

    def _log_errors(self) -> bool:
        """Read its standard error, and log each line; return whether there may be more."""
        try:
            data = os.read(self._error.fileno(), _PORTION)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(self._error)
            return False
        *lines, self._error_line = (self._error_line + data).split(b"\n")
        if len(self._error_line) > _MOST_OF_LINE:
            lines.append(self._error_line)
            self._error_line = b""
        for line in lines:
            self._log(line)
        return True

    def _log(self, line: bytes) -> None:
        for at in range(0, len(line) or 1, _MOST_OF_LINE):
            text = line[at : at + _MOST_OF_LINE].decode("utf-8", "backslashreplace").rstrip("\r")
            self._req.log_error(f"mod_python: {self._file}: {text}")


def _environ(req: apache.Request) -> dict[str, str]:
    """Return the environment of a script (RFC 3875, 4.1): nothing of the environment of httpd, but for what it says."""
    environ = dict(apache.build_cgi_env(req).items())
    environ["GATEWAY_INTERFACE"] = "CGI/1.1"
    if environ.get("PATH_INFO"):
        environ["PATH_TRANSLATED"] = f"{req.document_root()}{environ['PATH_INFO']}"
    # Modules are found where handlers find them.
    environ["PYTHONPATH"] = os.pathsep.join(one for one in sys.path if one)
    environ.setdefault("PATH", os.defpath)
    return environ
