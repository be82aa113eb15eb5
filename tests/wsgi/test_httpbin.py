"""httpbin, served here and by gunicorn: every endpoint answers the same, on HTTP/1.1 and HTTP/2."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.parser import BytesHeaderParser
from typing import NamedTuple

import pytest
from packages import SITE_PACKAGES, WithPackages

from httpd import Httpd

SERVER = WithPackages
CONF = """
Protocols h2c http/1.1
<Location />
    CGIPassAuth On
    PythonApplication wsgi bin_site
</Location>
"""
# httpbin says at its start that a package of its site for browsers is missing.
ALLOW_LOG = ("flasgger", "WSGIWarning: Unknown REQUEST_METHOD", r"warnings\.warn\(")
JSON = ("-H", "Content-Type: application/json", "-d", '{"a": [1, "é"]}')
FORM = ("-F", "a=1", "-F", "b=two words", "-F", "file=@/etc/hostname")
BOUNDARY = ("-H", "Content-Type: multipart/form-data; boundary=cut", "--data-binary")
PARTS = '--cut\r\nContent-Disposition: form-data; name="a"; filename="x"\r\n\r\none\r\n--cut--\r\n'
BASIC, BEARER = ("-u", "ann:secret"), ("-H", "Authorization: Bearer abc")
# By the rules of httpbin's application: paths, each with options of curl. httpd itself answers TRACE, and httpbin takes
# chunks from servers only that it knows by name.
CASES: dict[str, list[tuple[str, ...]]] = {
    "/": [("/",), ("/", "-I")],
    "/absolute-redirect/<int:n>": [("/absolute-redirect/3",)],
    "/anything": [("/anything?a=b&a=c%20d",), ("/anything", "-X", "DELETE"), ("/anything", *JSON)],
    "/anything/<path:anything>": [("/anything/a%20b/%C3%A9/c",), ("/anything/x", "-X", "PATCH", *JSON)],
    "/base64/<value>": [("/base64/aGVsbG8=",)],
    "/basic-auth/<user>/<passwd>": [("/basic-auth/ann/secret",), ("/basic-auth/ann/secret", *BASIC)],
    "/bearer": [("/bearer",), ("/bearer", *BEARER)],
    "/brotli": [("/brotli",)],
    "/bytes/<int:n>": [("/bytes/1000?seed=1",)],
    "/cache": [("/cache",), ("/cache", "-H", "If-None-Match: x")],
    "/cache/<int:value>": [("/cache/60",)],
    "/cookies": [("/cookies", "-b", "a=1; b=2")],
    "/cookies/delete": [("/cookies/delete?a", "-b", "a=1")],
    "/cookies/set": [("/cookies/set?a=1&b=2",)],
    "/cookies/set/<name>/<value>": [("/cookies/set/a/b",)],
    "/deflate": [("/deflate",)],
    "/delay/<delay>": [("/delay/0.1",), ("/delay/0", *JSON)],
    "/delete": [("/delete", "-X", "DELETE"), ("/delete",)],
    "/deny": [("/deny",)],
    "/digest-auth/<qop>/<user>/<passwd>": [("/digest-auth/auth/ann/secret",)],
    "/digest-auth/<qop>/<user>/<passwd>/<algorithm>": [("/digest-auth/auth/ann/secret/SHA-256",)],
    "/digest-auth/<qop>/<user>/<passwd>/<algorithm>/<stale_after>": [("/digest-auth/auth/ann/secret/MD5/1",)],
    "/drip": [("/drip?duration=0.1&numbytes=5&delay=0",), ("/drip?duration=0&numbytes=5&code=500",)],
    "/encoding/utf8": [("/encoding/utf8",)],
    "/etag/<etag>": [("/etag/x",), ("/etag/x", "-H", "If-Match: y"), ("/etag/x", "-H", "If-None-Match: x")],
    "/forms/post": [("/forms/post",)],
    "/get": [("/get?a=b",), ("/get", "-I"), ("/get", "-d", "x"), ("/get", "-X", "OPTIONS")],
    "/gzip": [("/gzip",)],
    "/headers": [("/headers", "-H", "X-Name: value", "-H", "X-Odd: \u00e9")],
    "/hidden-basic-auth/<user>/<passwd>": [
        ("/hidden-basic-auth/ann/secret",),
        ("/hidden-basic-auth/ann/secret", *BASIC),
    ],
    "/html": [("/html",)],
    "/image": [("/image", "-H", "Accept: image/webp"), ("/image", "-H", "Accept: text/plain")],
    "/image/jpeg": [("/image/jpeg",)],
    "/image/png": [("/image/png",), ("/image/png", "-I")],
    "/image/svg": [("/image/svg",)],
    "/image/webp": [("/image/webp",)],
    "/ip": [("/ip",)],
    "/json": [("/json",)],
    "/links/<int:n>": [("/links/3",)],
    "/links/<int:n>/<int:offset>": [("/links/3/1",)],
    "/patch": [("/patch", "-X", "PATCH", *JSON)],
    "/post": [
        ("/post", *JSON),
        ("/post", "-d", "a=1&b=%C3%A9"),
        ("/post", *BOUNDARY, PARTS),
        ("/post", "-X", "POST"),
    ],
    "/put": [("/put", "-X", "PUT", "--data-binary", "@/etc/passwd")],
    "/range/<int:numbytes>": [("/range/1000",), ("/range/1000?chunk_size=10", "-H", "Range: bytes=5-24")],
    "/redirect-to": [("/redirect-to?url=/get&status_code=307",), ("/redirect-to?url=http://a.example/", *JSON)],
    "/redirect/<int:n>": [("/redirect/2",), ("/redirect/1",)],
    "/relative-redirect/<int:n>": [("/relative-redirect/2",)],
    "/response-headers": [("/response-headers?X-One=1&X-One=2&Set-Cookie=a%3Db",), ("/response-headers?a=b", "-d", "")],
    "/robots.txt": [("/robots.txt",)],
    "/static/<path:filename>": [("/static/favicon.ico",), ("/static/none",)],
    "/status/<codes>": [
        *((f"/status/{code}",) for code in (200, 201, 204, 206, 301, 302, 304, 400, 401, 404, 406, 418, 500, 503)),
        ("/status/418", "-X", "POST"),
        ("/status/404", "-I"),
    ],
    "/stream-bytes/<int:n>": [("/stream-bytes/1000?seed=1&chunk_size=7",)],
    "/stream/<int:n>": [("/stream/5",)],
    "/user-agent": [("/user-agent", "-A", "agent/1.0")],
    "/uuid": [("/uuid",)],
    "/xml": [("/xml",)],
}
# Bodies that the application does not read. httpd ends such a stream with RST_STREAM after any answer, that of a file
# too. curl 7.88 fails then if it has not read the answer before, which RFC 9113 section 8.1 asks it to keep.
NOT_READ = {("/get", "-d", "x"), ("/redirect-to?url=http://a.example/", *JSON)}
NOT_COMPARED = {"date", "server", "connection", "keep-alive", "upgrade"}
# httpd sends none of these with a 304 or 204 (RFC 9110 section 15.4.5).
NOT_WITHOUT_BODY = {"content-type", "content-length", "access-control-allow-origin", "access-control-allow-credentials"}
RANDOM = (
    (rb'(nonce|opaque)="\w+"', rb'\1=""'),
    (rb'"uuid": "[\w-]{36}"', b'"uuid": ""'),
    (rb"last-modified: [^\r]*", b"last-modified: "),
    (rb"(fake|stale_after|last_nonce)=[^;]*", rb"\1="),
    (rb"etag: \w{32}", b"etag: "),
)


class Answer(NamedTuple):
    """What is compared."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@pytest.fixture(scope="module")
