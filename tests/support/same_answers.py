"""Asks httpd and gunicorn the same, and takes from the answers what must be equal."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import NamedTuple

from other_servers import listening

from httpd import Httpd

NOT_COMPARED = {"date", "server", "connection", "keep-alive", "upgrade"}
# httpd sends none of these with a 304 or 204 (RFC 9110 section 15.4.5).
NOT_WITHOUT_BODY = {"content-type", "content-length", "access-control-allow-origin", "access-control-allow-credentials"}
RANDOM = (
    (rb'(nonce|opaque)="\w+"', rb'\1=""'),
    (rb'"uuid": "[\w-]{36}"', b'"uuid": ""'),
    (rb"last-modified: [^\r]*", b"last-modified: "),
    (rb"(fake|stale_after|last_nonce)=[^;]*", rb"\1="),
    (rb"etag: \w{32}", b"etag: "),
    (rb"(sessionid=|expires=)[^;]*", rb"\1"),
)


class Answer(NamedTuple):
    """What is compared."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@contextmanager
def gunicorn_serving(target: str, folders: list[Path], state: Path) -> Iterator[int]:
    """The port of a gunicorn with threads that serves an application with modules of these folders.

    Args:
        target: the application, as in ``shop:app``.
        folders: the first of what Python searches for modules.
        state: an existing folder, for its log.
    """
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "4", target, "-b"]
    environment = {"PYTHONPATH": ":".join(map(str, folders)), "PATH": "/usr/bin:/bin", "HOME": str(state)}
    with (state / "gunicorn.log").open("wb") as log:
        server = listening(lambda port: [*command, f"127.0.0.1:{port}"], env=environment, stdout=log, stderr=log)
        with server as (port, _):
            yield port


def ask(httpd: Httpd, version: str, port: int, case: tuple[str, ...]) -> Answer:
    """Ask a server on this machine by curl."""
    path, *options = case
    command = ["--http2-prior-knowledge" if version == "2" else "--http1.1", "-i", "--raw"]
    if not any(word.startswith("Host:") for word in options):
        command += ["-H", "Host: bin.example"]
    done = httpd.curl(*command, *options, f"http://127.0.0.1:{port}{path}")
    assert done.returncode == 0, done.stderr
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    while head.split()[1] == b"100":
        head, _, body = body.partition(b"\r\n\r\n")
    line, _, lines = head.partition(b"\r\n")
    lines = re.sub(rb"(?m)^[\w-]+:", lambda name: name[0].lower(), lines)
    for pattern, normal in RANDOM:
        lines, body = re.sub(pattern, normal, lines), re.sub(pattern, normal, body)
    parsed = BytesHeaderParser().parsebytes(lines)
    for name in ("allow", "vary"):  # sets
        if name in parsed:
            parsed.replace_header(name, ", ".join(sorted(re.split(", ?", parsed[name]))))
    headers = sorted((name, value) for name, value in parsed.items() if name not in NOT_COMPARED)
    if parsed["transfer-encoding"] == "chunked":
        headers.remove(("transfer-encoding", "chunked"))
        body = b"".join(chunks(body))
    if (
        not body and ("content-length", "0") in headers
    ):  # httpd leaves it out for HEAD, gunicorn sends no chunks instead
        headers.remove(("content-length", "0"))
    if path.startswith("/stream/"):  # in the order of the headers, which HTTP/2 changes
        body = b"".join(json.dumps(json.loads(text), sort_keys=True).encode() for text in body.splitlines())
    status = int(line.split()[1])
    if status in (204, 304):
        headers = [pair for pair in headers if pair[0] not in NOT_WITHOUT_BODY]
    return Answer(status, headers, body)


def chunks(body: bytes) -> Iterator[bytes]:
    """The contents of the chunks of a body."""
    while body:
        size, _, rest = body.partition(b"\r\n")
        yield rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]
