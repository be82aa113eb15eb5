"""With PythonDebug On a traceback is appended to a text, a part of which was sent; then the response is cut."""

import http.client
import zlib

import pytest

from http1 import get
from httpd import Httpd

MPMS = ("event", "prefork")
HANDLERS = ["html", "plain", "json", "untyped", "with_length", "coded", "partial", "unsent", "refused", "page"]
CONF = """
SetHandler mod_python
PythonDebug On
PythonOutputFilter late_failures::outputfilter FAIL
PythonOutputFilter late_failures::streams STREAM
PythonOutputFilter late_failures::outputfilter ANY encoding=any
""" + "".join(f"<Location /{name}>\nPythonHandler late_failures::{name}\n</Location>\n" for name in HANDLERS)
CONF += """
<Location /off>
    PythonDebug Off
    PythonHandler late_failures::html
</Location>
<Location /two>
    PythonHandler late_failures::first late_failures::second
</Location>
<Location /deflate>
    PythonHandler late_failures::html
    SetOutputFilter DEFLATE
</Location>
<Location /page.shtml>
    SetHandler default-handler
    SetOutputFilter INCLUDES
    Options +Includes
</Location>
"""
CONF += "".join(
    f"<Location /filter-{name}>\nPythonHandler late_failures::page\nSetOutputFilter {chain}\n</Location>\n"
    for name, chain in [("plain", "FAIL"), ("stream", "STREAM"), ("deflate", "FAIL;DEFLATE"), ("any", "ANY")]
)
MODULES = ("include",)
HTML = b"&lt;late &#233; &#8364;&gt;"
PLAIN = b"<late \\u00e9 \\u20ac>"
both = pytest.mark.parametrize("accept", ["text/html", "*/*"])


def cut(httpd: Httpd, path: str, headers: dict[str, str] | None = None) -> bytes:
    """The body of a response, whose end must be missing."""
    with pytest.raises(http.client.IncompleteRead) as raised:
        httpd.get(path, headers)
    return raised.value.partial


def expect(httpd: Httpd) -> None:
    httpd.expect("late_failures.LateError: <late ")


@both
def test_html_is_escaped(httpd: Httpd, accept: str) -> None:
    """What a client accepts decides about a page, not about the rest of one."""
    expect(httpd)
    body = cut(httpd, "/html", {"Accept": accept})
    start = b"a part <b> and more\n<pre>\nmod_python error: PythonHandler late_failures::html\n\nTraceback "
    assert body.startswith(start)
    assert body.endswith(b"late_failures.LateError: " + HTML + b"\n</pre>\n")
    assert body.isascii()


@both
def test_plain_text_is_not(httpd: Httpd, accept: str) -> None:
    expect(httpd)
    body = cut(httpd, "/plain", {"Accept": accept})
    start = b"a part <b> and more\nmod_python error: PythonHandler late_failures::plain\n\nTraceback "
    assert body.startswith(start)
    assert body.endswith(b"late_failures.LateError: " + PLAIN + b"\n")


@pytest.mark.parametrize("path", ["/json", "/untyped", "/with_length", "/partial", "/off"])
def test_other_responses_are_cut_as_they_are(httpd: Httpd, path: str) -> None:
    expect(httpd)
    assert cut(httpd, path) == b"a part <b>"


def test_bytes_that_a_handler_has_coded(httpd: Httpd) -> None:
    expect(httpd)
    data = zlib.decompressobj(31)
    assert data.decompress(cut(httpd, "/coded")) == b"a part <b>"
    assert (data.eof, data.unused_data) == (True, b"")


def test_nothing_sent_gives_the_page_as_before(httpd: Httpd) -> None:
    expect(httpd)
    answer = httpd.get("/unsent", {"Accept": "text/html"})
    assert answer.status == 500
    assert answer.text.startswith("<!DOCTYPE html>")


def test_a_late_status_has_no_traceback(httpd: Httpd) -> None:
    httpd.expect("404 after a part of the response was sent: it is cut")
    assert cut(httpd, "/refused") == b"a part <b>"


def test_the_second_of_two_handlers(httpd: Httpd) -> None:
    expect(httpd)
    assert cut(httpd, "/two").startswith(
        b"of the first \n<pre>\nmod_python error: PythonHandler late_failures::second\n"
    )


def test_filters_that_code_it_code_the_traceback(httpd: Httpd) -> None:
    expect(httpd)
    data = zlib.decompressobj(31)
    body = data.decompress(cut(httpd, "/deflate", {"Accept-Encoding": "gzip"}))
    assert body.startswith(b"a part <b> and more\n<pre>\n")
    assert HTML in body


def test_head_and_http10(httpd: Httpd) -> None:
    """HEAD gets no byte of it; without chunks, only the end of the connection ends a response."""
    expect(httpd)
    answer = httpd.raw(b"HEAD /html HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/page"))
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Traceback" not in rest
    answer = httpd.raw(b"GET /html HTTP/1.0\r\n\r\n")
    assert answer.endswith(HTML + b"\n</pre>\n")


def test_http2(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("mod_http2 does not run there")
    expect(httpd)
    # The stream is reset, at which nghttp2 drops what it has not sent yet: so the body is not looked at.
    assert httpd.curl("--http2", httpd.url("/html", tls=True)).returncode == 92


@pytest.mark.parametrize("name", ["plain", "stream"])
def test_filters(httpd: Httpd, name: str) -> None:
    expect(httpd)
    handler = {"plain": "FAIL (late_failures::outputfilter)", "stream": "STREAM (late_failures::streams)"}[name]
    start = f"<p>0</p>it was \n<pre>\nmod_python error: filter {handler}\n\nTraceback ".encode()
    body = cut(httpd, f"/filter-{name}")
    assert body.startswith(start)
    assert body.endswith(HTML + b"\n</pre>\n")
    body = cut(httpd, f"/filter-{name}?text/plain;+charset=utf-8")
    assert body.startswith(b"<p>0</p>it was \nmod_python error: filter ")
    assert body.endswith(PLAIN + b"\n")
    assert cut(httpd, f"/filter-{name}?text/css") == b"<p>0</p>"


def test_filters_before_and_for_coded_bodies(httpd: Httpd) -> None:
    expect(httpd)
    data = zlib.decompressobj(31)
    body = data.decompress(cut(httpd, "/filter-deflate", {"Accept-Encoding": "gzip"}))
    assert body.startswith(b"<p>0</p>it was \n<pre>\n")
    assert HTML in body
    # A filter for bytes of all kinds may write others than text.
    assert cut(httpd, "/filter-any") == b"<p>0</p>"


@both
def test_included_pages(httpd: Httpd, accept: str) -> None:
    """A page that fails in another one: the traceback is written as that one is, and the rest follows."""
    expect(httpd)
    httpd.write("page.shtml", 'before <!--#include virtual="/html" --> behind')
    text = httpd.get("/page.shtml", {"Accept": accept}).text
    assert text.startswith("before a part <b>")
    assert text.endswith(" behind")
    assert "&lt;late" in text
    assert "<late" not in text
    assert "<!DOCTYPE" not in text