def gunicorn(httpd: Httpd) -> Iterator[int]:
    """The port of a gunicorn with httpbin."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "4", "-b", f"127.0.0.1:{port}"]
    environment = {"PYTHONPATH": str(SITE_PACKAGES), "PATH": "/usr/bin:/bin", "HOME": str(httpd.htdocs)}
    with (httpd.htdocs / "gunicorn.log").open("wb") as log:
        process = subprocess.Popen([*command, "httpbin:app"], env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "gunicorn did not start"
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def ask(httpd: Httpd, version: str, port: int, case: tuple[str, ...]) -> Answer:
    """Ask a server on this machine by curl."""
    path, *options = case
    command = ["--http2-prior-knowledge" if version == "2" else "--http1.1", "-i", "--raw", "-H", "Host: bin.example"]
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
    if "allow" in parsed:  # a set
        parsed.replace_header("allow", ", ".join(sorted(parsed["allow"].split(", "))))
    headers = sorted((name, value) for name, value in parsed.items() if name not in NOT_COMPARED)
    if parsed["transfer-encoding"] == "chunked":
        headers.remove(("transfer-encoding", "chunked"))
        body = b"".join(chunks(body))
    if "-I" in options and ("content-length", "0") in headers:  # httpd leaves it out
        headers.remove(("content-length", "0"))
    if path.startswith("/stream/"):  # in the order of the headers, which HTTP/2 changes
        body = b"".join(json.dumps(json.loads(text), sort_keys=True).encode() for text in body.splitlines())
    status = int(line.split()[1])
    if status in (204, 304):
        headers = [pair for pair in headers if pair[0] not in NOT_WITHOUT_BODY]
    return Answer(status, headers, body)


def chunks(body: bytes) -> Iterator[bytes]:
    while body:
        size, _, rest = body.partition(b"\r\n")
        yield rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]


def test_each_endpoint_is_asked_for() -> None:
    httpbin = pytest.importorskip("httpbin")
    assert {rule.rule for rule in httpbin.app.url_map.iter_rules()} == CASES.keys()


@pytest.mark.parametrize("version", ["1.1", "2"])
@pytest.mark.parametrize("rule", CASES)
def test_an_endpoint_answers_as_with_gunicorn(httpd: Httpd, gunicorn: int, rule: str, version: str) -> None:
    for case in CASES[rule]:
        if version == "2" and case in NOT_READ:
            continue
        wanted = ask(httpd, "1.1", gunicorn, case)
        found = ask(httpd, version, httpd.port, case)
        assert found == wanted, case
