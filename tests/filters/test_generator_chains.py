"""Streaming filters among others: several in one chain, on one connection, in subrequests, chosen by type."""

import gzip

import pytest

from http1 import get, responses
from httpd import Httpd

CONF = """
MaxKeepAliveRequests 0
PythonOutputFilter streaming_filters::tail TAIL
PythonOutputFilter streaming_filters::hide HIDE
PythonOutputFilter streaming_filters::upper UPPER
PythonOutputFilter streaming_filters::lines LINES
PythonOutputFilter streaming_filters::included INCLUDED
PythonOutputFilter streaming_filters::doubled LONGER
PythonOutputFilter streaming_filters::empty EMPTY
PythonOutputFilter streaming_ends::early EARLY
PythonOutputFilter streaming_ends::passes_on_after_peek OUT
PythonOutputFilter streaming_ends::fails_after_yield FAILS
<Location "/chain">
    SetOutputFilter INCLUDES;HIDE;TAIL
    Options +Includes
</Location>
<Location "/chain/coded">
    SetOutputFilter INCLUDES;HIDE;TAIL;DEFLATE
</Location>
<Location "/types">
    AddOutputFilterByType HIDE;UPPER text/plain
    AddOutputFilterByType LINES text/css
    AddOutputFilterByType OUT;TAIL text/html
</Location>
<Location "/provider">
    FilterDeclare SMART
    # The last one that fits.
    FilterProvider SMART TAIL "%{CONTENT_TYPE} =~ m#^text/#"
    FilterProvider SMART UPPER "%{req:X-Case} == 'upper'"
    FilterChain SMART
</Location>
ProxyPass "/proxied" "http://127.0.0.1:${PORT}/tail"
<Location "/proxied">
    SetOutputFilter UPPER
</Location>
<Location "/sorry">
    SetOutputFilter TAIL
    ErrorDocument 404 /sorry/page.txt
</Location>
<Location "/removed">
    SetOutputFilter HIDE
    AddOutputFilter TAIL txt
    RemoveOutputFilter txt
</Location>
<Location "/page">
    SetOutputFilter INCLUDES;INCLUDED
    Options +Includes
</Location>
<Location "/part">
    SetOutputFilter INCLUDED
</Location>
<Location "/longer">
    SetOutputFilter LONGER
</Location>
<Location "/empty">
    SetOutputFilter EMPTY
</Location>
<Location "/early">
    SetOutputFilter EARLY
</Location>
<Location "/tail">
    SetOutputFilter TAIL
</Location>
<Location "/out">
    SetOutputFilter OUT
</Location>
<Location "/fails">
    SetOutputFilter FAILS
</Location>
<Location "/pieces">
    SetHandler mod_python
    PythonHandler response_sources::pieces
</Location>
<Location "/pieces/tail">
    SetOutputFilter TAIL
</Location>
<Location "/pieces/early">
    SetOutputFilter EARLY
</Location>
"""
ANSWERS = {
    "longer": b"0123456789" * 2,
    "empty": b"",
    "early": b"012",
    "tail": b"0123456789<!-- tail -->",
    "out": b"0123456789",
}
PIECES = b"".join(b"%d," % number for number in range(100))


def test_o19_o20_a_hundred_pipelined_requests(httpd: Httpd) -> None:
    for name in ANSWERS:
        httpd.write(f"{name}/a.txt", b"0123456789")
    requests = b"".join(get(f"/{name}/a.txt") for name in ANSWERS) + get("/pieces/tail") + get("/pieces/early")
    expected = [*ANSWERS.values(), PIECES + b"<!-- tail -->", b"0,"]
    answers = responses(httpd.raw(requests * 15, half_close=True))
    assert {answer.status for answer in answers} == {200}
    assert [answer.body for answer in answers] == expected * 15


def test_o18_a_response_that_is_cut_is_the_last_one(httpd: Httpd) -> None:
    httpd.expect("ValueError: after a yield")
    httpd.allow("filter FAILS")
    httpd.write("fails/a.txt", b"0123456789")
    httpd.write("tail/a.txt", b"0123456789")
    answer = httpd.raw(get("/tail/a.txt") + get("/fails/a.txt") + get("/tail/a.txt"), half_close=True)
    assert answer.count(b"<!-- tail -->") == 1
    assert not answer.endswith(b"0\r\n\r\n")


def test_two_streaming_filters_includes_and_deflate(httpd: Httpd) -> None:
    page = b'the secret<!--#echo var="REQUEST_METHOD" -->secret' * 500
    expected = b"the ...GET..." * 500 + b"<!-- tail -->"
    for name in ("chain/a.html", "chain/coded/a.html"):
        httpd.write(name, page)
        for tls in (False, True):
            assert httpd.get(f"/{name}", tls=tls).body == expected
    coded = httpd.get("/chain/coded/a.html", {"Accept-Encoding": "gzip"})
    assert coded.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(coded.body) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", b"A\n...\n"),
        ("a.css", b"[a\n][secret\n]"),
        ("a.html", b"a\nsecret\n<!-- tail -->"),
        ("a.xml", b"a\nsecret\n"),
    ],
)
def test_o30_chosen_by_type(httpd: Httpd, name: str, expected: bytes) -> None:
    httpd.write(f"types/{name}", b"a\nsecret\n")
    assert httpd.get(f"/types/{name}").body == expected


def test_o30_chosen_by_an_expression(httpd: Httpd) -> None:
    httpd.write("provider/a.txt", b"a body")
    assert httpd.get("/provider/a.txt").body == b"a body<!-- tail -->"
    assert httpd.get("/provider/a.txt", {"X-Case": "upper"}).body == b"A BODY"


def test_removed_by_the_configuration(httpd: Httpd) -> None:
    httpd.write("removed/a.txt", b"a secret")
    assert httpd.get("/removed/a.txt").body == b"a ..."


def test_o27_a_subrequest_has_a_filter_of_its_own(httpd: Httpd) -> None:
    httpd.write("page/a.html", b'before <!--#include virtual="/part/b.txt" --> between <!--#echo var="none" --> after')
    httpd.write("part/b.txt", b"part")
    part = b"</part/b.txt in /page/a.html>part</>"
    expected = b"</page/a.html in None>before " + part + b" between (none) after</>"
    for tls in (False, True):
        assert httpd.get("/page/a.html", tls=tls).body == expected


def test_o28_an_index_has_one_filter(httpd: Httpd) -> None:
    httpd.write("tail/folder/index.html", b"index")
    assert httpd.get("/tail/folder/").body == b"index<!-- tail -->"


def test_a_proxied_response(httpd: Httpd) -> None:
    for size in (10, 100_000):
        httpd.write("tail/proxied.txt", b"x" * size)
        for tls in (False, True):
            answer = httpd.get("/proxied/proxied.txt", tls=tls)
            assert answer.body == b"X" * size + b"<!-- TAIL -->"
    assert httpd.get("/proxied/none.txt").status == 404


def test_o25_an_error_document_is_filtered_where_it_is(httpd: Httpd) -> None:
    httpd.write("sorry/page.txt", "sorry")
    answer = httpd.get("/sorry/none.txt")
    assert (answer.status, answer.text) == (404, "sorry<!-- tail -->")


def test_http2_many_streams_at_once(httpd: Httpd) -> None:
    httpd.write("tail/a.txt", b"0123456789")
    urls = [httpd.url(f"/tail/a.txt?{number}", tls=True) for number in range(50)]
    answer = httpd.curl("--http2", "--parallel", "--parallel-max", "50", *urls)
    assert answer.stdout == b"0123456789<!-- tail -->" * 50
