"""Malformed multipart bodies are answered with 400, whatever is wrong with them, and no child dies."""

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
LogLevel info
"""
PAGE = "/call/form_pages/fields"
FIELD = b'Content-Disposition: form-data; name="a"\r\n\r\n1\r\n'
FILE = b'Content-Disposition: form-data; name="f"; filename="n"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--\r\n'
BODY = b"--b\r\n" + FIELD + b"--b\r\n" + FILE + b"--b--\r\n"

# What breaks a body: each takes a number and some bytes, and there is no such number or text for which it is right.
BREAKS: dict[str, Callable[[int, bytes], bytes]] = {
    "cut": lambda number, _: BODY[: 1 + number % (len(BODY) - len(b"b--\r\n"))],
    "no boundary": lambda _, junk: junk.replace(b"b", b"") or b"x",
    "another boundary": lambda _, junk: BODY.replace(b"--b", b"--c" + junk.replace(b"b", b"")),
    "no last boundary": lambda _, junk: BODY.replace(b"--b--", b"--B--" + junk.replace(b"b", b"")),
    "text behind a boundary": lambda number, junk: at_boundary(number, b"x" + junk.replace(b"\r", b"")),
    "a boundary without a line end": lambda number, _: BODY.replace(
        b"--b\r\n", (b"--b\r", b"--b\n", b"--b")[number % 3]
    ),
    "lines end in LF": lambda *_: BODY.replace(b"\r\n", b"\n"),
    "a line without a colon": lambda _, junk: with_line(b"x" + re.sub(rb"[\r\n:]", b"", junk)),
    "a header without a name": lambda _, junk: with_line(b":" + re.sub(rb"[\r\n]", b"", junk)),
    "a name with a blank": lambda _, junk: with_line(b"a b" + re.sub(rb"[\r\n]", b"", junk) + b": 1"),
    "a control character": lambda number, _: with_line(b"X: " + bytes([(0, 13, 10)[number % 3]]) + b"y"),
    "long headers": lambda number, _: with_line(b"X: " + b"y" * (16384 + number)),
    "many headers": lambda number, _: with_line(b"\r\n".join([b"X: y"] * (3000 + number))),
    "no disposition": lambda *_: BODY.replace(b"Content-Disposition", b"Content-Position"),
    "no name": lambda *_: BODY.replace(b"; name=", b"; surname="),
    "no headers": lambda *_: b"--b\r\n\r\n1\r\n--b--\r\n",
    "an open quote": lambda *_: BODY.replace(b'name="a"', b'name="a'),
    "something behind a quote": lambda _, junk: BODY.replace(b'"a"', b'"a"x' + re.sub(rb'[\r\n";]', b"", junk)),
    "a parameter that is none": lambda number, _: BODY.replace(
        b'="a"', b'="a"; ' + (b"x", b'"x"', b"=x", b"=")[number % 4]
    ),
    "an unknown character set": lambda *_: BODY.replace(b'filename="n"', b"filename*=utf-7''n"),
    "an extended value with a control character": lambda number, _: BODY.replace(
        b'filename="n"', b"filename*=UTF-8''a%%%02Xb" % (*range(9), *range(10, 32), 127)[number % 32]
    ),
    "an extended value that is none": lambda *_: BODY.replace(b'filename="n"', b"filename*=n"),
}


def at_boundary(number: int, text: bytes) -> bytes:
    """The body with a text behind one of its first two boundaries."""
    first, second, rest = BODY.split(b"--b\r\n")[0:3]
    between = (b"--b" + text + b"\r\n", b"--b\r\n") if number % 2 else (b"--b\r\n", b"--b" + text + b"\r\n")
    return first + between[0] + second + between[1] + rest


def with_line(line: bytes) -> bytes:
    """The body with a line before the headers of its first part."""
    return BODY.replace(b"--b\r\n", b"--b\r\n" + line + b"\r\n", 1)


def status(httpd: Httpd, body: bytes, *, chunked: bool = False, kind: str = "multipart/form-data; boundary=b") -> int:
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)] if chunked and len(body) < 4096 else [body]
    return httpd.request("POST", PAGE, pieces if chunked else body, {"Content-Type": kind}).status


def test_the_body_is_right_as_long_as_nothing_breaks_it(httpd: Httpd) -> None:
    assert status(httpd, BODY) == status(httpd, BODY, chunked=True) == 200


@pytest.mark.parametrize("name", BREAKS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(number=st.integers(0, 300), junk=st.binary(max_size=20), chunked=st.booleans())
def test_what_is_malformed_is_400(httpd: Httpd, name: str, number: int, junk: bytes, chunked: bool) -> None:
    assert status(httpd, BREAKS[name](number, junk), chunked=chunked) == 400
    httpd.wait_for_log(r"\[python:info\].*the form is malformed: \w")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(
    at=st.integers(0, len(BODY)),
    cut=st.integers(0, 8),
    junk=st.binary(max_size=8) | st.sampled_from([b"\r\n--b", b"--b--"]),
)
def test_a_changed_body_is_never_an_error_of_the_server(httpd: Httpd, at: int, cut: int, junk: bytes) -> None:
    assert status(httpd, BODY[:at] + junk + BODY[at + cut :]) in (200, 400)


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "multipart/form-data",
            "multipart/form-data; boundary=",
            'multipart/form-data; boundary="b',
            "multipart/x; y",
        ),
        *(
            "multipart/form-data; boundary=" + "b" * 71,
            "multipart/form-data; boundary=b\xff",
            'multipart/x; boundary="b "',
        ),
    ],
)
def test_a_type_without_a_boundary_is_400(httpd: Httpd, kind: str) -> None:
    assert status(httpd, BODY, kind=kind) == 400


def test_a_client_that_goes_away_is_no_error(httpd: Httpd) -> None:
    head = f"POST {PAGE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    answer = httpd.raw(f"{head}Content-Length: 1000\r\n\r\n".encode() + BODY[:-5], half_close=True)
    assert answer[:12] in (b"", b"HTTP/1.1 400"), answer
    answer = httpd.raw(f"{head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n".encode(), half_close=True)
    assert answer[:12] == b"HTTP/1.1 400"


def test_no_child_has_died(httpd: Httpd) -> None:
    assert "exit signal" not in httpd.error_text(0)
    assert status(httpd, BODY) == 200
