"""Ranges of bodies that filters read piece by piece: filters that change nothing, or byte for byte, keep them."""

import gzip
import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from http1 import get, responses
from httpd import Httpd
from versions import ask

MPMS = ("event", "prefork")
MODULES = ("cache", "cache_disk", "deflate", "headers", "proxy", "proxy_http")
FILTERS = {
    "no": "same NO change=no",
    "one": "upper ONE change=1:1",
    "plain": "plain_upper PLAIN change=1:1",
    "buckets": "buckets BUCKETS change=no",
    "out": "steps_out OUT change=no",
    "count": "counted COUNT change=no",
    "count_one": "counted COUNT_ONE change=1:1",
    "behind": "plain_upper BEHIND change=1:1 kind=protocol",
    "doubled": "doubled DOUBLED",
    "doubled_behind": "doubled DOUBLED_BEHIND kind=protocol",
}
CHAINS = {
    **{name: declared.split()[1] for name, declared in FILTERS.items()},
    "both": "COUNT;ONE",
    "one_count": "COUNT_ONE;COUNT",
    "and_behind": "NO;BEHIND",
    "and_doubled": "NO;DOUBLED",
    "and_doubled_behind": "NO;DOUBLED_BEHIND",
    "and_deflate": "NO;DEFLATE",
}
CONF = "MaxKeepAliveRequests 0\nFileETag MTime Size\n"
CONF += "".join(f"PythonOutputFilter range_filters::{declared}\n" for declared in FILTERS.values())
CONF += "".join(
    f"""
    Alias "/{name}/file300" "${{HTDOCS}}/file300"
    Alias "/{name}/file" "${{HTDOCS}}/file"
    ScriptAlias "/{name}/cgi" "${{CGI_BIN}}"
    <Location "/{name}/">
        SetOutputFilter {chain}
    </Location>
    <Location "/{name}/cgi/long">
        # httpd drops the Content-Length of a script otherwise.
        SetEnv ap_trust_cgilike_cl 1
    </Location>
    <Location "/{name}/pieces">
        SetHandler mod_python
        PythonHandler range_filters::pieces
    </Location>
    """
    for name, chain in CHAINS.items()
)
CONF += """
Alias "/type/file" "${HTDOCS}/file"
<Location "/type/">
    AddOutputFilterByType ONE text/plain
    ForceType text/plain
</Location>
<Location "/adds">
    SetHandler mod_python
    PythonHandler range_filters::adds
</Location>
<Location "/no/crumbs">
    SetHandler mod_python
    PythonHandler range_filters::crumbs
</Location>
<Location "/count/waits">
    SetHandler mod_python
    PythonHandler range_filters::waits
</Location>
<Location "/no/redirects">
    SetHandler mod_python
    PythonHandler range_filters::redirects
</Location>
<Location "/no/proxy">
    ProxyPass http://127.0.0.1:${PORT}/origin
</Location>
<Location "/origin">
    SetHandler mod_python
    PythonHandler range_filters::pieces
</Location>
Alias "/limited/file" "${HTDOCS}/file"
<Location "/limited/">
    SetOutputFilter NO
    MaxRanges none
</Location>
Alias "/unset/file" "${HTDOCS}/file"
<Location "/unset/">
    SetOutputFilter NO
    RequestHeader unset Range
</Location>
CacheRoot "${STATE}/cache"
CacheEnable disk /cached
LogLevel cache_disk:debug
Alias "/cached" "${HTDOCS}/file"
<Location "/cached">
    SetOutputFilter COUNT_ONE
    Header set Cache-Control "max-age=1000"
</Location>
<Location "/sorry/">
    SetOutputFilter NO
    ErrorDocument 416 /no/file
</Location>
Alias "/sorry/file" "${HTDOCS}/file"
"""
BODY = b"".join(b"%07x\n" % number for number in range(1 << 15))
SIZE = len(BODY)
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
# What is asked for, and the first and the last byte of the answer.
RANGES = {
    "0-0": (0, 0),
    "2-4": (2, 4),
    "65530-65545": (65530, 65545),
    "65536-131071": (65536, 131071),
    "100000-": (100_000, SIZE - 1),
    f"{SIZE - 1}-{SIZE + 10}": (SIZE - 1, SIZE - 1),
    "-5": (SIZE - 5, SIZE - 1),
    "0-": (0, SIZE - 1),
    f"-{SIZE * 9}": (0, SIZE - 1),
}


