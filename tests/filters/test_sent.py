"""Whether the headers of a response went out: filters of all kinds around all sources, mod_proxy's not least."""

import os
import re

import pytest

import http1
from httpd import Httpd
from versions import ask

MPMS = ("event", "prefork")
MODULES = ["proxy_http2"]
KINDS = ["resource", "content_set", "protocol", "transcode"]
BEFORE = KINDS[:2]
ADDS = ["tail", "whole", "unread", "plain"]
REFUSES = ["raises", "plain_raises", "denies", "plain_denies"]
SOURCES = ["file", "cgi", "handler", "proxy", "proxy2"]
FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
NEXT = http1.get("/next", "Connection: close")
CGI = """#!/bin/sh
status=${PATH_INFO#/}
printf 'Status: %s\\nContent-Type: text/plain\\n\\n' "$status"
[ "$status" = 200 ] || [ "$QUERY_STRING" = body ] || exit 0
printf body
"""


def _filtered(name: str) -> str:
    return f"""
    PythonOutputFilter sent_headers::{name.partition("-")[0]} {name} kind={name.partition("-")[2]}
    <Location "/{name}">
        SetOutputFilter {name}
    </Location>
    <Location "/{name}/handler">
        SetHandler mod_python
        PythonHandler sent_headers::answer
    </Location>
    Alias "/{name}/file/200" "${{HTDOCS}}/a.txt"
    ScriptAlias "/{name}/cgi" "${{CGI_BIN}}/answer"
    ProxyPass "/{name}/proxy" "http://127.0.0.1:${{BACKEND_PORT}}"
    ProxyPass "/{name}/proxy2" "h2c://127.0.0.1:${{BACKEND_PORT}}"
    <Location "/debug/{name}">
        PythonDebug On
        SetOutputFilter {name}
    </Location>
    <Location "/debug/{name}/handler">
        SetHandler mod_python
        PythonHandler sent_headers::answer
    </Location>
    ProxyPass "/debug/{name}/proxy" "http://127.0.0.1:${{BACKEND_PORT}}"
    """


CONF = (
    """
    <Location "/next">
        SetHandler mod_python
        PythonHandler sent_headers::next_
    </Location>
    <Location "/pages">
        Options +Includes
        SetOutputFilter INCLUDES
    </Location>
    Listen 127.0.0.1:${BACKEND_PORT}
    <VirtualHost *:${BACKEND_PORT}>
        Protocols h2c http/1.1
        SetHandler mod_python
        PythonHandler sent_headers::answer
    </VirtualHost>
    """
    # The longer names first: ProxyPass takes the first that fits.
    + "".join(_filtered(f"{name}-{kind}") for name in [*ADDS, *REFUSES] for kind in KINDS)
).replace("/proxy2", "/2proxy")


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    httpd.write("a.txt", "body")
    os.utime(httpd.htdocs / "a.txt", (1_000_000_000, 1_000_000_000))
    httpd.cgi("answer", CGI)


def has(httpd: Httpd, source: str, status: int = 200) -> bool:
    """Whether there is such an answer."""
    return (source, status) not in (("file", 204), ("file", 205)) and (source, httpd.mpm) != ("proxy2", "prefork")


def path(name: str, source: str, status: int) -> str:
    """Return where it is."""
    if source == "file":
        status = 200
    return f"/{name}/{source.replace('proxy2', '2proxy')}/{status}"


def head_of(name: str, source: str, status: int, query: str = "") -> bytes:
    """Return a request that is answered so."""
    conditions = ["If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT"] if (source, status) == ("file", 304) else []
    return http1.get(path(name, source, status) + query, *conditions)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ADDS)
def test_a_response_without_a_body_gets_no_byte_from_a_filter(httpd: Httpd, name: str, source: str) -> None:
    for kind in KINDS:
        for status in (204, 205, 304):
            if not has(httpd, source, status):
                continue
            for query in ("", "?body", "?flush"):
                answer = httpd.raw(head_of(f"{name}-{kind}", source, status, query) + NEXT)
                first, _, rest = answer.partition(b"\r\n\r\n")
                assert first.startswith(b"HTTP/1.1 %d" % status), (kind, status, query)
                if b"Transfer-Encoding: chunked" in first:
                    assert status == 205
                    empty, _, rest = rest.partition(b"0\r\n\r\n")
                    assert empty == b"", (kind, status, query)
                (behind,) = http1.responses(rest)
                assert behind.body == b"next", (kind, status, query)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ADDS)
