"""What an async def connection handler can look at without taking it, and the note for objects of asyncio's."""

import time

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
NAMES = (
    *("some", "until", "limits", "hands_over", "awaits_a_queue", "awaits_an_event", "awaits_with_a_timeout"),
    *("awaits_a_queue_of_the_loop", "none_of_asyncios"),
)
CONF = "".join(
    f"Listen 127.0.0.1:${{{name.upper()}_PORT}}\n<VirtualHost *:${{{name.upper()}_PORT}}>\n"
    f"PythonConnectionHandler peeking::{name}\n</VirtualHost>\n"
    for name in NAMES
)


def talk(httpd: Httpd, name: str, *pieces: bytes) -> str:
    """What a handler answers to pieces that come one after the other, and to the end."""
    with httpd.connect(httpd.port_of(f"{name.upper()}_PORT")) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.05)
        client.shutdown(1)
        answer = b""
        while data := client.recv(1000):
            answer += data
    return answer.decode()


def test_peek_without_a_length_gives_what_is_there(httpd: Httpd) -> None:
    assert talk(httpd, "some", b"hello") == "b'hello' b'hello' b'hello'\nb''\n"


def test_peek_without_a_length_waits_for_a_byte(httpd: Httpd) -> None:
    with httpd.connect(httpd.port_of("SOME_PORT")) as client:
        time.sleep(0.1)
        client.sendall(b"x")
        assert client.recv(100) == b"b'x' b'x' b'x'\n"


def test_peek_without_a_length_at_the_end(httpd: Httpd) -> None:
    assert talk(httpd, "some") == "b'' b'' b''\nb''\n"


def test_peek_until_gives_up_to_the_separator_and_takes_nothing(httpd: Httpd) -> None:
    pieces = [b"a: 1\r\n", b"b: 2\r\n\r", b"\nbody"]
    head = b"a: 1\r\nb: 2\r\n\r\n"
    assert talk(httpd, "until", *pieces) == f"{head!r} {head + b'body'!r}\n"


def test_peek_until_at_the_end_gives_what_there_is(httpd: Httpd) -> None:
    assert talk(httpd, "until", b"a: 1\r\n") == "b'a: 1\\r\\n' b'a: 1\\r\\n'\n"


def test_peek_until_has_a_limit(httpd: Httpd) -> None:
    long = b"a" * 50
    assert talk(httpd, "until", long) == f"no separator within 40 bytes {long!r}\n"


def test_a_limit_below_0_is_refused(httpd: Httpd) -> None:
    assert talk(httpd, "limits", b"a\nb\n").splitlines() == [
        "ValueError: peek() takes a length of 0 or more",
        "ValueError: peek_until() takes a length of 0 or more",
        "ValueError: readuntil() takes a length of 0 or more",
        r"b'a\n'",
    ]


def test_what_was_peeked_goes_to_http(httpd: Httpd) -> None:
    httpd.write("page.txt", "the page")
    assert talk(httpd, "hands_over", b"GET /ours HTTP/1.0\r\n\r\n") == "ours\n"
    answer = talk(httpd, "hands_over", b"GET /pa", b"ge.txt HTTP/1.0\r\n", b"\r\n")
    assert answer.endswith("\r\n\r\nthe page")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("awaits_a_queue", "AttributeError: 'NoneType' object has no attribute 'create_future'"),
        ("awaits_an_event", "AttributeError: 'NoneType' object has no attribute 'create_future'"),
        ("awaits_with_a_timeout", "RuntimeError: .*(no running event loop|inside a task)"),
        ("awaits_a_queue_of_the_loop", "RuntimeError: .* is bound to a different event loop"),
    ],
)
def test_objects_of_asyncio_that_are_awaited_get_the_note_that_names_aio(httpd: Httpd, name: str, error: str) -> None:
    httpd.expect(rf"PythonConnectionHandler peeking::{name} .*{error}\\nasyncio's own things .*: await apache.aio\(")
    assert talk(httpd, name, b"x") == ""


def test_other_errors_get_no_note(httpd: Httpd) -> None:
    httpd.expect(
        "PythonConnectionHandler peeking::none_of_asyncios .*'NoneType' object has no attribute 'create_future'$"
    )
    assert talk(httpd, "none_of_asyncios") == ""