@pytest.fixture(scope="module", autouse=True)
def _files(httpd: Httpd) -> None:
    """A file that is old enough for a strong ETag, a cache, and scripts."""
    os.utime(httpd.write("file", BODY), (1_700_000_000, 1_700_000_000))
    cache = Path(httpd.variables["STATE"]) / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    numbers = "import sys\nfor n in range(1 << 15): sys.stdout.write('%07x\\n' % n)\n"
    for name, line in {"long": f"Content-Length: {SIZE}\\n", "unknown": ""}.items():
        head = f"print('Content-Type: text/plain\\n{line}')\n"
        httpd.cgi(name, f"#!/usr/bin/python3\n{head}{numbers}")


def asks(
    httpd: Httpd, path: str, asked: str, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes, str | None]:
    """Status, body and Content-Range."""
    answer = httpd.get(path, {"Range": f"bytes={asked}", **(headers or {})})
    assert int(answer.headers.get("Content-Length", len(answer.body))) == len(answer.body)
    return answer.status, answer.body, answer.headers["Content-Range"]


def part(first: int, last: int, body: bytes = BODY) -> tuple[int, bytes, str | None]:
    return 206, body[first : last + 1], f"bytes {first}-{last}/{SIZE}"


WHOLE = (200, BODY, None)


@pytest.mark.parametrize("source", ["file", "pieces", "cgi/long"])
@pytest.mark.parametrize("name", ["no", "one", "plain", "buckets", "out", "count", "both", "type", "and_behind"])
def test_o22_one_range_of_a_body_of_any_size(httpd: Httpd, name: str, source: str) -> None:
    if (name, source) in [("type", "pieces"), ("type", "cgi/long")]:
        pytest.skip("the section has files only")
    upper = name in ("one", "plain", "both", "type", "and_behind")
    for asked, (first, last) in RANGES.items():
        assert asks(httpd, f"/{name}/{source}", asked) == part(first, last, BODY.upper() if upper else BODY)


@pytest.mark.parametrize("name", ["no", "plain"])
def test_o22_one_range_on_each_version(httpd: Httpd, version: str, name: str) -> None:
    if (httpd.mpm, version) == ("prefork", "2"):
        pytest.skip("no HTTP/2 on prefork")
    body = BODY.upper() if name == "plain" else BODY
    for asked, (first, last) in RANGES.items():
        answer = ask(httpd, version, f"/{name}/pieces", "-H", f"Range: bytes={asked}")
        assert answer.code == 0
        assert (answer.status, answer.body, answer.headers["Content-Range"]) == part(first, last, body)
        assert answer.headers["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize(
    "path", ["/no/file", "/one/file", "/no/pieces", "/one/pieces", "/one/cgi/long", "/buckets/file"]
)
def test_a_range_behind_the_end(httpd: Httpd, path: str) -> None:
    status, body, content_range = asks(httpd, path, f"{SIZE}-")
    assert (status, content_range) == (416, f"bytes */{SIZE}")
    assert b"Range Not Satisfiable" in body
    # The connection stays, and the error page is the only answer.
    data = httpd.raw(get(path, f"Range: bytes={SIZE}-{SIZE + 1}") + get("/no/crumbs", "Connection: close"))
    assert [answer.status for answer in responses(data)] == [416, 200]


def test_a_range_behind_the_end_has_the_page_of_the_configuration(httpd: Httpd) -> None:
    status, body, content_range = asks(httpd, "/sorry/file", f"{SIZE}-")
    assert (status, body, content_range) == (416, BODY, f"bytes */{SIZE}")


@pytest.mark.parametrize("asked", ["0-1,4-5", "0-1,99999999-", "4-2", "-0", "a-b", "99999999999999999999-"])
@pytest.mark.parametrize("path", ["/no/file", "/one/pieces"])
def test_several_ranges_and_none_are_the_whole_body(httpd: Httpd, path: str, asked: str) -> None:
    status, body, content_range = asks(httpd, path, asked)
    assert (status, body.lower(), content_range) == WHOLE


def test_other_units_and_methods_are_the_whole_body(httpd: Httpd) -> None:
    assert httpd.get("/no/file", {"Range": "lines=1-2"}).body == BODY
    answer = httpd.request("POST", "/no/pieces", b"", {"Range": "bytes=1-2"})
    assert (answer.status, answer.body) == (200, BODY)


