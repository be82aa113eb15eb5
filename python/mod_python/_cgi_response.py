"""The output of a CGI script (RFC 3875, 6) as the response of a request."""

from tempfile import SpooledTemporaryFile
from typing import IO, cast

from mod_python import apache
from mod_python._cgi import CGIStdout

# How long the headers of a script can be, in bytes.
_MOST_OF_HEAD = 65536
# How much output is kept in memory while the script is sent its input, in bytes; more goes to the disk.
_MOST_IN_MEMORY = 1 << 20
_PORTION = 65536
# What httpd says of the connection by itself.
_OF_THE_CONNECTION = frozenset({b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"})


class MalformedError(Exception):
    """The output does not begin as that of a script."""


class ScriptResponse:
    """Makes the response of what a script writes, in pieces of any size."""

    def __init__(self, req: apache.Request) -> None:
        self._req = req
        self._head: bytes | None = b""  # None once the headers are complete
        self._kept: IO[bytes] | None = None
        self._elsewhere: str | None = None

    @property
    def has_begun(self) -> bool:
        """Whether all headers have come."""
        return self._head is None

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all has come."""
        return self._head == b""

    def keep(self, data: bytes) -> None:
        """Take a piece, and send nothing of it yet.

        Until the client has sent its request it may read nothing: who sends to it then, and waits, may wait for ever.
        """
        if self._kept is None:
            self._kept = cast(IO[bytes], SpooledTemporaryFile(_MOST_IN_MEMORY))  # noqa: SIM115 - close() closes it
        self._kept.write(data)

    def send_kept(self) -> None:
        """Send what was kept. Raise as `send`."""
        kept, self._kept = self._kept, None
        if kept is None:
            return
        try:
            kept.seek(0)
            while data := kept.read(_PORTION):
                self.send(data)
        finally:
            kept.close()

    def send(self, data: bytes) -> None:
        """Take a piece and send it, behind the headers.

        Raises:
            MalformedError: the output does not begin with headers and an empty line.
            OSError: the client is gone.
        """
        if self._head is not None:
            data = self._take_head(self._head + data)
        if data and not self._req.header_only and self._elsewhere is None:
            self._req.write(data)

    def finish(self) -> None:
        """Do what is left at the end of the output: a redirection that the client does not see (RFC 3875, 6.2.2)."""
        if self._elsewhere is not None:
            self._req.internal_redirect(self._elsewhere)

    def close(self) -> None:
        """Drop what was kept."""
        if self._kept is not None:
            self._kept.close()

    def _take_head(self, data: bytes) -> bytes:
        """Set the headers once they are complete, and return what comes behind them."""
        ends = [(at, len(end)) for end in (b"\n\n", b"\n\r\n") if (at := data.find(end)) >= 0]
        if data.startswith((b"\n", b"\r\n")):
            raise MalformedError("its output begins with an empty line, where headers must be")
        if not ends:
            if len(data) > _MOST_OF_HEAD:
                raise MalformedError(f"there is no empty line in the first {_MOST_OF_HEAD} bytes of its output")
            self._head = data
            return b""
        at, length = min(ends)
        try:
            self._set_headers(data[:at].replace(b"\r\n", b"\n").removesuffix(b"\r").split(b"\n"))
        except ValueError as error:
            raise MalformedError(str(error)) from None
        self._head = None
        return data[at + length :]

    def _set_headers(self, lines: list[bytes]) -> None:
        req, stdout = self._req, CGIStdout(self._req)
        if lines[0].startswith(b"HTTP/"):  # a script that is called nph-...; httpd frames its response all the same
            lines[0] = b"Status:" + lines[0].partition(b" ")[2]
        for line in lines:
            if line.partition(b":")[0].strip().lower() not in _OF_THE_CONNECTION:
                stdout._set_header(line)
        location = req.headers_out.get("Location", "")
        is_plain = not any(line.lower().startswith(b"status:") for line in lines)
        if location.startswith("/") and is_plain and req.method in ("GET", "HEAD"):
            del req.headers_out["Location"]
            req.status = apache.HTTP_OK
            self._elsewhere = location
