"""Responses that Python frames wrong: no byte of them is taken for the next response of a connection."""

import http.client
import io

import pytest

import http1
from httpd import Httpd
from versions import VERSIONS, ask

MPMS = ("event", "prefork")
HANDLERS = [
    "length",
    "late",
    "refused",
    "twice",
    "bare",
    "own_head",
    "status",
    "returned",
    "raised",
    "line",
    "reset",
    "ok",
    "fields",
    "tabs",
]
CONF = (
    "".join(
        f"""
    <Location "/{name}">
        SetHandler mod_python
        PythonHandler wrong_frames::{name}
    </Location>
    """
        for name in HANDLERS
    )
    + """
    <Location "/change">
        SetHandler mod_python
        PythonHandler wrong_frames::body
    </Location>
    <Location "/change/post">
        PythonHeaderParserHandler wrong_frames::change
    </Location>
    <Location "/change/access">
        PythonAccessHandler wrong_frames::change
    </Location>
    <Location "/change/handler">
        PythonHandler wrong_frames::change wrong_frames::body
    </Location>
    <Location "/change/small">
        LimitRequestBody 4
        PythonFixupHandler wrong_frames::change
    </Location>
    <Location "/change/denied">
        PythonHeaderParserHandler wrong_frames::change
        Require all denied
    </Location>
    <Location "/change/unread">
        PythonFixupHandler wrong_frames::change
        PythonHandler wrong_frames::ok
    </Location>
    """
)
CUT = "the response does not fit its headers: its Content-Length is {}, but {} bytes.*; it is cut"
NEXT = http1.get("/ok", "Connection: close")


def asked(httpd: Httpd, path: str, *headers: str) -> bytes:
    """Return all that comes for a GET and one that is pipelined behind it."""
    return httpd.raw(http1.get(path, *headers) + NEXT)


def is_cut(answer: bytes) -> bool:
    """Whether there is but one response, whose body is shorter than its head says."""
    with pytest.raises(http.client.IncompleteRead):
        http1.responses(answer)
    return answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("way", ["method", "header"])
def test_a_body_longer_than_its_length_is_cut(httpd: Httpd, way: str) -> None:
    httpd.expect(CUT.format(3, "12"))
    answer = asked(httpd, f"/length?{way}=3")
    assert is_cut(answer)
    assert b"Content-Length: 3\r\n" in answer
    assert b"next" not in answer


@pytest.mark.parametrize("way", ["method", "header"])
def test_a_body_shorter_than_its_length_is_cut(httpd: Httpd, way: str) -> None:
    httpd.expect(CUT.format(30, "only 12"))
    answer = asked(httpd, f"/length?{way}=30")
    assert is_cut(answer)
    assert answer.endswith(b"twelve bytes")


def test_a_body_that_fits_its_length_keeps_the_connection(httpd: Httpd) -> None:
    for way in ("method", "header"):
        first, second = http1.responses(asked(httpd, f"/length?{way}=12"))
        assert (first.body, second.body) == (b"twelve bytes", b"next")


def test_bytes_behind_a_whole_body_are_not_sent(httpd: Httpd) -> None:
    httpd.expect(CUT.format(3, "47"))
    (only,) = http1.responses(asked(httpd, "/late"))
    assert only.body == b"abc"


