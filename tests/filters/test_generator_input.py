"""Streaming input filters: what they read and yield, whoever reads behind them, and how they end."""

import http.client
from collections import Counter
from collections.abc import Iterator

import pytest

from http1 import get, post, responses
from httpd import Httpd

BODY = b"a secret is no secretsecret, sec\nret: se\0cret\n\nends in secre"
TAIL = b"<!-- tail -->"
EXPECTED = {
    "identity": BODY,
    "upper": BODY.upper(),
    "tail": BODY + TAIL,
    "lines": b"".join(b"[" + line + b"]" for line in BODY.splitlines(keepends=True)),
    "by_threes": BODY,
    "peek": b"(a sec)" + BODY,
    "whole": BODY.upper(),
    "first_then_rest": BODY,
    "hide": BODY.replace(b"secret", b"..."),
    "every_second": BODY[::2],
    "empty": b"",
    "returns": BODY,
    "passes_on_after_read": BODY,
    "passes_on_after_body": BODY,
    "passes_on_after_yield": b"A S" + BODY[3:],
    "early": BODY[:3],
}
FAIL = {
    "fails_at_once": "ValueError: at once",
    "fails_after_read": "ValueError: after a read",
    "yields_text": "TypeError: a filter yields bytes, not str",
}
OTHERS = ["doubled", "limited", "passes_on_too_late", "fails_after_yield", "watched", "about"]
FOR_BOTH_WAYS = {
    "streaming_filters": "identity upper tail lines by_threes peek whole first_then_rest hide empty".split(),
    "streaming_ends": "returns passes_on_after_body passes_on_after_read fails_at_once fails_after_read"
    " yields_text".split(),
}
HOMES = {name: module for module, names in FOR_BOTH_WAYS.items() for name in names}
CONF = (
    "LogLevel python:info\n"
    + "".join(
        f"""
        PythonInputFilter {HOMES.get(name, "streaming_input")}::{name} {name}
        PythonInputFilter {HOMES.get(name, "streaming_input")}::{name} {name}_or_pass on_error=pass held=10
        <Location "/{name}">
            SetInputFilter {name}
        </Location>
        <Location "/or_pass/{name}">
            SetInputFilter {name}_or_pass
        </Location>
        """
        for name in [*EXPECTED, *FAIL, *OTHERS]
    )
    + """
    <LocationMatch "^/(or_pass/)?[a-z_]+$">
        SetHandler mod_python
        PythonHandler response_sources::echo
    </LocationMatch>
    <LocationMatch "/length$">
        SetHandler mod_python
        PythonHandler response_sources::length
    </LocationMatch>
    <LocationMatch "/unread$">
        SetHandler mod_python
        PythonHandler response_sources::unread
    </LocationMatch>
    ScriptAliasMatch "/cgi$" "${CGI_BIN}/cat"
    ProxyPass "/upper/proxied" "http://127.0.0.1:${PORT}/identity"
    """
)


def cut_everywhere(body: bytes) -> Iterator[list[bytes]]:
    """The chunks of a body: two, at each place; many, of each few bytes."""
    for place in range(1, len(body)):
        yield [body[:place], body[place:]]
    for step in (1, 2, 3, 5):
        yield [body[start : start + step] for start in range(0, len(body), step)]


@pytest.mark.parametrize("way", ["read", "read=1", "read=7", "line", "line=5"])
@pytest.mark.parametrize("name", EXPECTED)
def test_i1_i2_the_cut_law(httpd: Httpd, name: str, way: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=30)
    bodies = list(cut_everywhere(BODY))
    for chunks in bodies if way == "read" else bodies[::5]:
        connection.request("POST", f"/{name}?{way}", iter(chunks))
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, EXPECTED[name]), chunks
    connection.request("POST", f"/{name}?{way}", BODY)
    assert connection.getresponse().read() == EXPECTED[name]
    connection.close()


