"""The same request on each version of HTTP, for tests of what holds on all of them."""

from collections.abc import Callable
from email.message import Message
from email.parser import BytesHeaderParser
from typing import NamedTuple

from httpd import Httpd

# The option of curl for each version of HTTP.
CURL = {"1.1": "--http1.1", "2": "--http2"}
VERSIONS = list(CURL)


class Answer(NamedTuple):
    """A response as curl received it; `first` is the time of the first byte in seconds, `code` curl's exit status."""

    status: int
    headers: Message
    body: bytes
    first: float
    code: int

    @property
    def text(self) -> str:
        """The body, which must be UTF-8."""
        return self.body.decode()


# GET, as the fixture `get` gives it.
Get = Callable[[str], Answer]


def ask(httpd: Httpd, version: str, path: str, *options: str) -> Answer:
    """GET over TLS, on HTTP/1.1 or HTTP/2; `options` are curl's."""
    told = "\n%{response_code} %{http_version} %{time_starttransfer} %{size_header}"
    done = httpd.curl(CURL[version], "-i", "-w", told, *options, httpd.url(path, tls=True))
    answer, _, line = done.stdout.rpartition(b"\n")
    status, got, first, size = line.split()
    assert got.decode() == version
    head = answer[: int(size)].partition(b"\r\n")[2]
    return Answer(int(status), BytesHeaderParser().parsebytes(head), answer[int(size) :], float(first), done.returncode)
