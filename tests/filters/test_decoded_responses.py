"""`encoding=decode`: filters of responses that a server behind a proxy has coded with gzip, whoever asks."""

import gzip
import http.client
import os
import time

import pytest

from coded_pages import GZIP, MOD_DEFLATE, PAGE, UPPER, UPPERING, conf, plain
from httpd import Httpd
from versions import ask

MPMS = ("event", "prefork")
CONF = (
    conf()
    + """
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
<Location "/cgi-bin">
    SetOutputFilter PLAIN
</Location>
<Location "/added">
    SetHandler mod_python
    PythonHandler coded_sources::adds_filter
</Location>
ErrorDocument 410 /plain/page
<Location "/gone">
    Redirect gone
</Location>
"""
)
# A source whose length only reading tells.
SCRIPT = """#!/usr/bin/env python3
import sys, time, zlib
packer = zlib.compressobj(9, zlib.DEFLATED, 31)
pipe = sys.stdout.buffer
pipe.write(b"Content-Type: text/html\\nContent-Encoding: gzip\\n\\n")
pipe.write(packer.compress(b"first ") + packer.flush(zlib.Z_SYNC_FLUSH))
pipe.flush()
time.sleep(1.5)
pipe.write(packer.compress(b"second") + packer.flush())
"""
# Client headers, and whether gzip is accepted.
ACCEPTED = {"gzip": True, "br, gzip;q=0.5": True, "gzip;q=0": False, "br": False, "": False}


@pytest.mark.parametrize("name", UPPERING)
@pytest.mark.parametrize("accept", ACCEPTED)
def test_o26_a_gzip_page_is_decoded_and_coded_again(httpd: Httpd, name: str, accept: str) -> None:
    answer = httpd.get(f"/{name}/page", {"Accept-Encoding": accept} if accept else {})
    assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip" if ACCEPTED[accept] else None)
    assert plain(answer) == UPPER
    assert answer.headers["Vary"].split(", ") == ["Accept-Encoding"]
    assert answer.headers["Content-MD5"] is None
    assert answer.headers["Content-Length"] in (None, str(len(answer.body)))
    assert answer.headers["ETag"] in ('W/"strong"', 'W/"strong-gzip"')


@pytest.mark.parametrize("name", ["plain", "tail", "by_type"])
def test_o26_a_gzip_page_is_decoded_on_http2(httpd: Httpd, name: str) -> None:
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


def test_what_a_slow_source_has_sent_goes_on_at_once(httpd: Httpd) -> None:
    httpd.cgi("slow", SCRIPT)
    cases = {"plain": b"FIRST SECOND", "tail": b"first second<tail>", "cgi-bin": b"FIRST SECOND"}
    for name, expected in cases.items():
        begin = time.monotonic()
        connection = http.client.HTTPConnection("localhost", httpd.port, timeout=30)
        connection.request("GET", f"/{name}/slow")
        response = connection.getresponse()
        first = response.read1(6)
        assert time.monotonic() - begin < 1.2
        assert first + response.read() == expected
        connection.close()


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


def test_a_handler_that_adds_the_filter(httpd: Httpd) -> None:
    for headers in (GZIP, {}):
        assert plain(httpd.get("/added", headers)) == UPPER


def test_a_filter_that_cannot_be_imported(httpd: Httpd) -> None:
    httpd.expect("No module named 'missing_module'")
    answer = httpd.get("/missing/page", GZIP)
    assert (answer.status, answer.headers["Content-Encoding"]) == (500, None)
    assert b"Internal Server Error" in answer.body


def test_a_page_that_includes_it(httpd: Httpd) -> None:
    httpd.write("including/index.shtml", '[<!--#include virtual="/plain/page" -->]')
    for headers in (GZIP, {}):
        answer = httpd.get("/including/index.shtml", headers)
        assert (answer.headers["Content-Encoding"], answer.body) == (None, b"[" + UPPER + b"]")
    httpd.write("including/broken.shtml", '[<!--#include virtual="/plain/cut" -->]')
    httpd.expect("its gzip data is damaged")
    httpd.allow(MOD_DEFLATE)
    assert httpd.get("/including/broken.shtml").body == b"[]"
