"""`encoding=decode`: filters of responses that a server behind a proxy has coded with gzip, whoever asks."""

import gzip
import http.client
import os
import time
from pathlib import Path

import pytest

from httpd import Httpd, Response
from versions import ask

MODULES = ("cache", "cache_disk")
MPMS = ("event", "prefork")
FILTERS = {
    "plain": "plain_upper PLAIN encoding=decode",
    "html": "plain_upper HTML encoding=decode types=text/html",
    "css": "plain_upper CSS encoding=decode types=text/css",
    "set": "plain_upper SET encoding=decode kind=content_set",
    "tail": "adds_tail TAIL encoding=decode",
    "one": "plain_upper ONE encoding=decode change=1:1",
    "no": "same NO encoding=decode change=no",
    "out": "steps_out OUT encoding=decode",
    "passes": "passes_on PASSES encoding=decode",
    "open": "fails_first OPEN encoding=decode on_error=pass",
    "closes": "closes CLOSES encoding=decode",
    "early": "ends_early EARLY encoding=decode",
    "identity": "plain_upper IDENTITY",
    "limited": "plain_upper LIMITED encoding=decode decoded=100K",
}
SECTIONS = {
    **{name: f"SetOutputFilter {name.upper()}" for name in FILTERS},
    "two": "SetOutputFilter PLAIN;TAIL",
    "deflated": "SetOutputFilter DEFLATE;PLAIN",
    "by_type": "AddOutputFilterByType PLAIN text/html",
    "by_type_css": "AddOutputFilterByType PLAIN text/css",
    "both_by_type": "AddOutputFilterByType PLAIN;DEFLATE text/html",
    "mixed": "SetOutputFilter IDENTITY;TAIL",
    "wide": "SetOutputFilter PLAIN\nDeflateInflateRatioLimit 2000",
    "limited": "SetOutputFilter LIMITED\nDeflateInflateRatioLimit 2000",
    "ssi": "SetOutputFilter PLAIN",
}
CONF = (
    "".join(f"PythonOutputFilter coded_sources::{line}\n" for line in FILTERS.values())
    + "".join(
        f"""
<Location "/{path}">
    SetHandler mod_python
    PythonHandler coded_sources::{function}
</Location>
"""
        for path, function in {"origin": "handler", "bomb": "bomb", "slow": "slow"}.items()
    )
    + """
CacheRoot "${STATE}/cache"
CacheEnable disk /cached
<Location "/local">
    AddEncoding gzip .gz
    AddType text/html .html
    SetOutputFilter PLAIN
</Location>
<Location "/redirected">
    RewriteEngine On
    RewriteRule .* /plain/page [PT]
</Location>
<Directory "${HTDOCS}/rewritten">
    RewriteEngine On
    RewriteRule .* /plain/page
</Directory>
<Directory "${HTDOCS}/including">
    Options +Includes
    SetOutputFilter INCLUDES
</Directory>
ErrorDocument 410 /plain/page
<Location "/gone">
    Redirect gone
</Location>
"""
    + "".join(
        f"""
<Location "/{prefix}{name}">
    ProxyPass http://127.0.0.1:${{PORT}}/origin
    {line}
</Location>
"""
        + "".join(
            f"""
<Location "/{prefix}{name}/{other}">
    ProxyPass http://127.0.0.1:${{PORT}}/{other}
</Location>
"""
            for other in ("bomb", "slow")
        )
        for name, line in SECTIONS.items()
        for prefix in ("", "cached/")
    )
)
GZIP = {"Accept-Encoding": "gzip"}
# As in coded_sources.
PAGE = b"<p>" + b"".join(b"%d page, " % number for number in range(2000)) + b"</p>"
UPPER = PAGE.upper()
ALL = ["plain", "html", "set", "one", "by_type", "deflated", "both_by_type"]
# What mod_deflate says of a broken body.
MOD_DEFLATE = r"\[deflate:(error|warn)\]"
# Client headers, and whether gzip is accepted.
ACCEPTED = {"gzip": True, "br, gzip;q=0.5": True, "gzip;q=0": False, "br": False, "": False}


