"""What lets code written for CGI run in a handler: part of ``mod_python.apache``.

The standard streams are an interpreter's, not a thread's: one request at a time, please.
"""

import os
import sys
from typing import Any

from mod_python import _apache


class NullIO:
    """A stream that has nothing and takes everything."""

    def read(self, n: int = -1) -> bytes:  # noqa: ARG002
        """Return no bytes."""
        return b""

    def readline(self, n: int = -1) -> bytes:  # noqa: ARG002
        """Return no bytes."""
        return b""

    def readlines(self, n: int = -1) -> list[bytes]:  # noqa: ARG002
        """Return no lines."""
        return []

    def write(self, data: Any) -> None:
        """Drop the data."""

    def writelines(self, lines: Any) -> None:
        """Drop the lines."""

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def isatty(self) -> bool:
        """Return False."""
        return False


class CGIStdin(NullIO):
    """The body of a request as ``sys.stdin``."""

    def __init__(self, req: _apache.Request) -> None:
        self._req = req

    def read(self, n: int = -1) -> bytes:
        """Return at most n bytes, or all."""
        return self._req.read(n)

    def readline(self, n: int = -1) -> bytes:
        """Return one line with its end, or at most n bytes of it."""
        return self._req.readline(n)

    def readlines(self, n: int = -1) -> list[bytes]:
        """Return the lines, up to about n bytes."""
        return self._req.readlines(n)


class CGIStdout(NullIO):
    """The response of a request as ``sys.stdout``: headers, an empty line, the body."""

    def __init__(self, req: _apache.Request) -> None:
        self._req = req
        self._head: bytes | None = b""

    def write(self, data: str | bytes) -> None:
        """Take text or bytes; what stands before the first empty line are headers of the response."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        if self._head is not None:
            head, empty, data = (self._head + data).replace(b"\r\n", b"\n").partition(b"\n\n")
            if not empty:
                self._head = head
                return
            self._head = None
            for line in head.splitlines():
                self._set_header(line)
        self._req.write(data, False)

    def writelines(self, lines: Any) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def _set_header(self, line: bytes) -> None:
        name, colon, value = line.decode("utf-8", "surrogateescape").partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not name:
            raise ValueError(f"{name!r} is no header: a script begins with headers and an empty line")
        if name.lower() == "status":
            self._req.status_line = value
        elif name.lower() == "content-type":
            self._req.content_type = value
        else:
            self._req.headers_out.add(name, value)
            if name.lower() == "location" and self._req.status == _apache.HTTP_OK:
                self._req.status = _apache.HTTP_MOVED_TEMPORARILY


Saved = tuple[Any, Any, Any]


def build_cgi_env(req: _apache.Request) -> _apache.table:
    """Return the environment that a CGI script would have for a request, as a table of its own."""
    req.add_cgi_vars()
    env = _apache.table(req.subprocess_env)
    length = _apache.find_path_info(req.uri, req.path_info or "")
    env["SCRIPT_NAME"] = os.fsdecode(os.fsencode(req.uri)[:length])
    env["GATEWAY_INTERFACE"] = "Python-CGI/1.1"
    # httpd keeps it from scripts; a handler can see it anyway.
    if "authorization" in req.headers_in:
        env["HTTP_AUTHORIZATION"] = req.headers_in["authorization"]
    return env


def setup_cgi(req: _apache.Request) -> Saved:
    """Let ``os.environ``, ``sys.stdin``, ``sys.stdout`` and ``sys.argv`` be those of a CGI script.

    Returns:
        What ``restore_nocgi`` takes.
    """
    saved = (os.environ, sys.stdin, sys.stdout)
    # Not into the process's environment, which is all threads'.
    os.environ = dict(build_cgi_env(req).items())  # type: ignore[assignment]  # noqa: B003
    sys.stdin = CGIStdin(req)
    sys.stdout = CGIStdout(req)
    sys.argv = []
    return saved


def restore_nocgi(sav_env: Any, si: Any, so: Any) -> None:
    """Undo ``setup_cgi``."""
    os.environ, sys.stdin, sys.stdout = sav_env, si, so
