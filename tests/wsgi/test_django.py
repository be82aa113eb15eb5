"""A site in Django, served here and by gunicorn: every page answers the same, on HTTP/1.1 and HTTP/2."""

import re
from collections.abc import Iterator

import pytest
from packages import SITE_PACKAGES, WithPackages
from same_answers import ask, gunicorn_serving

from httpd import Httpd
from server import PROJECT

pytestmark = pytest.mark.skipif(not (SITE_PACKAGES / "django").is_dir(), reason="Django is not in target/venv")
SERVER = WithPackages
HANDLERS = PROJECT / "tests/wsgi/handlers"
CONF = """
Protocols h2c http/1.1
# As gunicorn has paths.
MergeSlashes Off
<Location />
    PythonApplication wsgi compared_site
</Location>
"""
HOST = ("-H", "Host: site.example")
FORM = ("-d", "a=1&a=two+words&b=%C3%A9")
PARTS = (
    '--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
    '--cut\r\nContent-Disposition: form-data; name="f"; filename="caf\u00e9.txt"\r\nContent-Type: text/x-y\r\n\r\n'
    "two\r\n--cut--\r\n"
)
MULTIPART = ("-H", "Content-Type: multipart/form-data; boundary=cut", "--data-binary", PARTS)
JSON = ("-H", "Content-Type: application/json; charset=utf-8", "-d", '{"a": [1, "\u00e9"]}')
LARGE = ("-H", "Content-Type: application/octet-stream", "--data-binary", "x" * 90_000)
TOO_LARGE = ("-d", "a=" + "x" * 110_000)
# By the rules of the site: paths, each with options of curl.
CASES: dict[str, list[tuple[str, ...]]] = {
    "echo": [
        ("/echo?a=b&a=c%20d&e=",),
        ("/echo", "-I"),
        ("/echo", *FORM),
        ("/echo", *MULTIPART),
        ("/echo", *JSON),
        ("/echo", *LARGE),
        ("/echo", *FORM, "-H", "Transfer-Encoding: chunked"),
        ("/echo", *TOO_LARGE),
        ("/echo", "-X", "PUT", *JSON),
        ("/echo", "-X", "PATCH", *JSON),
        ("/echo", "-X", "DELETE"),
        ("/echo", "-X", "OPTIONS"),
        ("/echo", "-X", "POST"),
        ("/echo", "-b", 'a=1; b="two words"; c=%C3%A9'),
        ("/echo", "-H", "X-Name: value", "-H", "Accept: text/html", "-H", "X-Odd: \u00e9", "-H", "X_Under: x"),
        ("/echo", "-H", "Host: other.example"),
        ("/echo/",),
    ],
    "echo/<path:rest>": [("/echo/a%20b/%C3%A9/c",), ("/echo/a//b",), ("/echo/x;y=1,2@+&$",)],
    "page/": [("/page/",), ("/page/", "-I"), ("/page",), ("/page?a=b",), ("/page/", "-H", "Accept-Language: de")],
    "counted": [("/counted",)],
    "lines/<int:count>": [("/lines/5",), ("/lines/0",), ("/lines/3000",), ("/lines/5", "-I")],
    "download": [("/download",), ("/download", "-I"), ("/download", "-H", "Accept-Encoding: gzip")],
    "file": [("/file",), ("/file", "-I")],
    "conditional": [
        ("/conditional",),
        ("/conditional", "-H", 'If-None-Match: "fixed"'),
        ("/conditional", "-H", 'If-None-Match: "other"'),
        ("/conditional", "-H", 'If-Match: "other"'),
    ],
    "redirect/<str:way>": [("/redirect/found",), ("/redirect/moved",), ("/redirect/none",), ("/redirect/found", "-I")],
    "status/<int:code>": [(f"/status/{code}",) for code in (200, 201, 204, 400, 401, 403, 404, 410, 418, 500, 503)],
    "failing": [("/failing",), ("/failing", "-I")],
    "missing": [("/missing",), ("/none",)],
    "guarded": [("/guarded", *FORM), ("/guarded",)],
    "methods": [
        ("/methods",),
        ("/methods", "-I"),
        *(("/methods", "-X", method) for method in ("DELETE", "OPTIONS")),
        ("/methods", "-X", "PUT", *JSON),
    ],
}
# Bodies that the site does not read to their ends: what curl makes of the end of such a stream says test_httpbin.py.
# Without a Content-Length, which HTTP/2 need not have, Django reads nothing.
NOT_READ = {
    ("/echo", *TOO_LARGE),
    ("/echo", *FORM, "-H", "Transfer-Encoding: chunked"),
    ("/guarded", *FORM),
    ("/methods", "-X", "PUT", *JSON),
}


@pytest.fixture(scope="module")
def gunicorn(httpd: Httpd) -> Iterator[int]:
    """The port of a gunicorn with the site."""
    with gunicorn_serving("compared_site", [SITE_PACKAGES, HANDLERS], httpd.htdocs) as port:
        yield port


def test_each_page_is_asked_for() -> None:
    text = (HANDLERS / "compared_site.py").read_text()
    assert set(re.findall(r'^    path\("([^"]*)"', text, re.MULTILINE)) == CASES.keys()


@pytest.mark.parametrize("version", ["1.1", "2"])
@pytest.mark.parametrize("rule", CASES)
def test_a_page_answers_as_with_gunicorn(httpd: Httpd, gunicorn: int, rule: str, version: str) -> None:
    for path, *options in CASES[rule]:
        if version == "2" and (path, *options) in NOT_READ:
            continue
        case = (path, *(() if any(word.startswith("Host:") for word in options) else HOST), *options)
        wanted = ask(httpd, "1.1", gunicorn, case)
        found = ask(httpd, version, httpd.port, case)
        assert found == wanted, case
