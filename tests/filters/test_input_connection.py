"""Uploads through input filters, one after the other on one connection, and clients that wait to be asked."""

import socket
import time
from pathlib import Path

import pytest

import http1
from httpd import Httpd

FILTERS = (
    *("unchanged", "upper", "half", "tail", "absorb", "greedy", "by_lines", "close_at_once", "close_after_line"),
    *("disable_at_once", "reads_nothing"),
)
HANDLERS = {
    "echo": "SetHandler mod_python\n PythonHandler body_readers::echo",
    "ignore": "SetHandler mod_python\n PythonHandler body_readers::ignore",
    "refuse": "SetHandler mod_python\n PythonHandler body_readers::refuse",
    "script": "ScriptAlias ${CGI_BIN}/cat",
    "file": "",
}
MPMS = ("event", "prefork")
CONF = (
    "MaxKeepAliveRequests 0\nKeepAliveTimeout 2\n"
    + "".join(f"PythonInputFilter input_filters::{name} {name}\n" for name in FILTERS)
    + "".join(
        f"<Location /{name}/{what}>\n SetInputFilter {name}\n {handler}\n</Location>\n"
        for name in FILTERS
        for what, handler in HANDLERS.items()
    )
)


@pytest.fixture(scope="module", autouse=True)
def _files(httpd: Httpd) -> None:
    httpd.cgi("cat", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; exec cat\n")
    for name in FILTERS:
        httpd.write(f"{name}/file", "page")


@pytest.mark.parametrize("what", ["echo", "script"])
def test_i4_i8_fifty_pipelined_posts(httpd: Httpd, what: str) -> None:
    bodies = [b"line %d\n" % number * (number * 20) for number in range(50)]
    for name in ("upper", "absorb", "close_after_line", "disable_at_once"):
        requests = [
            http1.post(f"/{name}/{what}", body if number % 2 else [body[:100], body[100:]] if body else [])
            for number, body in enumerate(bodies)
        ]
        data = httpd.raw(
            b"\r\n".join(requests) + b"\r\n" + http1.get("/unchanged/file", "Connection: close"), timeout=30
        )
        answers = http1.responses(data)
        assert [answer.status for answer in answers] == [200] * 51
        if name in ("upper", "disable_at_once"):
            assert [answer.body.upper() for answer in answers[:-1]] == [body.upper() for body in bodies]
        if name == "close_after_line":
            assert [answer.body for answer in answers[1:-1]] == [b"line %d\n" % number for number in range(1, 50)]


@pytest.mark.parametrize("what", ["ignore", "refuse", "file"])
def test_i12_keep_alive_after_a_megabyte_that_nobody_read(httpd: Httpd, what: str) -> None:
    body = b"GET /unchanged/file?evil HTTP/1.1\r\nHost: x\r\n\r\n" * 20000
    for name in FILTERS:
        for framed in (body, [body]):
            before = len(httpd.requests())
            request = http1.post(f"/{name}/{what}", framed) + http1.get("/unchanged/file", "Connection: close")
            answers = http1.responses(httpd.raw(request, timeout=30))
            assert [answer.status for answer in answers] == [403 if what == "refuse" else 200, 200], name
            assert answers[1].text == "page"
            httpd.wait_for_request("200 GET /unchanged/file", before)
            assert len(httpd.requests()) - before == 2


def test_i8_a_reader_does_not_wait_for_the_next_request(httpd: Httpd) -> None:
    for name in FILTERS:
        for framed in (b"a\nb", [b"a\n", b"b"]):
            with httpd.connect() as connection:
                begin = time.monotonic()
                connection.sendall(http1.post(f"/{name}/echo", framed))
                assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
                assert time.monotonic() - begin < 1


# ---- Expect: 100-continue


def ask(connection: socket.socket, path: str, *headers: str) -> bytes:
    """Send the head of a POST that waits to be asked, and return what comes first."""
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Expect: 100-continue", *(headers or ["Content-Length: 4"])]
    connection.sendall(http1.head(*lines))
    return connection.recv(65536)


@pytest.mark.parametrize("what", ["refuse", "ignore"])
@pytest.mark.parametrize("framing", ["Content-Length: 4", "Transfer-Encoding: chunked"])
def test_i9_who_does_not_read_does_not_ask_for_the_body(httpd: Httpd, what: str, framing: str) -> None:
    for name in FILTERS:
        with httpd.connect() as connection:
            answer = ask(connection, f"/{name}/{what}", framing)
            while piece := connection.recv(65536):
                answer += piece
            (only,) = http1.responses(answer)
            assert only.status == (403 if what == "refuse" else 200), name
            assert only.headers["Connection"] == "close"


@pytest.mark.parametrize("what", ["echo", "script"])
@pytest.mark.parametrize("framing", ["Content-Length: 4", "Transfer-Encoding: chunked"])
def test_i9_who_reads_asks_for_the_body(httpd: Httpd, what: str, framing: str) -> None:
    body = b"abcd" if "Length" in framing else http1.chunk(b"abcd") + http1.chunk(b"")
    for name in ("unchanged", "upper", "absorb", "greedy", "disable_at_once", "reads_nothing"):
        with httpd.connect() as connection:
            assert ask(connection, f"/{name}/{what}", framing) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body + http1.get("/unchanged/file", "Connection: close"))
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            first, second = http1.responses(answer)
            assert name == "absorb" or first.text.lower() == "abcd"
            assert second.text == "page"


# ---- HTTP/2


@pytest.fixture
def upload(httpd: Httpd) -> Path:
    """Return a file to upload."""
    file = httpd.folder / "state/upload"
    file.write_bytes(b"line\n" * 50000)
    return file


@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
def test_i8_i10_http2_uploads(httpd: Httpd, upload: Path, length: bool) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("no mod_http2")
    body = upload.read_bytes()
    how = [] if length else ["-H", "Content-Length:"]
    expected = {
        "unchanged": body,
        "upper": body.upper(),
        "tail": body + b"<tail>",
        "close_at_once": b"",
        "close_after_line": b"line\n",
        "disable_at_once": body,
        "reads_nothing": body,
        "greedy": body.upper(),
    }
    for what in ("echo", "script"):
        for name, made in expected.items():
            done = httpd.curl("--http2", *how, "--data-binary", f"@{upload}", httpd.url(f"/{name}/{what}", tls=True))
            assert (done.returncode, done.stdout) == (0, made), (what, name)


def test_i12_http2_bodies_that_nobody_reads(httpd: Httpd, upload: Path) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("no mod_http2")
    page = ("--next", "--http2", "--cacert", httpd.certificate, httpd.url("/unchanged/file", tls=True))
    for name in ("unchanged", "close_at_once", "absorb"):
        before = len(httpd.requests())
        urls = [httpd.url(f"/{name}/ignore", tls=True)] * 5
        done = httpd.curl("--http2", "--data-binary", f"@{upload}", *urls, *page)
        # mod_http2 resets a stream while curl still sends, with and without filters; the next ones are served.
        assert set(done.stdout.removesuffix(b"page").split(b"ignored")) == {b""}
        assert done.stdout.endswith(b"page")
        posts = [line for line in httpd.requests()[before:] if " POST " in line]
        assert all(line.startswith(f"200 POST /{name}/ignore ") for line in posts)
