"""Filters, handlers and servers behind a proxy that fail while a range of their body is sent."""

import pytest

from http1 import get
from httpd import Httpd

MPMS = ("event", "prefork")
MODULES = ("proxy", "proxy_http")
FILTERS = {
    "no": "same NO change=no",
    "one": "upper ONE change=1:1",
    "fails": "fails FAILS change=no",
    "forbids": "forbids FORBIDS change=no",
}
CONF = "".join(
    f"""
    PythonOutputFilter range_filters::{declared}
    Alias "/{name}/file" "${{HTDOCS}}/file"
    <Location "/{name}/">
        SetOutputFilter {declared.split()[1]}
    </Location>
    <Location "/{name}/pieces">
        SetHandler mod_python
        PythonHandler range_filters::pieces
    </Location>
    <Location "/{name}/proxy">
        ProxyPass http://127.0.0.1:${{PORT}}/origin
    </Location>
    """
    for name, declared in FILTERS.items()
)
CONF += """
<Location "/origin">
    SetHandler mod_python
    PythonHandler range_filters::pieces
</Location>
<Location "/no/raises">
    SetHandler mod_python
    PythonHandler range_filters::raises
</Location>
"""
BODY = b"".join(b"%07x\n" % number for number in range(1 << 15))
SIZE = len(BODY)


@pytest.fixture(scope="module", autouse=True)
def _file(httpd: Httpd) -> None:
    httpd.write("file", BODY)


@pytest.mark.parametrize(("name", "status"), [("fails", 500), ("forbids", 403)])
def test_o17_a_failure_before_the_range_is_an_error_page(httpd: Httpd, name: str, status: int) -> None:
    httpd.allow("a failure in the middle", "403 after a part of the response was sent")
    for source in ("file", "pieces"):
        answer = httpd.get(f"/{name}/{source}", {"Range": "bytes=200000-200001"})
        assert (answer.status, answer.headers["Content-Range"]) == (status, None)


@pytest.mark.parametrize("asked", ["2-200000", "2-4"])
def test_o18_a_failure_behind_the_head_of_a_range(httpd: Httpd, asked: str) -> None:
    httpd.expect("a failure in the middle")
    data = httpd.raw(get("/fails/pieces", f"Range: bytes={asked}") + get("/no/file"))
    assert data.startswith(b"HTTP/1.1 206 ")
    assert data.count(b"HTTP/1.1") == 1
    if httpd.mpm == "event" and asked != "2-4":  # of which curl has all it wants
        answer = httpd.curl("--http2", "-H", f"Range: bytes={asked}", httpd.url("/fails/pieces", tls=True))
        assert answer.returncode == 92


@pytest.mark.parametrize("asked", ["2-", "140000-160000", "-5", "160000-160001"])
@pytest.mark.parametrize("name", ["no", "one"])
def test_o19_a_body_that_is_too_short_for_its_range(httpd: Httpd, name: str, asked: str) -> None:
    httpd.expect("150000 bytes of a body of 262144 came|Content-Length is .* bytes were written")
    data = httpd.raw(get(f"/{name}/pieces?short", f"Range: bytes={asked}") + get("/no/file"))
    assert data.count(b"HTTP/1.1") == 1
    assert data.startswith((b"HTTP/1.1 206 ", b"HTTP/1.1 500 "))
    first = int(asked.partition("-")[0] or SIZE)
    body = data.partition(b"\r\n\r\n")[2].lower()
    assert BODY[first:150_000].startswith(body) or data.startswith(b"HTTP/1.1 500 ")


def test_a_handler_that_fails_before_the_range(httpd: Httpd) -> None:
    httpd.expect("a handler that fails")
    answer = httpd.get("/no/raises", {"Range": "bytes=50-60"})
    assert (answer.status, answer.headers["Content-Range"]) == (500, None)


def test_upstream_that_breaks_off(httpd: Httpd) -> None:
    httpd.expect("Content-Length is 262144, but only 150000 bytes were written")
    httpd.expect("AH01110: error reading response")
    answer = httpd.get("/no/proxy?short", {"Range": "bytes=200000-200009"})
    assert (answer.status, answer.headers["Content-Range"]) == (502, None)
    data = httpd.raw(get("/no/proxy?short", "Range: bytes=100-160000") + get("/no/file"))
    assert data.startswith(b"HTTP/1.1 206 ")
    assert data.count(b"HTTP/1.1") == 1
    assert "filter NO" not in httpd.log().upper()  # whose failure it is not
