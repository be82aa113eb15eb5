"""Output filters that raise: a clean error page before the headers, a visible cut after them, a traceback always."""

import http.client
import re

import pytest

from httpd import Httpd
from probe import PROBE_CONF, passed

FAILURES = {
    "at_once": "ValueError: no < good",
    "after_reading": "ValueError: read and written",
    "later": "ValueError: late",
    "after_flush": "ValueError: flushed",
    "exits": "SystemExit: 3",
    "recurses": "RecursionError",
    "generator": r"TypeError: output_errors::generator is a generator: a streaming filter is written 'async def'",
    "coroutine": r"TypeError: output_errors::coroutine is an 'async def' without yield: a filter that streams yields",
    "spins": r"RuntimeError: read\(\) has given b'' a thousand times: return, and",
    "writes_number": r"TypeError: write\(\) takes bytes, str or a buffer, not int",
    "missing": r"AttributeError: module '\S*/output_errors.py' contains no 'missing'",
}
OTHERS = ["forbid", "forbid_later", "redirect", "return_ok", "return_status", "writes_after_close", "keeps"]
BEFORE = sorted(FAILURES.keys() - {"later", "after_flush", "spins"})
SHAPES = ["generator", "coroutine", "missing"]  # nothing of the author's code was on the stack
AFTER = ["later", "after_flush"]
CONF = (
    PROBE_CONF
    + "".join(
        f"""
<LocationMatch "/{name}$">
    PythonOutputFilter output_errors::{name} FAIL
</LocationMatch>
"""
        for name in [*FAILURES, *OTHERS]
    )
    + """
Protocols h2c http/1.1
SetHandler probe
SetOutputFilter FAIL;PROBE
PythonOutputFilter nowhere::f NOWHERE
<Location "/nowhere">
    SetOutputFilter NOWHERE
</Location>
<Location "/debug">
    PythonDebug On
</Location>
<Location "/deflate">
    SetOutputFilter FAIL;DEFLATE
</Location>
<Location "/by_type">
    SetOutputFilter PROBE
    AddOutputFilterByType FAIL text/plain
</Location>
<Location "/document">
    ErrorDocument 500 /upper/sorry?d:sorry,e
</Location>
<Location "/upper">
    PythonOutputFilter output_filters::upper UPPER
    SetOutputFilter UPPER
</Location>
"""
)
TWO_BRIGADES = "d:one,f,b,d:two,b,e"


def expect(httpd: Httpd, name: str, path: str | None = None) -> None:
    """One entry: where the failing function was configured, the request line, the traceback."""
    httpd.expect(
        rf'filter FAIL \(output_errors::{name}\) of \S+/fragment.conf:\d+ failed for "GET {path or f"/{name}"}\?'
        rf'\S+ HTTP/\S+"\\n.*{FAILURES[name]}'
    )


def is_cut(httpd: Httpd, path: str) -> bytes:
    with pytest.raises(http.client.IncompleteRead) as caught:
        httpd.get(path)
    return caught.value.partial


@pytest.mark.parametrize("name", BEFORE)
def test_o17_raised_before_the_headers(httpd: Httpd, name: str) -> None:
    expect(httpd, name)
    if name not in SHAPES:
        httpd.expect(rf"filter FAIL \(output_errors::{name}\) .*\\nTraceback \(most recent call last\):\\n")
    children = httpd.children()
    response = httpd.get(f"/{name}?l:3,{TWO_BRIGADES}")
    assert response.status == 500
    assert "Internal Server Error" in response.text
    assert "output_errors" not in response.text
    httpd.wait_for_request(f"500 GET /{name}?")
    assert passed(httpd) == ["ERROR=500 EOS"]
    assert httpd.children() == children


@pytest.mark.parametrize("name", AFTER)
def test_o18_raised_after_the_headers(httpd: Httpd, name: str) -> None:
    expect(httpd, name)
    children = httpd.children()
    done = httpd.curl(httpd.url(f"/{name}?{TWO_BRIGADES}"))
    assert done.returncode == 18
    assert done.stdout in (b"ONE", b"out")
    assert passed(httpd)[-1] == "ERROR=502 EOS"
    assert httpd.children() == children


