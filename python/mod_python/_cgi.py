"""Functions for handlers that run code written for CGI (RFC 3875): part of ``mod_python.apache``.

The standard streams belong to the interpreter, not to the thread: use them for one request at a time.
"""

import os
import sys

from mod_python import _apache

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    from typing import Any

    Saved = tuple[Any, Any, Any]


class NullIO:
    """A stream that reads as empty and discards what is written."""

    def read(self, n: int = -1) -> bytes:  # noqa: ARG002
        """Return no bytes."""
        return b""

    def readline(self, n: int = -1) -> bytes:  # noqa: ARG002
        """Return no bytes."""
        return b""

    def readlines(self, n: int = -1) -> list[bytes]:  # noqa: ARG002
        """Return no lines."""
        return []

    def write(self, data: "Any") -> None:
        """Drop the data."""

    def writelines(self, lines: "Any") -> None:
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
        """Return at most n bytes, or all if n is negative. Raise OSError, as ``req.read`` does."""
        return self._req.read(n)

    def readline(self, n: int = -1) -> bytes:
        """Return one line with its end, or at most n bytes of it; b'' at the end of the body."""
        return self._req.readline(n)

    def readlines(self, n: int = -1) -> list[bytes]:
        """Return the lines, of about n bytes; all if n is negative."""
        return self._req.readlines(n)


class CGIStdout(NullIO):
    """The response of a request as ``sys.stdout``: headers, an empty line, the body."""

    def __init__(self, req: _apache.Request) -> None:
        self._req = req
        self._head: bytes | None = b""

    def write(self, data: str | bytes) -> None:
        """Write str (as UTF-8) or bytes. The lines before the first empty one are headers.

        Raises:
            ValueError: one of these is no header.
            OSError: the client is gone.
        """
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

    def writelines(self, lines: "Any") -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def _set_header(self, line: bytes) -> None:
        name, colon, value = line.decode("utf-8", "surrogateescape").partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not name:
            raise ValueError(f"{name!r} is no header: a script's output begins with headers and an empty line")
        if name.lower() == "status":
            self._req.status_line = value
        elif name.lower() == "content-type":
            self._req.content_type = value
        else:
            self._req.headers_out.add(name, value)
            if name.lower() == "location" and self._req.status == _apache.HTTP_OK:
                self._req.status = _apache.HTTP_MOVED_TEMPORARILY


def build_cgi_env(req: _apache.Request) -> _apache.table:
    """Return the environment of a CGI script for a request (RFC 3875, 4.1), as a new table."""
    req._settle_length()  # RFC 3875, 4.1.2: CONTENT_LENGTH must be set if there is a body
    req.add_cgi_vars()
    env = _apache.table(req.subprocess_env)
    env["GATEWAY_INTERFACE"] = "Python-CGI/1.1"
    # httpd withholds it from scripts; a handler can read it in any case.
    if "authorization" in req.headers_in:
        env["HTTP_AUTHORIZATION"] = req.headers_in["authorization"]
    return env


def setup_cgi(req: _apache.Request) -> "Saved":
    """Replace ``os.environ``, ``sys.stdin``, ``sys.stdout`` and ``sys.argv`` by those of a CGI script.

    Returns:
        The arguments for ``restore_nocgi``: the former environ, stdin and stdout.
    """
    saved = (os.environ, sys.stdin, sys.stdout)
    # A dict, since all threads share the environment of the process.
    os.environ = dict(build_cgi_env(req).items())  # type: ignore[assignment]  # noqa: B003
    sys.stdin = CGIStdin(req)
    sys.stdout = CGIStdout(req)
    sys.argv = []
    return saved


def restore_nocgi(sav_env: "Any", si: "Any", so: "Any") -> None:
    """Restore ``os.environ``, ``sys.stdin`` and ``sys.stdout`` as ``setup_cgi`` returned them."""
    os.environ, sys.stdin, sys.stdout = sav_env, si, so