def test_the_answer_to_head_gets_no_byte_from_a_filter(httpd: Httpd, name: str, source: str) -> None:
    for kind in KINDS:
        for status in (200, 204, 205, 304):
            if not has(httpd, source, status):
                continue
            request = head_of(f"{name}-{kind}", source, status).replace(b"GET", b"HEAD", 1)
            first, _, rest = httpd.raw(request + NEXT).partition(b"\r\n\r\n")
            assert first.startswith(b"HTTP/1.1 %d" % status), kind
            (behind,) = http1.responses(rest)
            assert behind.body == b"next", (kind, status)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ADDS)
def test_a_body_is_filtered_behind_its_headers(httpd: Httpd, name: str, source: str) -> None:
    if not has(httpd, source):
        return
    expected = FORGED + b"body" if name == "unread" else b"body" + FORGED
    for kind in KINDS:
        first, second = http1.responses(httpd.raw(head_of(f"{name}-{kind}", source, 200) + NEXT))
        assert (first.status, first.body, second.body) == (200, expected, b"next"), kind


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ADDS)
def test_http2_says_the_same(httpd: Httpd, name: str, source: str) -> None:
    if not has(httpd, source) or httpd.mpm == "prefork":
        return
    expected = FORGED + b"body" if name == "unread" else b"body" + FORGED
    for kind in KINDS:
        answer = ask(httpd, "2", path(f"{name}-{kind}", source, 200))
        assert (answer.status, answer.body, answer.code) == (200, expected, 0), kind
        for status in (200, 204, 205):
            if has(httpd, source, status):
                where = path(f"{name}-{kind}", source, status)
                answer = ask(httpd, "2", where, "--head")
                assert (answer.status, answer.body, answer.code) == (status, b"", 0), (kind, status)
            if has(httpd, source, status) and status != 200:
                answer = ask(httpd, "2", where + "?body")
                assert (answer.status, answer.body, answer.code) == (status, b"", 0), (kind, status)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", REFUSES)
def test_a_response_is_refused_before_its_headers(httpd: Httpd, name: str, source: str) -> None:
    if not has(httpd, source):
        return
    status = 403 if "denies" in name else 500
    for kind in BEFORE:
        if status == 500:
            httpd.expect(f"filter {name}-{kind} .* failed.*KeyError: 'before'")
        answer = httpd.raw(http1.get(path(f"{name}-{kind}", source, 200)) + NEXT)
        first, *rest = http1.responses(answer)
        assert first.status == status, kind
        assert b"body" not in first.body.replace(b"<body>", b"").replace(b"</body>", b"")
        # 500 closes the connection, and so do the bytes that mod_proxy_http2 may write behind it.
        closes = status == 500 or (source == "proxy2" and not rest)
        assert [second.body for second in rest] == ([] if closes else [b"next"])
        if httpd.mpm != "prefork":
            if status == 500:
                httpd.expect(f"filter {name}-{kind} .* failed.*KeyError: 'before'")
            assert ask(httpd, "2", path(f"{name}-{kind}", source, 200)).status == status


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", REFUSES)
def test_behind_its_headers_a_response_is_cut(httpd: Httpd, name: str, source: str) -> None:
    if not has(httpd, source):
        return
    for kind in KINDS[2:]:
        line = "403 after a part of the response was sent: it is cut" if "denies" in name else "KeyError: 'before'"
        httpd.expect(f"filter {name}-{kind} .*{line}")
        answer = httpd.raw(http1.get(path(f"{name}-{kind}", source, 200)) + NEXT)
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert rest == b""


@pytest.mark.parametrize("source", ["handler", "proxy"])
@pytest.mark.parametrize("name", ["raises", "plain_raises"])
def test_the_debug_page_takes_the_place_of_a_proxied_response(httpd: Httpd, name: str, source: str) -> None:
    for kind in BEFORE:
        httpd.expect("KeyError: 'before'")
        (only,) = http1.responses(httpd.raw(http1.get(f"/debug{path(f'{name}-{kind}', source, 200)}") + NEXT))
        assert only.status == 500
        assert re.search("KeyError: .*before", only.text)


@pytest.mark.parametrize("source", ["handler", "proxy"])
@pytest.mark.parametrize("kind", BEFORE)
def test_a_fragment_that_fails_does_not_cut_the_page_around_it(httpd: Httpd, source: str, kind: str) -> None:
    httpd.expect("KeyError: 'before'")
    httpd.allow("unable to include")
    include = path(f"raises-{kind}", source, 200)
    page = f"{source}-{kind}.html"
    httpd.write(f"pages/{page}", f"{'begin ' * 2000}<!--#include virtual='{include}' -->end")
    first, second = http1.responses(httpd.raw(http1.get(f"/pages/{page}") + NEXT))
    assert first.text.startswith("begin")
    assert first.text.endswith("end")
    assert second.body == b"next"