@pytest.mark.parametrize("name", AFTER)
@pytest.mark.parametrize("tls", [False, True])
def test_o18_raised_after_the_headers_on_http2(httpd: Httpd, name: str, tls: bool) -> None:
    expect(httpd, name)
    done = httpd.curl("--http2" if tls else "--http2-prior-knowledge", httpd.url(f"/{name}?{TWO_BRIGADES}", tls=tls))
    assert done.returncode == 92
    assert done.stdout in (b"", b"ONE", b"out")  # a reset may overtake what was sent


def test_o17_raised_before_the_headers_on_http2(httpd: Httpd) -> None:
    expect(httpd, "at_once")
    arguments = ["--http2-prior-knowledge", "-w", "%{http_version} %{http_code}"]
    done = httpd.curl(*arguments, httpd.url(f"/at_once?{TWO_BRIGADES}"))
    assert done.returncode == 0
    assert done.stdout.endswith(b"2 500")


def test_o18_nothing_follows_an_error(httpd: Httpd) -> None:
    # The function failed at its second brigade; a third one would call it again.
    expect(httpd, "later")
    assert is_cut(httpd, "/later?d:one,f,b,d:two,f,b,d:three,f,b,m,e") == b"ONE"
    assert httpd.log().count("ValueError: late") == 1
    assert passed(httpd)[:2] == ["HEAP=3 FLUSH", "ERROR=502 EOS"]


def test_o18_raised_at_the_end_of_a_large_file(httpd: Httpd) -> None:
    httpd.expect("ValueError: at the end")
    httpd.allow("filter FAIL")
    httpd.write("later", b"x" * 1_000_000)
    body = is_cut(httpd, "/later")
    assert len(body) > 500_000
    assert set(body) == {ord("X")}