def test_http2_resets_the_stream(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("prefork has no HTTP/2")
    for promised, came in ((3, "12"), (30, "only 12")):
        httpd.expect(CUT.format(promised, came))
        done = httpd.curl("--http2", httpd.url(f"/length?method={promised}", tls=True))
        assert done.returncode == 92  # the stream was not closed cleanly
    assert ask(httpd, "2", "/length?method=12").body == b"twelve bytes"


def test_two_lengths_are_none(httpd: Httpd) -> None:
    httpd.expect("its Content-Length is not one number.*it is answered with 500")
    (only,) = http1.responses(asked(httpd, "/length?both=3"))
    assert (only.status, only.body, only.headers["Connection"]) == (500, b"", "close")


def test_two_lengths_are_none_in_the_answer_to_head_either(httpd: Httpd) -> None:
    httpd.expect("its Content-Length is not one number.*it is answered with 500")
    request = http1.head("HEAD /length?both=3 HTTP/1.1", "Host: localhost")
    head, _, rest = httpd.raw(request + NEXT).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 ")
    assert (head.count(b"Content-Length: "), head.count(b"Connection: close"), rest) == (1, 1, b"")
    if httpd.mpm == "event":
        httpd.expect("its Content-Length is not one number.*it is answered with 500")
        assert httpd.curl("--http2", "--head", httpd.url("/length?both=3", tls=True)).returncode == 92


def test_one_length_in_the_answer_to_head_stays(httpd: Httpd) -> None:
    request = http1.head("HEAD /length?method=12 HTTP/1.1", "Host: localhost")
    head, _, rest = httpd.raw(request + NEXT).partition(b"\r\n\r\n")
    assert b"Content-Length: 12" in head.splitlines()
    assert [answer.body for answer in http1.responses(rest)] == [b"next"]


def test_a_second_length_is_refused(httpd: Httpd) -> None:
    first, second = http1.responses(asked(httpd, "/twice"))
    assert first.headers["X-Error"].startswith("Content-Length is set already")
    assert (first.body, second.body) == (b"twelve bytes", b"next")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("Transfer-Encoding:chunked", "Transfer-Encoding: chunked cannot be set: httpd frames the response"),
        ("transfer-encoding:gzip", "Transfer-Encoding: gzip cannot be set: httpd frames the response"),
        ("Content-Length:-1", "Content-Length: -1 is no length"),
        ("content-length:3,3", "Content-Length: 3,3 is no length"),
        ("Content-Length:abc", "Content-Length: abc is no length"),
        ("Content-Length:", "Content-Length:  is no length"),
    ],
)
def test_headers_that_frame_a_body_wrong_are_refused(httpd: Httpd, header: str, says: str) -> None:
    first, second = http1.responses(asked(httpd, f"/refused?{header}"))
    lines = first.text.splitlines()
    assert len(lines) == 8
    assert all(line.startswith(says) for line in lines)
    assert second.body == b"next"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("X%20Y:1", "'X Y' is no name of a header"),
        ("X%C3%A9:1", r"'X\xc3\xa9' is no name of a header"),
        ("(X):1", "'(X)' is no name of a header"),
        ("X%01:1", "'X\\x01' is no name of a header"),
        (":1", "'' is no name of a header"),
        ("X-Bad:a%01b", "the value of the header X-Bad has the control character '\\x01'"),
        ("x-bad:%7F", "the value of the header x-bad has the control character '\\x7f'"),
        ("ETag:%1B", "the value of the header ETag has the control character '\\x1b'"),
    ],
)
def test_headers_that_httpd_would_refuse_later_are_refused_when_they_are_set(
    httpd: Httpd, header: str, says: str
) -> None:
    first, second = http1.responses(asked(httpd, f"/refused?{header}"))
    lines = first.text.splitlines()
    assert len(lines) == 8
    assert all(line.startswith(says) for line in lines)
    assert second.body == b"next"


@pytest.mark.parametrize("field", ["content_type", "content_encoding", "content_languages", "status_line"])
def test_a_field_that_becomes_a_header_takes_no_control_character(httpd: Httpd, field: str) -> None:
    first, second = http1.responses(asked(httpd, f"/fields?{field}"))
    assert first.text == f"the value of {field} has the control character '\\x01': a header takes none but TAB"
    assert second.body == b"next"


def test_a_header_has_tabs_and_bytes_beyond_ascii(httpd: Httpd) -> None:
    for version in VERSIONS if httpd.mpm == "event" else ["1.1"]:
        answer = ask(httpd, version, "/tabs")
        assert answer.headers["X-Tab"] == "a\tb"
        assert (answer.status, answer.text) == (200, "ok")