@pytest.fixture(scope="module", autouse=True)
def _cache(httpd: Httpd) -> None:
    cache = Path(httpd.variables["STATE"]) / "cache"
    cache.mkdir()
    cache.chmod(0o777)


@pytest.fixture
def version(request: pytest.FixtureRequest, httpd: Httpd) -> str:
    """HTTP/1.1, or HTTP/2 where there is a mod_http2 that runs well: not on prefork."""
    if (version := str(request.param)) == "2" and httpd.mpm == "prefork":
        pytest.skip("HTTP/2 is not for prefork")
    return version


def plain(answer: Response) -> bytes:
    """The body as the client understands it."""
    coding = answer.headers["Content-Encoding"]
    assert coding in (None, "gzip")
    return gzip.decompress(answer.body) if coding else answer.body


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("accept", ACCEPTED)
def test_the_page_comes_as_the_client_accepts_it(httpd: Httpd, name: str, accept: str) -> None:
    answer = httpd.get(f"/{name}/page", {"Accept-Encoding": accept} if accept else {})
    assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip" if ACCEPTED[accept] else None)
    assert plain(answer) == UPPER
    assert answer.headers["Vary"].split(", ") == ["Accept-Encoding"]
    assert answer.headers["Content-MD5"] is None
    assert answer.headers["Content-Length"] in (None, str(len(answer.body)))
    assert answer.headers["ETag"] in ('W/"strong"', 'W/"strong-gzip"')


@pytest.mark.parametrize("name", ["plain", "tail", "by_type"])
def test_on_http2(httpd: Httpd, name: str) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("mod_http2 is not for prefork")
    expected = PAGE + b"<tail>" if name == "tail" else UPPER
    answer = ask(httpd, "2", f"/{name}/page", "-H", "Accept-Encoding: gzip")
    assert gzip.decompress(answer.body) == expected
    assert ask(httpd, "2", f"/{name}/page").body == expected
    httpd.allow(MOD_DEFLATE)
    httpd.expect(f"filter {name.replace('by_type', 'plain').upper()} cannot have the response decoded.* it is cut")
    cut = httpd.curl("--http2", "-o", "/dev/null", httpd.url(f"/{name}/crc?tiny", tls=True))
    assert cut.returncode == 92


@pytest.mark.parametrize("name", ["page_x", "page_list", "page?chunked", "page?tiny", "named", "page?vary"])
def test_ways_to_say_and_send_gzip(httpd: Httpd, name: str) -> None:
    assert plain(httpd.get(f"/plain/{name}", GZIP)) == UPPER
    answer = httpd.get(f"/plain/{name}")
    assert (answer.body, answer.headers["Content-Encoding"]) == (UPPER, None)
    assert answer.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(("name", "body"), {"small": b"<P>S</P>", "empty": b"", "nothing": b""}.items())
def test_short_bodies(httpd: Httpd, name: str, body: bytes) -> None:
    for headers in (GZIP, {}):
        answer = httpd.get(f"/plain/{name}", headers)
        assert (answer.status, answer.body, answer.headers["Content-Encoding"]) == (200, body, None)
        assert answer.headers["Content-Length"] == str(len(body))
        assert httpd.get(f"/tail/{name}", headers).body == body.lower() + b"<tail>"