def test_a_body_that_was_not_sent_yet_is_forgotten(httpd: Httpd) -> None:
    expect(httpd, "later")
    httpd.expect("ValueError: at the end")
    assert httpd.get("/later?d:small,e").status == 500
    assert is_cut(httpd, "/later?d:one,z,b,d:two,b,e") == b"ONE"


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
def test_o19_a_cut_response_ends_the_connection(httpd: Httpd, version: bytes) -> None:
    expect(httpd, "later")
    one = b"GET /later?" + TWO_BRIGADES.encode() + b" " + version + b"\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
    answer = httpd.raw(one + b"GET /return_ok?d:again,e HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"ONE" in answer
    assert b"again" not in answer
    assert not answer.endswith(b"0\r\n\r\n")


def test_after_an_error_page_the_connection_goes_on(httpd: Httpd) -> None:
    # httpd itself closes it after a 500.
    one = b"GET /forbid?d:one,e HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"GET /return_ok?d:again,e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = httpd.raw(one + two)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.endswith(b"Aagain")


def test_head_and_range_of_a_failure(httpd: Httpd) -> None:
    expect(httpd, "at_once")
    httpd.allow('filter FAIL .* failed for "HEAD ')
    assert httpd.get("/at_once?d:onetwo,e", {"Range": "bytes=0-2"}).status == 500
    response = httpd.request("HEAD", "/at_once?d:onetwo,e")
    assert (response.status, response.body) == (500, b"")
    assert httpd.get("/at_once?e").status == 500


def test_raised_before_deflate(httpd: Httpd) -> None:
    expect(httpd, "at_once", "/deflate/at_once")
    response = httpd.get(f"/deflate/at_once?d:{'x' * 300},e", {"Accept-Encoding": "gzip"})
    assert response.status == 500
    assert response.headers["Content-Encoding"] is None
    assert "Internal Server Error" in response.text


def test_raised_under_mod_filter(httpd: Httpd) -> None:
    expect(httpd, "at_once", "/by_type/at_once")
    expect(httpd, "later", "/by_type/later")
    assert httpd.get("/by_type/at_once?d:one,e").status == 500
    assert is_cut(httpd, f"/by_type/later?{TWO_BRIGADES}") == b"ONE"


def test_a_module_that_is_not_there(httpd: Httpd) -> None:
    httpd.expect("ModuleNotFoundError: No module named 'nowhere'", r"filter NOWHERE \(nowhere::f\)")
    assert httpd.get("/nowhere?d:one,e").status == 500


def test_the_error_document_has_its_own_filters(httpd: Httpd) -> None:
    expect(httpd, "at_once", "/document/at_once")
    response = httpd.get("/document/at_once?d:one,e")
    assert (response.status, response.text) == (500, "SORRY")


def test_w62_a_filter_that_spins(httpd: Httpd) -> None:
    expect(httpd, "spins")
    is_cut(httpd, "/spins?d:one,f,b,d:two,b,e")


def test_w65_server_return(httpd: Httpd) -> None:
    response = httpd.get(f"/forbid?l:3,{TWO_BRIGADES}")
    assert response.status == 403
    assert "forget this" not in response.text
    httpd.wait_for_request("403 GET /forbid?")
    assert httpd.get("/return_ok?d:one,b,d:two,e").text == "AoneAtwo"
    response = httpd.get("/return_status?d:one,b,d:two,e")
    assert (response.status, response.text) == (203, "onetwo")
    response = httpd.get("/redirect?d:one,b,d:two,e")
    assert (response.status, response.headers["Location"]) == (302, "/elsewhere")


def test_w65_server_return_after_the_headers(httpd: Httpd) -> None:
    httpd.expect(r"filter FAIL \(output_errors::forbid_later\): 403 after a part of the response was sent: it is cut")
    assert is_cut(httpd, f"/forbid_later?{TWO_BRIGADES}") == b"out"


def test_w63_the_debug_page(httpd: Httpd) -> None:
    expect(httpd, "after_reading", "/debug/after_reading")
    expect(httpd, "at_once", "/debug/at_once")
    for name in ("at_once", "after_reading"):
        response = httpd.get(f"/debug/{name}?l:3,{TWO_BRIGADES}", {"Accept": "text/html"})
        assert response.status == 500
        assert response.headers["Content-Type"].startswith("text/html")
        assert response.headers["Content-Length"] == str(len(response.body))
        assert "Traceback (most recent call last)" in response.text
        assert "output_errors.py" in response.text
        assert response.text.rstrip().endswith("</html>")
    assert "ValueError: no &lt; good" in httpd.get("/debug/at_once?d:one,e", {"Accept": "text/html"}).text
    plain = httpd.get("/debug/at_once?d:one,e")
    assert plain.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "ValueError: no < good" in plain.text


def test_w63_the_traceback_behind_a_part_of_a_text(httpd: Httpd) -> None:
    expect(httpd, "later", "/debug/later")
    body = is_cut(httpd, f"/debug/later?{TWO_BRIGADES}")
    assert body.startswith(b"ONE\nmod_python error: filter FAIL (output_errors::later)\n\nTraceback ")
    assert body.endswith(b"\nValueError: late\n")


def test_after_close_the_response_is_whole(httpd: Httpd) -> None:
    httpd.expect("ValueError: the filter is closed")
    httpd.allow("filter FAIL")
    response = httpd.get(f"/writes_after_close?{TWO_BRIGADES}")
    assert (response.status, response.text) == (200, "whole")
    assert response.headers["Content-Length"] == "5"
    assert "".join(passed(httpd)).count("EOS") == 1
    assert "ERROR" not in "".join(passed(httpd))


def test_a_filter_outlives_its_request_as_a_refusal(httpd: Httpd) -> None:
    for _ in range(2):
        assert httpd.get("/keeps?d:one,b,d:two,e").text == "onetwo"
    # The request before may still be ending: its filter is then not yet over, but cannot be used either.
    assert len(re.findall("refused: the filter (is over|cannot be used now)", httpd.log())) >= 5
