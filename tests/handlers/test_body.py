"""req.read(), readline(), readlines(): bodies of every framing, in every mixture."""

import json

import pytest

import http1
from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler body_readers::reads
PythonInputFilter input_filters::double double
PythonInputFilter input_filters::half half
<Location /digest>
    PythonHandler body_readers::digest
</Location>
<Location /errors>
    PythonHandler body_readers::errors
</Location>
<Location /double>
    SetInputFilter double
</Location>
<Location /half>
    SetInputFilter half
</Location>
"""
TEXT = b"one\ntwo\n\nfour"


def read(httpd: Httpd, how: str, body: bytes | list[bytes] = TEXT, path: str = "/") -> list[object]:
    """Return what a handler reads."""
    result = json.loads(httpd.request("POST", f"{path}?{how}", body).text)
    assert isinstance(result, list)
    return result


FRAMINGS: list[bytes | list[bytes]] = [TEXT, [TEXT], [TEXT[at : at + 1] for at in range(len(TEXT))]]


@pytest.mark.parametrize("body", FRAMINGS, ids=["length", "chunk", "chunks"])
def test_w41_w45_any_framing_and_any_mixture(httpd: Httpd, body: bytes | list[bytes]) -> None:
    text, lines = TEXT.decode(), TEXT.decode().splitlines(keepends=True)
    assert read(httpd, "r", body) == [text]
    assert read(httpd, "r,r,l,L", body) == [text, "", "", []]
    assert read(httpd, "r5,r2,r0,r100,r", body) == ["one\nt", "wo", "", "\n\nfour", ""]
    assert read(httpd, "l,l,l,l,l", body) == [*lines, ""]
    assert read(httpd, "L", body) == [lines]
    # What readline left is there for read, however much that asks for.
    assert read(httpd, "l,r2,l,r1000", body) == ["one\n", "tw", "o\n", "\nfour"]
    assert read(httpd, "l2,l2,l100,r1,L", body) == ["on", "e\n", "two\n", "\n", ["four"]]
    assert read(httpd, "r1,L", body) == ["o", ["ne\n", *lines[1:]]]


def test_w46_a_hint_ends_readlines_after_the_line_that_reaches_it(httpd: Httpd) -> None:
    assert read(httpd, "L1,L5,L") == [["one\n"], ["two\n", "\n"], ["four"]]
    assert read(httpd, "L4,L100") == [["one\n"], ["two\n", "\n", "four"]]


def test_w41_no_body_at_all(httpd: Httpd) -> None:
    empty_bodies: tuple[bytes, list[bytes]] = (b"", [])
    for body in empty_bodies:
        assert read(httpd, "r,r7,l,L", body) == ["", "", "", []]
    assert json.loads(httpd.get("/?r,l").text) == ["", ""]


def test_w41_http2(httpd: Httpd) -> None:
    file = httpd.folder / "state/upload"
    file.write_bytes(TEXT * 1000)
    for length in ([], ["-H", "Content-Length:"], ["-H", "Transfer-Encoding: chunked", "-H", "Content-Length:"]):
        done = httpd.curl("--http2", *length, "--data-binary", f"@{file}", httpd.url("/?r3,l,r", tls=True))
        assert json.loads(done.stdout) == ["one", "\n", (TEXT * 1000).decode()[4:]]


def test_w44_lines_of_a_long_body_take_little_memory(httpd: Httpd) -> None:
    (child,) = httpd.children()
    body = b"x" * 100 + b"\n"
    whole = body * (32 << 20 >> 6)
    read(httpd, "l,d", whole[:1000000])
    before = httpd.memory(child).peak
    assert read(httpd, "l,l,d", whole) == [body.decode(), body.decode(), 0]
    assert httpd.memory(child).peak - before < 8 << 10


def test_w44_a_limit_bounds_a_line(httpd: Httpd) -> None:
    assert read(httpd, "l10,l10,l10", b"x" * 15 + b"\nyy") == ["x" * 10, "x" * 5 + "\n", "yy"]


def test_a_line_of_many_megabytes(httpd: Httpd) -> None:
    line = "x" * (5 << 20)
    assert read(httpd, "l,l", f"{line}\nend".encode()) == [f"{line}\n", "end"]


def test_w47_errors_are_sticky(httpd: Httpd) -> None:
    request = http1.post("/errors", b"x" * 10)[:-5]
    said = http1.responses(httpd.raw(request, half_close=True))[0].text.split("\n")
    assert len(said) == 3
    assert set(said) == {said[0]}
    assert said[0].startswith("OSError: the request's body could not be read: ")


def test_w49_all_that_a_filter_makes_of_a_body(httpd: Httpd) -> None:
    assert read(httpd, "r", b"abc", "/double") == ["abcabc"]
    assert read(httpd, "r100,r", b"abcd", "/half") == ["ac", ""]


def test_reading_after_a_discard(httpd: Httpd) -> None:
    assert read(httpd, "r3,d,r,l") == ["one", 0, "", ""]