def test_two_filters_in_a_row_are_decoded_and_coded_once(httpd: Httpd) -> None:
    answer = httpd.get("/two/page", GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == UPPER + b"<tail>"
    assert httpd.get("/two/page").body == UPPER + b"<tail>"


def test_a_filter_that_is_not_for_coded_bodies_is_not_decoded_for(httpd: Httpd) -> None:
    httpd.expect("filter IDENTITY steps aside: .*with encoding=decode the filter gets it decoded")
    assert httpd.get("/mixed/page").body == PAGE + b"<tail>"
    answer = httpd.get("/identity/page")
    assert (answer.headers["Content-Encoding"], gzip.decompress(answer.body)) == ("gzip", PAGE)
    assert answer.headers["ETag"] == '"strong"'
    lines = [line for line in httpd.log().splitlines() if "IDENTITY steps aside" in line]
    children = {line.split("[pid ")[1].split("]")[0].split(":")[0] for line in lines}
    assert len(lines) == len(children)


@pytest.mark.parametrize("name", ["css", "by_type_css"])
def test_other_types_stay_as_they_are(httpd: Httpd, name: str) -> None:
    answer = httpd.get(f"/{name}/page")
    assert (answer.headers["Content-Encoding"], answer.headers["ETag"]) == ("gzip", '"strong"')
    assert (gzip.decompress(answer.body), answer.headers["Content-MD5"]) == (PAGE, "of the coded body")


@pytest.mark.parametrize("name", ["out", "passes", "no"])
def test_a_filter_that_changes_nothing_or_steps_out(httpd: Httpd, name: str) -> None:
    for headers in (GZIP, {}, {"Range": "bytes=0-9"}):
        answer = httpd.get(f"/{name}/page", headers)
        assert (answer.status, plain(answer)) == (200, PAGE)
        assert (answer.headers["ETag"], answer.headers["Accept-Ranges"]) == ('W/"strong"', "none")


def test_the_original_of_a_filter_that_fails_is_decoded_too(httpd: Httpd) -> None:
    httpd.expect("failed for a coded response", "Traceback|coded_sources|raise")
    for headers in (GZIP, {}):
        assert plain(httpd.get("/open/page", headers)) == PAGE


def test_a_filter_that_ends_early(httpd: Httpd) -> None:
    for headers in (GZIP, {}):
        assert plain(httpd.get("/early/page?chunked", headers)) == b"end"


ASIDE = {
    "deflate": "filter PLAIN steps aside: .*a coding .* other than gzip",
    "br": "filter PLAIN steps aside: .*a coding .* other than gzip",
    "double": "filter PLAIN steps aside: .*a coding .* other than gzip",
    "page?forbids": "filter PLAIN steps aside: .*no-transform",
    "page?part": "filter PLAIN steps aside: .*206",
}


@pytest.mark.parametrize("name", ASIDE)
def test_what_cannot_be_decoded_goes_on_as_it_is(httpd: Httpd, name: str) -> None:
    # Each reason is written once in each child.
    httpd.allow(ASIDE[name])
    answer = httpd.get(f"/plain/{name}", GZIP)
    expected = httpd.get(f"/origin/{name}", GZIP)
    assert (answer.status, answer.body) == (expected.status, expected.body)
    for header in ("Content-Encoding", "Content-Length", "ETag", "Content-MD5", "Content-Range", "Vary"):
        assert answer.headers[header] == expected.headers[header]


def test_the_reasons_are_in_the_log(httpd: Httpd) -> None:
    # The tests above have caused them, in this child or in another one.
    text = httpd.error_text(0)
    assert all(any(part in text for part in [pattern.split(".*")[1]]) for pattern in ASIDE.values())


@pytest.mark.parametrize("name", ["no", "one"])
def test_a_part_of_a_coded_body_is_not_decoded(httpd: Httpd, name: str) -> None:
    httpd.expect(f"filter {name.upper()} steps aside: .*a part of a coded body")
    assert httpd.get(f"/{name}/page?part").status == 206


BROKEN = {
    "cut": "damaged or incomplete",
    "cut_early": "damaged or incomplete",
    "crc": "damaged or incomplete",
    "damaged": "damaged or incomplete",
    "garbage": "more bytes stand behind the end",
    "members": "more bytes stand behind the end",
    "plain": "its body is not",
}


@pytest.mark.parametrize("filter_name", ["plain", "tail", "by_type"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_body_is_no_whole_response(httpd: Httpd, filter_name: str, name: str) -> None:
    declared = filter_name.replace("by_type", "plain").upper()
    httpd.expect(f"filter {declared} cannot have the response decoded .*: .*{BROKEN[name]}")
    httpd.allow(MOD_DEFLATE)
    try:
        answer = httpd.get(f"/{filter_name}/{name}?chunked")
    except http.client.IncompleteRead as cut:
        assert UPPER.lower().startswith(cut.partial.lower())
        httpd.expect("; it is cut$")
    else:
        assert answer.status == 502
        httpd.expect("; it is answered with 502$")


def test_the_connection_closes_behind_a_cut_response(httpd: Httpd) -> None:
    httpd.expect("its gzip data is damaged")
    httpd.allow(MOD_DEFLATE)
    request = b"GET /plain/crc?tiny HTTP/1.1\r\nHost: x\r\n\r\nGET /origin/small HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = httpd.raw(request)
    assert (answer.count(b"HTTP/1.1 "), answer.endswith(b"\r\n0\r\n\r\n")) == (1, False)


def test_a_generator_is_closed_when_its_response_is_cut(httpd: Httpd) -> None:
    httpd.expect("its gzip data is damaged", "closed at /closes/crc")
    httpd.allow(MOD_DEFLATE)
    with pytest.raises(http.client.IncompleteRead):
        httpd.get("/closes/crc?tiny")


def test_a_bomb_meets_the_ratio_of_mod_deflate(httpd: Httpd) -> None:
    httpd.expect("AH02650", "filter PLAIN cannot have .*DeflateInflateRatioLimit.*; it is ")
    try:
        assert httpd.get("/plain/bomb?100").status == 502
    except http.client.IncompleteRead as cut:
        assert len(cut.partial) < 1 << 20


def test_a_bomb_meets_the_limit_of_the_filter(httpd: Httpd) -> None:
    httpd.expect("filter LIMITED cannot have .*more than 102400 bytes, and decoded= sets another limit; it is ")
    try:
        assert httpd.get("/limited/bomb?100").status == 502
    except http.client.IncompleteRead as cut:
        assert len(cut.partial) <= 100 << 10
    assert httpd.get("/limited/page").body == UPPER


def test_a_large_body_needs_little_memory(httpd: Httpd) -> None:
    httpd.get("/wide/bomb?1")
    before = {pid: httpd.memory(pid).peak for pid in httpd.children()}
    assert len(httpd.get("/wide/bomb?300").body) == 300 << 20
    for pid, peak in before.items():
        assert httpd.memory(pid).peak - peak < 16 << 10


def test_what_a_slow_source_has_sent_goes_on_at_once(httpd: Httpd) -> None:
    for name, expected in (("plain", b"FIRST SECOND"), ("tail", b"first second<tail>")):
        begin = time.monotonic()
        connection = http.client.HTTPConnection("localhost", httpd.port, timeout=30)
        connection.request("GET", f"/{name}/slow")
        response = connection.getresponse()
        first = response.read1(6)
        assert time.monotonic() - begin < 1.2
        assert first + response.read() == expected
        connection.close()


@pytest.mark.parametrize("name", [*ALL, "no", "tail", "two"])
@pytest.mark.parametrize("headers", [GZIP, {}], ids=["gzip", "none"])
def test_o24_the_tag_of_a_304_is_that_of_the_200(httpd: Httpd, name: str, headers: dict[str, str]) -> None:
    full = httpd.get(f"/{name}/page?vary", headers)
    tag = full.headers["ETag"]
    if name == "deflated" and headers:
        # That of mod_deflate, which the server behind the proxy does not know.
        assert tag == 'W/"strong-gzip"'
        return
    assert tag == 'W/"strong"'
    same = httpd.get(f"/{name}/page?vary", {**headers, "If-None-Match": tag})
    assert (same.status, same.headers["ETag"], same.body) == (304, tag, b"")
    assert same.headers["Content-Encoding"] is None


@pytest.mark.parametrize("name", ["plain", "tail", "no", "two"])
@pytest.mark.parametrize("headers", [GZIP, {}], ids=["gzip", "none"])
def test_o23_head_has_the_headers_of_get(httpd: Httpd, name: str, headers: dict[str, str]) -> None:
    full, head = (httpd.request(method, f"/{name}/page", None, headers) for method in ("GET", "HEAD"))
    for header in ("Content-Encoding", "ETag", "Vary", "Content-MD5", "Accept-Ranges", "Content-Type"):
        assert head.headers[header] == full.headers[header], header
    assert head.headers["Content-Length"] in (None, full.headers["Content-Length"])


@pytest.mark.parametrize("query", ["kept", "kept&vary"])
@pytest.mark.parametrize("name", ["plain", "tail", "no", "by_type"])
def test_a_cache_keeps_each_coding_and_asks_once(httpd: Httpd, name: str, query: str) -> None:
    path = f"/cached/{name}/page?{query}"
    for headers in (GZIP, {}):
        before = len(httpd.requests())
        full = httpd.get(path, headers)
        httpd.wait_for_request(f"200 GET {path} ", before)
        before = len(httpd.requests())
        again = httpd.get(path, {**headers, "Cache-Control": "max-age=0"})
        httpd.wait_for_request(f"200 GET {path} ", before)
        asked = [line for line in httpd.requests()[before:] if " GET /origin/" in line]
        assert [line.split()[0] for line in asked] == ["304"]
        assert plain(again) == plain(full) == plain(httpd.get(path, headers))
        assert again.headers["Content-Encoding"] == full.headers["Content-Encoding"]


def test_a_file_that_is_kept_as_gzip(httpd: Httpd) -> None:
    file = httpd.write("local/page.html.gz", gzip.compress(PAGE))
    os.utime(file, (1_700_000_000, 1_700_000_000))
    full = httpd.get("/local/page.html.gz", GZIP)
    assert (gzip.decompress(full.body), full.headers["ETag"][:3]) == (UPPER, 'W/"')
    assert httpd.get("/local/page.html.gz").body == UPPER
    same = httpd.get("/local/page.html.gz", {**GZIP, "If-None-Match": full.headers["ETag"]})
    assert (same.status, same.headers["ETag"]) == (304, full.headers["ETag"])
    httpd.write("local/broken.html.gz", gzip.compress(b"<p>broken")[:-1])
    httpd.expect("AH01401", "filter PLAIN cannot have .*; it is answered with 500$")
    assert httpd.get("/local/broken.html.gz").status == 500


def test_after_a_redirect_inside_of_httpd(httpd: Httpd) -> None:
    httpd.write("rewritten/index.html", "")
    for path in ("/redirected", "/rewritten/index.html"):
        for headers in (GZIP, {}):
            answer = httpd.get(path, headers)
            assert (answer.status, plain(answer)) == (200, UPPER), path


def test_the_page_of_an_error(httpd: Httpd) -> None:
    for headers in (GZIP, {}):
        answer = httpd.get("/gone", headers)
        assert plain(answer) == UPPER


def test_a_page_that_includes_it(httpd: Httpd) -> None:
    httpd.write("including/index.shtml", '[<!--#include virtual="/ssi/page" -->]')
    for headers in (GZIP, {}):
        answer = httpd.get("/including/index.shtml", headers)
        assert (answer.headers["Content-Encoding"], answer.body) == (None, b"[" + UPPER + b"]")
    httpd.write("including/broken.shtml", '[<!--#include virtual="/ssi/cut" -->]')
    httpd.expect("its gzip data is damaged")
    httpd.allow(MOD_DEFLATE)
    assert httpd.get("/including/broken.shtml").body == b"[]"