@pytest.mark.parametrize("name", ["bare", "own_head"])
def test_a_response_without_a_head_closes_the_connection(httpd: Httpd, name: str) -> None:
    answer = asked(httpd, f"/{name}")
    assert answer.endswith(b"twelve bytes")
    assert b"HTTP/1.1 200" not in answer


@pytest.mark.parametrize("number", [100, 101, 103, 199])
def test_an_interim_status_is_refused(httpd: Httpd, number: int) -> None:
    says = f"{number} is an interim status"
    first, second = http1.responses(asked(httpd, f"/status?{number}"))
    assert (first.status, second.body) == (200, b"next")
    assert first.text.startswith(says)
    for name in ("line", "returned", "raised"):
        why = says if name == "line" else f".*gave {number}, which is no final status"
        httpd.expect(f"PythonHandler wrong_frames::{name}.*ValueError: {why}")
        (only,) = http1.responses(asked(httpd, f"/{name}?{number}"))
        assert (only.status, only.headers["Connection"]) == (500, "close")


def test_a_status_that_changes_behind_the_head_sends_no_second_one(httpd: Httpd) -> None:
    head, _, rest = asked(httpd, "/reset").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 204")
    assert [answer.body for answer in http1.responses(rest)] == [b"next"]


@pytest.mark.parametrize("place", ["post", "access", "handler"])
@pytest.mark.parametrize(
    "how", ["set=3", "set=300", "set=x", "del", "pop", "clear", "update=0", "popitem", "coding=chunked"]
)
def test_a_body_is_what_the_client_sent_whatever_a_handler_makes_of_its_length(
    httpd: Httpd, place: str, how: str
) -> None:
    answer = httpd.raw(http1.post(f"/change/{place}?{how}", b"twelve bytes") + NEXT)
    first, second = http1.responses(answer)
    assert (first.body, second.body) == (b"<twelve bytes>", b"next")


@pytest.mark.parametrize("place", ["denied", "unread"])
@pytest.mark.parametrize("how", ["set=3", "set=300", "del", "clear", "coding=chunked"])
def test_a_body_that_nobody_reads_is_not_taken_for_a_request(httpd: Httpd, place: str, how: str) -> None:
    smuggled = http1.get("/ok?smuggled")
    if place == "denied":
        httpd.expect("AH01630: client denied by server configuration")
    answer = httpd.raw(http1.post(f"/change/{place}?{how}", smuggled) + NEXT)
    assert len(http1.responses(answer)) == 2
    assert not any("smuggled" in line for line in httpd.requests())


@pytest.mark.parametrize("place", ["post", "access", "handler"])
def test_a_length_of_ones_own_makes_no_body(httpd: Httpd, place: str) -> None:
    first, second = http1.responses(httpd.raw(http1.get(f"/change/{place}?set=30") + NEXT))
    assert (first.body, second.body) == (b"<>", b"next")


@pytest.mark.parametrize("how", ["uncoded", "coding=identity", "clear"])
def test_a_body_in_chunks_whose_coding_is_changed_ends_the_connection(httpd: Httpd, how: str) -> None:
    smuggled = http1.get("/ok?smuggled")
    answer = httpd.raw(http1.post(f"/change/unread?{how}", [smuggled]) + NEXT)
    status = int(io.BytesIO(answer).readline().split()[1])
    assert status in (200, 400)
    assert len(http1.responses(answer)) == 1
    assert not any("smuggled" in line for line in httpd.requests())


def test_a_section_s_limit_holds_for_a_length_that_was_changed(httpd: Httpd) -> None:
    answer = httpd.raw(http1.post("/change/small?del", b"twelve bytes") + NEXT)
    first, *rest = http1.responses(answer)
    assert b"twelve" not in first.body
    assert rest == []
