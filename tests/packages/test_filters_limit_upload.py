"""mod_python.filters.limit_upload: bodies up to the limit, 413 beyond it, whoever reads them."""

import gzip
import os
from collections.abc import Iterable

import pytest

from httpd import Httpd
from mod_python import testing

# isort: split
from mod_python.filters.limit_upload import inputfilter

CONF = """
PythonInputFilter mod_python.filters.limit_upload LIMIT change=no encoding=any
<LocationMatch "^/(handler|unread|cgi-bin|proxy)">
    SetInputFilter LIMIT
    PythonOption limit_upload 1000
</LocationMatch>
<Location "/unpacked">
    SetInputFilter DEFLATE;LIMIT
    PythonOption limit_upload 1000
</Location>
<LocationMatch "^/(handler|unpacked|upstream)">
    SetHandler mod_python
    PythonHandler response_sources::length
</LocationMatch>
<Location "/unread">
    SetHandler mod_python
    PythonHandler response_sources::unread
</Location>
ProxyPass "/proxy" "http://127.0.0.1:${PORT}/upstream"
"""
READERS = {"/handler": "1000 None", "/cgi-bin/count": "1000", "/proxy": "1000 1000"}


@pytest.fixture(autouse=True)
def _script(httpd: Httpd) -> None:
    httpd.cgi("count", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; wc -c 2> /dev/null\n")


def chunks(size: int) -> Iterable[bytes]:
    return (bytes(100) for _ in range(size // 100))


@pytest.mark.parametrize("path", READERS)
def test_up_to_the_limit(httpd: Httpd, path: str) -> None:
    for body in (bytes(1000), chunks(1000)):
        answer = httpd.request("POST", path, body)
        assert answer.status == 200
        assert answer.text.split()[0] == "1000"


@pytest.mark.parametrize("path", READERS)
def test_beyond_the_limit(httpd: Httpd, path: str) -> None:
    httpd.allow("AH01102|AH01095|proxy|cgid")  # the proxy and the script tell of bodies that break off
    for body in (bytes(1001), chunks(1100), bytes(1 << 20)):
        assert httpd.request("POST", path, body).status == 413


def test_the_cut_law() -> None:
    body = b"a body\nof 24 bytes in all\n"[:24]
    assert testing.run(inputfilter, body, cuts="all", input=True, options={"limit_upload": "24"}).body == body
    assert testing.run(inputfilter, body, cuts="all", input=True, options={"limit_upload": "23"}).error == 413


def test_beyond_the_limit_on_http2(httpd: Httpd) -> None:
    body = httpd.write("body.bin", bytes(5000))
    answer = httpd.curl("--http2", "--data-binary", f"@{body}", "-w", "%{http_code}", "-o", "/dev/null",
                        httpd.url("/handler", tls=True))  # fmt: skip
    assert answer.stdout == b"413"


def test_what_nobody_reads_is_not_the_next_request(httpd: Httpd) -> None:
    inner = b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n" * 100
    httpd.raw(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner, half_close=True)
    assert not [line for line in httpd.requests() if "/never" in line]


def test_small_on_the_wire_and_large_behind_it(httpd: Httpd) -> None:
    coded = {"Content-Encoding": "gzip"}
    assert httpd.request("POST", "/unpacked", gzip.compress(bytes(1000)), coded).text == "1000 None"
    assert httpd.request("POST", "/unpacked", gzip.compress(bytes(1001)), coded).status == 413
    assert httpd.request("POST", "/unpacked", gzip.compress(os.urandom(1 << 20)), coded).status == 413


def test_a_coding_is_no_way_around_the_limit(httpd: Httpd) -> None:
    assert httpd.request("POST", "/handler", bytes(1001), {"Content-Encoding": "gzip"}).status == 413
