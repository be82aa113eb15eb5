"""Input filters answer a reader in the mode, the size and the patience that it asks for."""

import re
from dataclasses import dataclass

import pytest

import http1
import probes
from httpd import Httpd

FILTERS = (
    *("unchanged", "upper", "half", "double", "tail", "brackets", "one_read", "by_lines", "absorb", "asks"),
    *("close_at_once", "close_after_one", "close_after_line", "disable_at_once", "disable_after_one", "pass_on"),
    *("reads_nothing", "greedy", "bomb"),
)
CONF = (
    f"{probes.load('read_probe')}\n"
    # A reader that nobody knows is given a body that was read before; here it gets what the filters give.
    "PythonInputSpool Off\n"
    "<LocationMatch ^/kept/>\n PythonInputSpool 1M\n SetHandler read-probe\n</LocationMatch>\n"
    "<Location /none>\n SetHandler read-probe\n</Location>\n"
    "<Location /two>\n SetInputFilter upper;brackets\n SetHandler read-probe\n</Location>\n"
    + "PythonInputFilter streaming_filters::identity streaming\n"
    + "".join(
        f"<Location /metadata/{name}>\n SetInputFilter {name};METADATA_FIRST\n SetHandler read-probe\n</Location>\n"
        for name in ("unchanged", "streaming")
    )
    + "".join(f"PythonInputFilter input_filters::{name} {name}\n" for name in FILTERS)
    + "".join(f"<Location /{name}>\n SetInputFilter {name}\n SetHandler read-probe\n</Location>\n" for name in FILTERS)
    + "".join(f"<Location /kept/{name}>\n SetInputFilter {name}\n</Location>\n" for name in FILTERS)
)

LINES = b"one\ntwo\n\n" + b"x" * 20000 + b"\nlast"


@dataclass
class Read:
    """What one read of the probe gave."""

    how: str
    status: int
    data: bytes
    kinds: list[str]


def reads(text: str) -> list[Read]:
    """Return what the probe tells of its reads."""
    found = []
    for line in text.splitlines()[1:-1]:
        assert not line.startswith("ERROR"), line
        how, status, data, *kinds = line.split(" ")
        found.append(Read(how, int(status), bytes.fromhex(data), kinds))
    return found


def read(httpd: Httpd, name: str, how: str, body: bytes | list[bytes] = LINES) -> list[Read]:
    """Read a body through a filter."""
    return reads(httpd.request("POST", f"/{name}?{how}", body).text)


def everything(found: list[Read]) -> bytes:
    """Return all that was read, but not what was peeked at."""
    assert not [one for one in found if one.status != 0]
    assert "EOS" in found[-1].kinds
    assert not [one for one in found[:-1] if "p" not in one.how and "EOS" in one.kinds]
    return b"".join(one.data for one in found if "p" not in one.how)


WHAT_FILTERS_DO = [
    ("none", LINES),
    ("unchanged", LINES),
    ("upper", LINES.upper()),
    ("tail", LINES + b"<tail>"),
    ("brackets", b"[" + LINES + b"]"),
    ("one_read", LINES.upper()),
    ("greedy", LINES.upper()),
    ("pass_on", LINES),
    ("reads_nothing", LINES),
    ("disable_at_once", LINES),
    ("disable_after_one", b"O" + LINES[1:]),
    ("close_at_once", b""),
    ("close_after_one", b"o"),
    ("two", b"[" + LINES.upper() + b"]"),
]
HOW = ["r1", "r7", "r8192", "r100000", "l", "r3,l", "nr1", "nr7", "nr8192", "nl", "p5,p5,r5", "np5,np100,nr7,l,r1"]


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("how", HOW)
def test_i1_i2_i3_i8_same_body_in_every_mode(httpd: Httpd, how: str, framing: str) -> None:
    body = LINES if framing == "length" else [LINES[:2], LINES[2:9], LINES[9:]]
    for name, expected in WHAT_FILTERS_DO:
        if name == "none" and how.strip("nr0123456789"):
            continue  # httpd's own parser of bodies knows no lines and no peeking
        assert everything(read(httpd, name, how, body)) == expected, name


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("size", [1, 4])
def test_i1_i2_i3_i8_a_kept_body_in_every_mode(httpd: Httpd, how: str, size: int) -> None:
    # In memory, and in a file.
    body = LINES * size
    for name in ("unchanged", "disable_at_once"):
        assert everything(read(httpd, f"kept/{name}", how, body)) == body
    assert everything(read(httpd, "kept/upper", how, body)) == body.upper()


@pytest.mark.parametrize("size", [1, 7, 8192])
def test_i1_never_more_than_asked_for(httpd: Httpd, size: int) -> None:
    for name in ("unchanged", "double", "bomb"):
        found = read(httpd, name, f"r{size}", b"0123456789" * 10)
        assert max(len(one.data) for one in found) <= size
        assert len(found) >= 100 // size


def test_i2_a_line_at_a_time(httpd: Httpd) -> None:
    for name in ("unchanged", "one_read", "tail", "brackets"):
        for how in ("l", "nl"):
            found = read(httpd, name, how)
            assert all(one.data.count(b"\n") <= 1 for one in found)
            # A line longer than 8192 bytes comes in parts.
            whole = [one.data for one in found if len(one.data) < 100]
            assert [line.strip(b"[]").lower() for line in whole[:3]] == [b"one\n", b"two\n", b"\n"]


def test_i2_an_early_end_after_a_line(httpd: Httpd) -> None:
    for how in HOW:
        assert everything(read(httpd, "close_after_line", how)) == b"one\n"


