"""What `encoding=decode` does to headers, to caches, and to responses that it cannot decode."""

import gzip
from pathlib import Path

import pytest

from coded_pages import GZIP, PAGE, SECTIONS, UPPERING, conf, plain
from httpd import Httpd

MODULES = ("cache", "cache_disk")
MPMS = ("event", "prefork")
CONF = (
    conf(
        SECTIONS
        | {
            "asked": """SetOutputFilter PLAIN
        RequestHeader edit* Accept-Encoding 'br|zstd|deflate' identity"""
        },
        ("", "cached/"),
    )
    + """
<Location "/ranges">
    AddEncoding gzip .gz
</Location>
<Location "/whole">
    ProxyPass http://127.0.0.1:${PORT}/ranges
    SetOutputFilter WHOLE
</Location>
CacheRoot "${STATE}/cache"
CacheEnable disk /cached
"""
)
ASIDE = {
    "deflate": "a coding .* other than gzip",
    "br": "a coding .* other than gzip",
    "double": "a coding .* other than gzip",
    "page?forbids": "no-transform",
    "page?part": "206",
}


@pytest.fixture(scope="module", autouse=True)
def _cache(httpd: Httpd) -> None:
    cache = Path(httpd.variables["STATE"]) / "cache"
    cache.mkdir()
    cache.chmod(0o777)


@pytest.mark.parametrize("name", ASIDE)
def test_what_cannot_be_decoded_goes_on_as_it_is(httpd: Httpd, name: str) -> None:
    # On prefork another child may have written the warning.
    (httpd.allow if httpd.mpm == "prefork" or name in ("br", "double") else httpd.expect)(
        f"filter PLAIN steps aside: .*{ASIDE[name]}"
    )
    answer = httpd.get(f"/plain/{name}", GZIP)
    expected = httpd.get(f"/origin/{name}", GZIP)
    assert (answer.status, answer.body) == (expected.status, expected.body)
    for header in ("Content-Encoding", "Content-Length", "ETag", "Content-MD5", "Content-Range", "Vary"):
        assert answer.headers[header] == expected.headers[header]


@pytest.mark.parametrize("name", ["no", "one"])
def test_a_part_of_a_coded_body_is_not_decoded(httpd: Httpd, name: str) -> None:
    httpd.expect(f"filter {name.upper()} steps aside: .*a part of a coded body")
    assert httpd.get(f"/{name}/page?part").status == 206


@pytest.mark.parametrize("name", [*UPPERING, "no", "tail", "two"])
@pytest.mark.parametrize("headers", [GZIP, {}], ids=["gzip", "none"])
def test_the_tag_of_a_304_is_that_of_the_200(httpd: Httpd, name: str, headers: dict[str, str]) -> None:
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


@pytest.mark.parametrize("name", ["plain", "tail", "no", "two", "by_type"])
@pytest.mark.parametrize("headers", [GZIP, {}], ids=["gzip", "none"])
def test_head_has_the_headers_of_get(httpd: Httpd, name: str, headers: dict[str, str]) -> None:
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
        httpd.wait_for_request("200 GET /origin/", before)
        before = len(httpd.requests())
        again = httpd.get(path, {**headers, "Cache-Control": "max-age=0"})
        httpd.wait_for_request("304 GET /origin/", before)
        asked = [line for line in httpd.requests()[before:] if " GET /origin/" in line]
        assert [line.split()[0] for line in asked] == ["304"]
        assert plain(again) == plain(full) == plain(httpd.get(path, headers))
        assert again.headers["Content-Encoding"] == full.headers["Content-Encoding"]


def test_a_server_that_answers_ranges_is_asked_for_the_whole(httpd: Httpd) -> None:
    httpd.write("ranges/page.gz", gzip.compress(PAGE))
    for headers in (GZIP, {}):
        answer = httpd.get("/whole/page.gz", {**headers, "Range": "bytes=2-9"})
        assert (answer.status, answer.headers["Content-Range"], plain(answer)) == (200, None, PAGE)


def test_what_the_advice_has_the_server_send(httpd: Httpd) -> None:
    accept = {"Accept-Encoding": "gzip;q=0.9, deflate, br, zstd"}
    assert httpd.get("/asked/asked", accept).text == "GZIP;Q=0.9, IDENTITY, IDENTITY, IDENTITY"
