"""gzip bodies that are broken or too large are no whole responses of filters with `encoding=decode`."""

import http.client

import pytest

from coded_pages import MOD_DEFLATE, UPPER, conf
from httpd import Httpd

MPMS = ("event", "prefork")
CONF = conf()
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
    grown = [httpd.memory(pid).peak - before[pid] for pid in httpd.children() if pid in before]
    assert max(grown) < 16 << 10