def test_i3_scripts_and_proxies_read_the_changed_body(httpd: Httpd) -> None:
    httpd.cgi("cat", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s ' \"$CONTENT_LENGTH\"; cat\n")
    for body in (BODY, [BODY[:9], BODY[9:]]):
        # A script's body is kept until its length is known.
        told = httpd.request("POST", "/tail/cgi", body).body
        assert told in (b" " + BODY + TAIL, b"%d " % len(BODY + TAIL) + BODY + TAIL)
        assert httpd.request("POST", "/upper/proxied", body).body == BODY.upper()


@pytest.mark.parametrize("name", ["identity", "doubled", "every_second", "tail"])
def test_i10_nobody_is_told_a_length_that_is_wrong(httpd: Httpd, name: str) -> None:
    length = {"identity": 6, "doubled": 12, "every_second": 3, "tail": 6 + len(TAIL)}[name]
    assert httpd.request("POST", f"/{name}/length", b"123456").text == f"{length} None"


@pytest.mark.parametrize("name", ["identity", "doubled", "early", "whole", "returns"])
def test_i8_i12_what_nobody_reads_is_no_request(httpd: Httpd, name: str) -> None:
    httpd.write("last.txt", b"last")
    smuggled = get("/never") * 100
    posts = post(f"/{name}/unread", smuggled) + post(f"/{name}/length", smuggled)
    answers = responses(httpd.raw(posts + get("/last.txt"), half_close=True))
    assert [answer.status for answer in answers] == [200] * 3
    assert (answers[0].body, answers[2].body) == (b"unread", b"last")
    assert not [line for line in httpd.requests() if "/never" in line]


def test_i9_a_body_is_not_asked_for_before_it_is_read(httpd: Httpd) -> None:
    head = b"POST /identity%s HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    assert httpd.raw(head % b"/unread").startswith(b"HTTP/1.1 200 OK")
    with httpd.connect() as connection:
        connection.sendall(head % b"")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        answer = b""
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            answer += connection.recv(1000)
        assert answer.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")


@pytest.mark.parametrize("name", FAIL)
def test_i13_failing_before_the_first_yield_is_an_error_page(httpd: Httpd, name: str) -> None:
    httpd.expect(FAIL[name])
    httpd.allow(f"filter {name}")
    assert httpd.request("POST", f"/{name}", BODY).status == 500
    assert httpd.request("POST", f"/or_pass/{name}", BODY).body == BODY


def test_i13_failing_after_a_yield_is_no_whole_body(httpd: Httpd) -> None:
    httpd.expect("ValueError: after a yield")
    httpd.allow("filter fails_after_yield")
    assert httpd.request("POST", "/fails_after_yield", BODY).status == 500


def test_a_body_above_a_limit_is_refused(httpd: Httpd) -> None:
    assert httpd.request("POST", "/limited", b"0123456789").body == b"0123456789"
    for body in (b"0123456789+", [b"01234", b"56789", b"+"]):
        assert httpd.request("POST", "/limited", body).status == 413


def test_stepping_out_past_held_is_told(httpd: Httpd) -> None:
    assert httpd.request("POST", "/or_pass/passes_on_too_late", BODY).body == b"FilterLimit"


def test_a_body_that_ends_too_early(httpd: Httpd) -> None:
    httpd.expect("closed: /watched")
    with httpd.connect() as connection:
        connection.sendall(b"POST /watched HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        connection.shutdown(1)
        assert connection.recv(1000)[:12] in (b"", b"HTTP/1.1 400")


def test_large_pieces(httpd: Httpd) -> None:
    body = bytes(range(256)) * 4096
    answer = httpd.request("POST", "/doubled", body).body
    assert Counter(answer) == Counter(body + body)


def test_http2(httpd: Httpd) -> None:
    answer = httpd.curl("--http2", "--data-binary", "one\ntwo", httpd.url("/lines", tls=True))
    assert answer.stdout == b"[one\n][two]"


def test_what_a_filter_knows(httpd: Httpd) -> None:
    expected = ("about", 1, "/about", "127.0.0.1", 3)
    assert httpd.request("POST", "/about", b"abc").text == repr(expected)