@pytest.mark.parametrize("path", ["/no/pieces?unknown", "/no/cgi/unknown", "/one/cgi/unknown", "/no/pieces?none"])
def test_no_range_where_the_length_is_unknown_or_ranges_are_off(httpd: Httpd, path: str) -> None:
    status, body, content_range = asks(httpd, path, "2-4")
    assert (status, body.lower(), content_range) == WHOLE


def test_httpds_own_settings_hold(httpd: Httpd) -> None:
    assert asks(httpd, "/limited/file", "2-4") == WHOLE
    assert asks(httpd, "/unset/file", "2-4") == WHOLE
    assert httpd.get("/limited/file").headers["Accept-Ranges"] == "none"
    assert httpd.get("/one/file").headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("name", ["no", "one"])
def test_if_range(httpd: Httpd, name: str) -> None:
    path = f"/{name}/file"
    head = httpd.get(path).headers
    plain = httpd.get("/file").headers["ETag"]
    assert head["ETag"] == (plain if name == "no" else f"W/{plain}")
    assert head["Last-Modified"] == DATE

    def status(condition: str) -> int:
        return asks(httpd, path, "2-4", {"If-Range": condition})[0]

    assert status(DATE) == 206
    assert status("Tue, 14 Nov 2023 22:13:21 GMT") == 200
    assert status(plain) == (206 if name == "no" else 200)  # the other body has no strong tag
    assert status(f"W/{plain}") == status('"other"') == status("nonsense") == 200
    assert asks(httpd, path, f"{SIZE}-", {"If-Range": '"other"'})[0] == 200


def test_if_range_of_a_filter_behind_the_headers(httpd: Httpd) -> None:
    plain = httpd.get("/file").headers["ETag"]
    assert asks(httpd, "/and_behind/file", "2-4", {"If-Range": plain})[0] == 200


@pytest.mark.parametrize("path", ["/no/file", "/one/file", "/no/pieces", "/count/file"])
@pytest.mark.parametrize("asked", ["2-4", "-5", f"{SIZE}-", "0-1,4-5"])
def test_o23_the_head_of_a_range(httpd: Httpd, path: str, asked: str) -> None:
    sent = {"Range": f"bytes={asked}"}
    got, head = httpd.get(path, sent).headers, httpd.request("HEAD", path, headers=sent).headers
    # httpd tells no length of an error page in the answer to HEAD.
    left = {"Date"} if got["Content-Range"] != f"bytes */{SIZE}" else {"Date", "Content-Length"}
    assert {n: got[n] for n in got if n not in left} == {n: head[n] for n in head if n not in left}


@pytest.mark.parametrize("name", ["doubled", "doubled_behind", "and_doubled", "and_doubled_behind"])
def test_o22_no_range_beside_a_filter_that_changes_the_length(httpd: Httpd, name: str) -> None:
    status, body, content_range = asks(httpd, f"/{name}/pieces", "2-4")
    assert (status, len(body), content_range) == (200, 2 * SIZE, None)


def test_no_range_of_a_body_that_is_coded_on_its_way(httpd: Httpd) -> None:
    answer = httpd.get("/and_deflate/pieces", {"Range": "bytes=2-4", "Accept-Encoding": "gzip"})
    assert (answer.status, gzip.decompress(answer.body), answer.headers["Content-Range"]) == WHOLE


def saw(httpd: Httpd, name: str) -> int:
    line = httpd.wait_for_log(rf"{name} saw (\d+) bytes, ended: True")
    return int(line[1])


@pytest.mark.parametrize("source", ["file", "pieces", "cgi/long"])
def test_who_changes_nothing_sees_the_whole_body(httpd: Httpd, source: str) -> None:
    assert asks(httpd, f"/count/{source}", "2-4") == part(2, 4)
    assert saw(httpd, "COUNT") == SIZE


@pytest.mark.parametrize("source", ["file", "pieces", "cgi/long"])
def test_who_changes_bytes_sees_no_more_than_is_sent(httpd: Httpd, source: str) -> None:
    assert asks(httpd, f"/count_one/{source}", "100000-100001") == part(100_000, 100_001)
    assert 100_002 <= saw(httpd, "COUNT_ONE") <= 100_002 + 131_072


def test_a_filter_of_changes_before_one_that_sees_the_whole(httpd: Httpd) -> None:
    assert asks(httpd, "/one_count/file", "2-4") == part(2, 4)
    assert (saw(httpd, "COUNT_ONE"), saw(httpd, "COUNT")) == (SIZE, SIZE)


