"""httpbin, served here and by gunicorn: every endpoint answers the same, on HTTP/1.1 and HTTP/2."""

from collections.abc import Iterator

import pytest
from packages import SITE_PACKAGES, WithPackages
from same_answers import ask, gunicorn_serving

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


@pytest.fixture(scope="module")
def gunicorn(httpd: Httpd) -> Iterator[int]:
    """The port of a gunicorn with httpbin."""
    with gunicorn_serving("httpbin:app", [SITE_PACKAGES], httpd.htdocs) as port:
        yield port


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
