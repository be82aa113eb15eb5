"""`encoding=decode`: input filters of gzip bodies, and what the readers behind them see."""

import gzip
import zlib
from collections.abc import Iterator

import pytest

from coded_pages import MOD_DEFLATE
from httpd import Httpd

MPMS = ("event", "prefork")
SECTIONS = {
    "plain": "SetInputFilter PLAIN",
    "stream": "SetInputFilter STREAM",
    "same": "SetInputFilter SAME",
    "one": "SetInputFilter ONE",
    "set": "SetInputFilter SET",
    "out": "SetInputFilter OUT",
    "two": "SetInputFilter PLAIN;STREAM",
    "other": "SetInputFilter SAME_UNDECODED;PLAIN",
    "below": "SetInputFilter PLAIN;SAME_UNDECODED",
    "html": "SetInputFilter HTML",
    "twice": "SetInputFilter PLAIN;DEFLATE",
    "limited": "SetInputFilter LIMITED\nDeflateInflateRatioLimit 2000",
    "wide": "SetInputFilter PLAIN\nDeflateInflateRatioLimit 2000",
    "body": "SetInputFilter PLAIN\nDeflateInflateLimitRequestBody 1000",
}
CONF = """
PythonInputFilter input_filters::upper PLAIN encoding=decode
PythonInputFilter coded_sources::same STREAM encoding=decode
PythonInputFilter input_filters::unchanged SAME encoding=decode change=no
PythonInputFilter input_filters::upper ONE encoding=decode change=1:1
PythonInputFilter input_filters::upper SET encoding=decode kind=content_set
PythonInputFilter input_filters::disable_at_once OUT encoding=decode
PythonInputFilter input_filters::upper HTML encoding=decode types=text/html
PythonInputFilter input_filters::upper LIMITED encoding=decode decoded=100K
PythonInputFilter input_filters::unchanged SAME_UNDECODED
<LocationMatch "^/(in|redirected|proxied)/">
    SetHandler mod_python
    PythonHandler coded_sources::reader
</LocationMatch>
<LocationMatch "^/in/[a-z]+/redirects">
    PythonHandler coded_sources::redirects
</LocationMatch>
<Location "/redirected">
    SetInputFilter PLAIN
</Location>
<LocationMatch "^/cgi-bin/">
    SetInputFilter PLAIN
</LocationMatch>
<Location "/acted">
    Action counted /cgi-bin/counts virtual
    SetHandler counted
    SetInputFilter PLAIN
</Location>
<Location "/through">
    ProxyPass http://127.0.0.1:${PORT}/proxied
    SetInputFilter PLAIN
</Location>
""" + "".join(f'<Location "/in/{name}">\n{lines}\n</Location>\n' for name, lines in SECTIONS.items())
CODED = {"Content-Encoding": "gzip"}
TEXT = b"<p>" + b"".join(b"%d page, " % number for number in range(2000)) + b"</p>"
BODY = gzip.compress(TEXT, mtime=0)
UPPER = TEXT.upper()
SEEN = "{'Content-Encoding': None, 'Content-Length': None, 'Transfer-Encoding': 'chunked', 'Content-MD5': None} None "


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    """A body in pieces, which go as chunks."""
    return (body[at : at + size] for at in range(0, len(body), size))


def seen(text: bytes) -> str:
    """What the handler answers that has read this body."""
    return f"{SEEN}{len(text)} {text[:20]!r}"


@pytest.mark.parametrize("name", ["plain", "one", "set", "two", "other", "below", "twice"])
def test_a_body_is_decoded(httpd: Httpd, name: str) -> None:
    headers = CODED | {"Content-MD5": "of the coded body"}
    assert httpd.request("POST", f"/in/{name}", BODY, headers).text == seen(UPPER)
    assert httpd.request("POST", f"/in/{name}", pieces(BODY, 7), headers).text == seen(UPPER)
    # A body that is not coded.
    assert httpd.request("POST", f"/in/{name}", b"abc").text.endswith(" 3 b'ABC'")


@pytest.mark.parametrize("name", ["stream", "same", "out"])
def test_a_body_is_decoded_for_who_changes_nothing(httpd: Httpd, name: str) -> None:
    assert httpd.request("POST", f"/in/{name}", BODY, CODED).text == seen(TEXT)


@pytest.mark.parametrize("coding", ["x-gzip", "GZIP", "identity, gzip"])
def test_ways_to_say_gzip(httpd: Httpd, coding: str) -> None:
    assert httpd.request("POST", "/in/plain", BODY, {"Content-Encoding": coding}).text == seen(UPPER)


@pytest.mark.parametrize("name", ["plain", "stream"])
def test_on_http2(httpd: Httpd, name: str) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("mod_http2 is not for prefork")
    body = httpd.write("body", BODY)
    arguments = ("--http2", "-H", "Content-Encoding: gzip", "--data-binary", f"@{body}")
    answer = httpd.curl(*arguments, httpd.url(f"/in/{name}", tls=True))
    assert answer.stdout.decode().endswith(f" {len(TEXT)} {(UPPER if name == 'plain' else TEXT)[:20]!r}")


