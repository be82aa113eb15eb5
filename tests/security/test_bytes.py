"""Bytes that are no text, from clients: an answer each time, nothing lost, and the child lives."""

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
SetHandler mod_python
PythonHandler raw_bytes
<Location /raising>
    PythonHandler raw_bytes::raising
</Location>
<Location /page>
    PythonHandler raw_bytes::raising
    PythonDebug On
</Location>
"""

VALUES = {
    "latin-1": b"caf\xe9",
    "utf-8": "café €".encode(),
    "cut utf-8": b"\xe2\x82",
    "surrogate in utf-8": b"\xed\xb3\xa9",
    "overlong": b"\xc0\xaf",
    "all": bytes(range(0x80, 0x100)),
    "7 KB": b"\xff\xe9x" * 2389,
}


def ask(httpd: Httpd, target: bytes, header: bytes = b"") -> tuple[bytes, bytes]:
    """Head and body of the answer."""
    request = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Sent: " + header + b"\r\n\r\n"
    head, _, body = httpd.raw(request).partition(b"\r\n\r\n")
    return head + b"\r\n", body


@pytest.mark.parametrize("name", VALUES)
def test_w96_a_header_comes_back_as_it_was(httpd: Httpd, name: str) -> None:
    head, body = ask(httpd, b"/header", VALUES[name])
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nX-Echo: " + VALUES[name] + b"\r\n" in head
    assert body.endswith(b"note=/header")


@pytest.mark.parametrize("name", VALUES)
def test_w97_an_escaped_path_comes_back_unescaped(httpd: Httpd, name: str) -> None:
    raw = VALUES[name][:150]
    escaped = b"".join(b"%%%02x" % byte for byte in raw)
    head, body = ask(httpd, b"/path/" + escaped + b"?" + escaped)
    assert head.startswith(b"HTTP/1.1 200 ")
    lines = dict(line.split(b"=", 1) for line in body.splitlines())
    assert lines[b"uri"] == b"/path/" + raw
    assert lines[b"unparsed_uri"] == b"/path/" + escaped + b"?" + escaped
    assert lines[b"args"] == escaped
    assert lines[b"path_info"] + lines[b"filename"] == b"/" + raw + f"{httpd.htdocs}/path".encode()
    assert lines[b"note"] == b"/path/" + raw


@pytest.mark.parametrize("name", ["latin-1", "utf-8", "all"])
def test_w97_raw_bytes_in_path_and_query_get_an_answer(httpd: Httpd, name: str) -> None:
    raw = VALUES[name].replace(b" ", b"")
    head, body = ask(httpd, b"/raw/" + raw + b"?" + raw)
    status = head.split(b" ")[1]
    if status == b"200":
        assert b"args=" + raw + b"\n" in body
    else:
        assert status == b"400"


@pytest.mark.parametrize("target", [b"/%00", b"/a%00b", b"/\0", b"/?a%00b", b"/?\0", b"/%", b"/%zz"])
def test_nul_and_broken_escapes_get_an_answer(httpd: Httpd, target: bytes) -> None:
    httpd.allow("AH00026", "AH10244")
    status = ask(httpd, target)[0].split(b" ")[1]
    assert status in (b"200", b"400", b"404")


@pytest.mark.parametrize("header", [b"a\0b", b"\0", b"a\rb", b"a\x7fb\x01"])
def test_bytes_that_no_header_may_have_get_an_answer(httpd: Httpd, header: bytes) -> None:
    status = ask(httpd, b"/header", header)[0].split(b" ")[1]
    assert status in (b"200", b"400")


def test_long_headers_get_an_answer(httpd: Httpd) -> None:
    httpd.allow("AH00561")
    head, _ = ask(httpd, b"/header", b"x" * 7168)
    assert b"\r\nX-Echo: " + b"x" * 7168 + b"\r\n" in head
    assert ask(httpd, b"/header", b"x" * 9000)[0].startswith(b"HTTP/1.1 400 ")


def test_they_are_seen_in_the_log(httpd: Httpd) -> None:
    httpd.expect(r"\] log /a\\xe9 b\\xff$", r"\] printed /a\\xe9$")
    ask(httpd, b"/a%e9", b"b\xff")


def test_exceptions_about_them_are_logged(httpd: Httpd) -> None:
    httpd.expect(r"ValueError: cannot stand b\\xe9$")
    httpd.allow("raw_bytes::raising")
    assert ask(httpd, b"/raising?b\xe9")[0].startswith(b"HTTP/1.1 500 ")


def test_exceptions_about_them_are_shown(httpd: Httpd) -> None:
    httpd.expect(r"ValueError: cannot stand b\\xe9$")
    httpd.allow("raw_bytes::raising")
    head, body = ask(httpd, b"/page?b\xe9")
    assert head.startswith(b"HTTP/1.1 500 ")
    assert "ValueError: cannot stand b�\n".encode() in body