def test_i3_peeking_consumes_nothing(httpd: Httpd) -> None:
    for name in ("unchanged", "reads_nothing", "disable_at_once", "tail", "one_read"):
        found = read(httpd, name, "p5,p3,r5", b"abcdefghij")
        first, second, third = [one.data.lower() for one in found[:3]]
        assert first.startswith(second[:3])
        assert third == b"abcde"
        assert first == b"abcde"[: len(first)]
        assert second == b"abc"[: len(second)]
        assert first and second


def test_i3_peeking_at_the_end(httpd: Httpd) -> None:
    found = read(httpd, "unchanged", "r3,p5,p5,r5", b"abc")
    assert everything(found) == b"abc"


def drip(httpd: Httpd, path: str, pieces: list[bytes], pause: float) -> str:
    """Send a body in pieces, slowly; return the answer's text."""
    with httpd.connect() as connection:
        body = b"".join(pieces)
        request = http1.post(path, body, "Connection: close").removesuffix(body)
        return http1.responses(http1.drip(connection, request, pieces, pause))[-1].text


def test_i2_lines_cut_at_each_byte_by_a_slow_client(httpd: Httpd) -> None:
    body = b"ab\ncd\n\ne"
    pieces = [body[at : at + 1] for at in range(len(body))]
    for name in ("unchanged", "one_read", "by_lines"):
        for how in ("l", "nl"):
            text = drip(httpd, f"/{name}?{how}", pieces, 0.01)
            lines = [one.data for one in reads(text) if one.data]
            if name == "by_lines":
                assert b"".join(lines).replace(b">", b"") == body
            else:
                assert [line.lower() for line in lines] == [b"ab\n", b"cd\n", b"\n", b"e"]


@pytest.mark.parametrize("how", ["nr8192", "nl", "np4,nr8192"])
def test_i5_reads_that_must_not_wait_neither_wait_nor_spin(httpd: Httpd, how: str) -> None:
    for name in ("unchanged", "absorb", "brackets", "reads_nothing", "close_at_once"):
        text = drip(httpd, f"/{name}?{how}", [b"one\n", b"two\n"], 0.15)
        counted = re.search(r"empty (\d+), longest (\d+) ms", text)
        assert counted is not None
        # The probe sleeps 1 ms after each read that gave nothing: they came, and at once.
        assert int(counted[1]) > 20, name
        assert int(counted[2]) < 100, name


@pytest.mark.parametrize("name", ["unchanged", "streaming"])
def test_metadata_alone_is_not_taken_for_something_to_read(httpd: Httpd, name: str) -> None:
    text = drip(httpd, f"/metadata/{name}?nr8192", [b"one\n", b"two\n"], 0.15)
    assert everything(reads(text)) == b"one\ntwo\n"
    counted = re.search(r"empty (\d+), longest (\d+) ms", text)
    assert counted is not None
    assert int(counted[1]) > 20
    assert int(counted[2]) < 100


def test_i7_a_filter_that_absorbs_all_before_it_gives_anything(httpd: Httpd) -> None:
    body = bytes(range(256)) * 400
    for how in ("r8192", "nr8192", "l", "nl", "p5,r100"):
        for name, expected in (("absorb", b"102400 "), ("greedy", body.upper())):
            assert everything(read(httpd, name, how, [body[:5], body[5:90000], body[90000:]])).startswith(expected)


def test_w67_a_filter_is_told_how_its_caller_reads(httpd: Httpd) -> None:
    assert everything(read(httpd, "asks", "r100", b"a")) == b"<bytes,True,100>a"
    assert everything(read(httpd, "asks", "nr50", b"a")) == b"<bytes,False,50>a"
    assert everything(read(httpd, "asks", "l", b"a\n")) == b"<line,True,None>a\n"
    assert everything(read(httpd, "asks", "p7,r50", b"a")) == b"<peek,True,7>a"


def test_i8_an_empty_body(httpd: Httpd) -> None:
    empty_bodies: tuple[bytes, list[bytes]] = (b"", [])
    for how in ("r8192", "nr1", "l", "nl", "p3,r3"):
        for body in empty_bodies:
            for name in ("unchanged", "absorb", "reads_nothing", "close_at_once", "disable_at_once"):
                found = read(httpd, name, how, body)
                assert everything(found) == (b"0 0\n" if name == "absorb" else b""), (name, how)
            assert everything(read(httpd, "tail", how, body)) == b"<tail>"


def test_i14_trailers_come_with_the_end(httpd: Httpd) -> None:
    body = http1.chunk(b"abc") + b"0\r\nX-Trailer: late\r\n\r\n"
    request = (
        http1.head("POST /unchanged HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Connection: close") + body
    )
    text = http1.responses(httpd.raw(request))[0].text
    assert text.startswith("length -, coding chunked, trailer -\n")
    assert text.endswith("trailer late\n")


def test_i10_readers_see_no_length_of_a_body_that_may_change(httpd: Httpd) -> None:
    seen = httpd.request("POST", "/half", b"0123456789").text
    assert seen.startswith("length -, coding chunked,")
    assert httpd.request("POST", "/none", b"0123456789").text.startswith("length 10, coding -,")


def test_i6_a_reader_that_does_not_wait_sees_the_end_of_a_cut_body(httpd: Httpd) -> None:
    for name in ("unchanged", "absorb", "brackets"):
        head = http1.head(f"POST /{name}?nr100 HTTP/1.1", "Host: x", "Content-Length: 10")
        (answer,) = http1.responses(httpd.raw(head + b"12345", half_close=True))
        ended = re.search(r"nr100 (\d+) \nempty (\d+)", answer.text)
        # The read fails as soon as the client has closed its side; it is no endless "nothing yet".
        assert ended is not None, name
        assert int(ended[1]) != 0, name
        assert int(ended[2]) < 100, name