def test_a_range_does_not_wait_for_the_rest(httpd: Httpd) -> None:
    there = httpd.folder / "there"
    request = get(f"/count/waits?{there}", "Range: bytes=2-4", "Connection: close")
    with socket.create_connection(("127.0.0.1", httpd.port), 15) as client:
        client.sendall(request)
        data = b""
        while not data.endswith(b"\r\n\r\n" + BODY[2:5]):
            data += client.recv(1000) or pytest.fail(repr(data))
        assert "COUNT saw" not in httpd.log()
        there.touch()
        assert client.recv(1000) == b""
        there.unlink()
    assert saw(httpd, "COUNT") == SIZE


def test_o10_many_ranges_on_one_connection(httpd: Httpd) -> None:
    asked = [get(f"/{name}/file", f"Range: bytes={n}-{n + 9}") for n in range(0, SIZE, 9001) for name in ("no", "one")]
    answers = responses(httpd.raw(b"".join(asked) + get("/no/crumbs", "Connection: close")))
    bodies = [body[n : n + 10] for n in range(0, SIZE, 9001) for body in (BODY, BODY.upper())]
    assert [answer.body for answer in answers] == [*bodies, BODY[:800]]


def test_a_handler_that_sets_the_status_as_it_writes(httpd: Httpd) -> None:
    assert asks(httpd, "/no/pieces?status", "100000-100009") == part(100_000, 100_009)


def test_o3_ranges_of_many_small_pieces(httpd: Httpd) -> None:
    for first in range(0, 800, 67):
        answer = httpd.get("/no/crumbs", {"Range": f"bytes={first}-{first + 20}"})
        assert (answer.status, answer.body) == (206, BODY[first : min(first + 21, 800)])


def test_a_cache_in_front_keeps_the_whole_body(httpd: Httpd) -> None:
    assert asks(httpd, "/cached", "2-4") == part(2, 4)
    # What the cache gets is the whole body, though only a part of it is sent.
    assert saw(httpd, "COUNT_ONE") == SIZE
    httpd.wait_for_log("Headers and body for URL .* cached")
    assert (httpd.get("/cached").status, httpd.get("/cached").body) == (200, BODY)
    assert httpd.log().count("COUNT_ONE saw") == 1
    assert asks(httpd, "/cached", "100000-100009") == part(100_000, 100_009)


def test_upstream_that_makes_no_ranges(httpd: Httpd) -> None:
    assert asks(httpd, "/no/proxy", "100000-100009") == part(100_000, 100_009)


def test_a_filter_that_the_handler_adds(httpd: Httpd) -> None:
    assert asks(httpd, "/adds?ONE", "100000-100009") == part(100_000, 100_009, BODY.upper())
    assert asks(httpd, "/adds?DOUBLED", "2-4")[0] == 200
    assert asks(httpd, "/adds?BEHIND;NO", "100000-100009") == part(100_000, 100_009, BODY.upper())
    assert asks(httpd, "/adds?DOUBLED_BEHIND;NO", "2-4")[0] == 200


def test_redirects_and_error_pages(httpd: Httpd) -> None:
    assert asks(httpd, "/no/redirects?one/file", "2-4") == part(2, 4, BODY.upper())
    assert asks(httpd, "/no/redirects?file", "2-4") == part(2, 4)
    assert asks(httpd, "/no/redirects?doubled/pieces", "2-4")[0] == 200
    status, body, content_range = asks(httpd, "/no/missing", "2-4")
    assert (status, content_range) == (404, None)
    assert b"Not Found" in body


def test_o6_ranges_of_300_megabytes(httpd: Httpd) -> None:
    path = httpd.write("file300", b"")
    with path.open("wb") as file:
        for _ in range(1200):
            file.write(BODY)
    for name in ("count", "plain", "out") * 10:
        httpd.get(f"/{name}/file", {"Range": "bytes=2-"})
    before = {pid: httpd.memory(pid).peak for pid in httpd.children()}
    first = 250 * (1 << 20) + 12
    for name in ("count", "plain", "out"):
        answer = httpd.get(f"/{name}/file300", {"Range": f"bytes={first}-{first + 99_999}"})
        assert answer.status == 206
        assert answer.body.lower() == (BODY * 2)[first % SIZE :][:100_000]
        assert answer.headers["Content-Range"] == f"bytes {first}-{first + 99_999}/{1200 * SIZE}"
    httpd.wait_for_log(f"COUNT saw {1200 * SIZE} bytes, ended: True")
    path.unlink()
    grown = [httpd.memory(pid).peak - peak for pid, peak in before.items()]
    assert 0 <= max(grown) < 12 * 1024