def test_an_empty_body(httpd: Httpd) -> None:
    bodies: list[bytes | Iterator[bytes]] = [b"", pieces(b"", 1), gzip.compress(b"")]
    for body in bodies:
        assert httpd.request("POST", "/in/plain", body, CODED).text == seen(b"")
    assert httpd.get("/in/plain", CODED).text.endswith(" None 0 b''")


@pytest.mark.parametrize("coding", ["deflate", "br", "gzip, br"])
def test_other_codings_pass_by(httpd: Httpd, coding: str) -> None:
    httpd.allow("filter STREAM steps aside: .*mod_deflate does not decode")
    answer = httpd.request("POST", "/in/stream", b"not gzip", {"Content-Encoding": coding})
    length = "'Content-Length': '8'"
    assert f"'Content-Encoding': '{coding}', {length}" in answer.text
    assert answer.text.endswith(f" {coding} 8 b'not gzip'")


def test_another_type_passes_by(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/in/html", BODY, CODED | {"Content-Type": "text/css"})
    assert answer.text.endswith(f" gzip {len(BODY)} {BODY[:20]!r}")


def test_readers_that_need_a_length(httpd: Httpd) -> None:
    script = '#!/bin/sh\necho "Content-Type: text/plain"\necho\necho "$CONTENT_LENGTH $HTTP_CONTENT_ENCODING"\ncat\n'
    httpd.cgi("counts", script)
    # An Action hands the body over, which was kept as the client has sent it.
    for path in ("/cgi-bin/counts", "/acted"):
        for body in (BODY, pieces(BODY, 100)):
            answer = httpd.request("POST", path, body, CODED)
            assert answer.body == b"%d \n" % len(TEXT) + UPPER


def test_a_server_behind_a_proxy_gets_it_decoded(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/through/x", BODY, CODED)
    assert (f"None {len(TEXT)} {UPPER[:20]!r}") in answer.text
    assert "'Content-Encoding': None" in answer.text


def test_a_redirected_request_has_its_coding_again(httpd: Httpd) -> None:
    for body in (BODY, pieces(BODY, 1000)):
        answer = httpd.request("POST", "/in/plain/redirects", body, CODED)
        assert answer.text.split("} ")[1] == f"None {len(TEXT)} {UPPER[:20]!r}"


BROKEN = {
    "cut": BODY[:-1],
    "early": BODY[:5],
    "crc": BODY[:-8] + bytes(8),
    "garbage": BODY + b"garbage",
    "members": BODY + BODY,
    "plain": TEXT,
}


@pytest.mark.parametrize("name", ["plain", "stream"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_body_is_an_error(httpd: Httpd, name: str, how: str) -> None:
    httpd.expect(MOD_DEFLATE)
    httpd.allow("PythonHandler coded_sources", "a filter|Traceback|OSError|coded_sources|reader")
    assert httpd.request("POST", f"/in/{name}", BROKEN[how], CODED).status >= 400


@pytest.mark.parametrize(("name", "reason"), {"plain": "DeflateInflateRatioLimit", "limited": "decoded="}.items())
def test_a_bomb_is_answered_with_413(httpd: Httpd, name: str, reason: str) -> None:
    httpd.expect(f"decoded for filter {name.upper()} .*, and refused: .*{reason}")
    httpd.allow(MOD_DEFLATE, "PythonHandler coded_sources")
    assert httpd.request("POST", f"/in/{name}", gzip.compress(bytes(10 << 20)), CODED).status == 413
    assert httpd.request("POST", f"/in/{name}", BODY, CODED).text == seen(UPPER)


def test_the_limits_of_httpd_hold_for_what_comes_out(httpd: Httpd) -> None:
    httpd.expect("AH02648")
    httpd.allow("PythonHandler coded_sources")
    assert httpd.request("POST", "/in/body", BODY, CODED).status == 413


def test_a_large_body_needs_little_memory(httpd: Httpd) -> None:
    coded = gzip.compress(bytes(200 << 20))
    httpd.request("POST", "/in/wide/sink", gzip.compress(bytes(9)), CODED)
    before = {pid: httpd.memory(pid).peak for pid in httpd.children()}
    answer = httpd.request("POST", "/in/wide/sink", coded, CODED)
    assert answer.text == str(200 << 20)
    grown = [httpd.memory(pid).peak - before[pid] for pid in httpd.children() if pid in before]
    assert max(grown) < 24 << 10


def test_the_client_is_asked_for_the_body_when_it_is_read(httpd: Httpd) -> None:
    head = (
        b"POST /in/plain/refuses HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n"
        b"Expect: 100-continue\r\n\r\n"
    )
    assert httpd.raw(head, timeout=5).startswith(b"HTTP/1.1 403")


def test_what_a_slow_client_has_sent_is_there_at_once(httpd: Httpd) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packer.compress(b"first ") + packer.flush(zlib.Z_SYNC_FLUSH)
    second = packer.compress(b"second") + packer.flush()
    head = b"POST /in/plain/echoes HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    with httpd.connect(timeout=5) as connection:
        connection.sendall(head + b"%x\r\n%s\r\n" % (len(first), first))
        answer = b""
        while b"FIRST" not in answer:
            answer += connection.recv(1000)
        assert b"SECOND" not in answer
        connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(second), second))
        while b"SECOND" not in answer:
            answer += connection.recv(1000)
