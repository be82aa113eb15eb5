"""Asynchronous connection handlers: what `conn` gives to who awaits it, the same on each MPM."""

import ast
import re
import socket
import time

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
HANDLERS = [
    *("echo", "upper", "greets", "reads", "limits", "sleeps", "times_out", "wrong_times", "fails", "closes"),
    *("sniffs", "foreign", "big"),
]
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler async_basics::@
    Timeout 3
</VirtualHost>
"""
TLS_HOST = HOST.replace("${@_PORT}", "${TLS_@_PORT}").replace(
    "    Timeout 3\n",
    """    Timeout 3
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
""",
)
CONF = "".join(HOST.replace("@", name) for name in HANDLERS)
CONF += "".join(TLS_HOST.replace("@", name) for name in ("echo", "greets", "sniffs", "big", "sleeps"))
CONF += HOST.replace("::@", "::echo").replace("@", "SHORT").replace("Timeout 3", "Timeout 1")
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


def port(httpd: Httpd, name: str, tls: bool = False) -> int:
    return httpd.port_of(f"{'TLS_' if tls else ''}{name}_PORT")


def talk(httpd: Httpd, name: str, data: bytes = b"", *, tls: bool = False, half_close: bool = True) -> bytes:
    return httpd.raw(data, port=port(httpd, name, tls), tls=tls, half_close=half_close and not tls)


@both
def test_p2_client_first(httpd: Httpd, tls: bool) -> None:
    with httpd.connect(port(httpd, "echo", tls), tls=tls) as client:
        for line in (b"one\n", b"two\n"):
            client.sendall(line)
            assert client.recv(100) == line


@both
def test_p2_server_first(httpd: Httpd, tls: bool) -> None:
    with httpd.connect(port(httpd, "greets", tls), tls=tls) as client:
        assert client.recv(100) == b"hello\n"
        client.sendall(b"hi\n")
        assert client.recv(100) == b"you said hi\n"
        assert client.recv(100) == b""


def test_p4_silence_is_cut_after_the_timeout(httpd: Httpd) -> None:
    begin = time.monotonic()
    with httpd.connect(port(httpd, "SHORT")) as client:
        client.sendall(b"half")
        assert client.recv(100) == b""
    assert 0.9 <= time.monotonic() - begin < 2


def test_what_is_written_goes_out_at_the_end(httpd: Httpd) -> None:
    assert talk(httpd, "upper", b"a\nb\nc") == b"A\nB\nC"


def test_ways_to_read(httpd: Httpd) -> None:
    seen = ast.literal_eval(talk(httpd, "reads", b"abcd\nuntil--fourrest").decode())
    assert seen == [b"ab", b"abc", b"d\n", b"until--", b"four", b"rest", b"", b"", b""]


def test_limits(httpd: Httpd) -> None:
    said = talk(httpd, "limits", b"abcdefg;\n").decode()
    assert said == "no end of a line within 4 bytes 9|no separator within 3 bytes 9"


@both
def test_sleep(httpd: Httpd, tls: bool) -> None:
    begin = time.monotonic()
    with httpd.connect(port(httpd, "sleeps", tls), tls=tls) as client:
        client.sendall(b"early")
        assert [client.recv(100) for _ in range(3)] == [b"one", b"two", b"three"]
        assert client.recv(100) == b"early."
        assert 0.15 <= time.monotonic() - begin < 1


def test_a_handler_that_times_out_can_answer_and_go_on(httpd: Httpd) -> None:
    begin = time.monotonic()
    with httpd.connect(port(httpd, "times_out")) as client:
        assert client.recv(100) == b"the peer did not send what is awaited for 0.1 s\n"
        assert 0.1 <= time.monotonic() - begin < 0.4
        client.sendall(b"more\n")
        assert client.recv(100) == b"then more\n"


def test_times_are_within_the_timeout_of_the_virtual_host(httpd: Httpd) -> None:
    said = talk(httpd, "wrong_times").decode().splitlines()
    assert len(said) == 6
    assert set(said[::2]) == {"a sleep is 0 to 3 seconds: more needs a longer Timeout of the virtual host"}
    assert set(said[1::2]) == {"a timeout is 0 to 3 seconds: more needs a longer Timeout of the virtual host"}


def test_p17_exceptions_are_logged_and_close_the_connection(httpd: Httpd) -> None:
    place = r"\[client 127\.0\.0\.1:\d+\] PythonConnectionHandler async_basics::fails"
    httpd.expect(rf"{place} \({httpd.folder}/fragment.conf:\d+\) failed\\nTraceback .*ValueError: in the middle$")
    children = httpd.children()
    assert talk(httpd, "fails", b"x\n") == b"before\n"
    assert set(children) <= set(httpd.children())


def test_close_ends_our_side_only(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "closes")) as client:
        assert client.recv(100) == b"bye"
        assert client.recv(100) == b""
        client.sendall(b"late")
        client.shutdown(socket.SHUT_WR)
        httpd.wait_for_log("left b'late'$")


@both
def test_p15_what_was_peeked_is_not_lost(httpd: Httpd, tls: bool) -> None:
    httpd.write("a.txt", b"a")
    request = b"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with httpd.connect(port(httpd, "sniffs", tls), tls=tls) as client:
        for at in range(10):
            client.sendall(request[at : at + 1])
            time.sleep(0.01)
        client.sendall(request[10:])
        answer = b""
        while chunk := client.recv(1000):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"\r\n\r\na")
    with httpd.connect(port(httpd, "sniffs", tls), tls=tls) as client:
        client.sendall(b"hello\n")
        assert client.recv(100) == b"<hello\n>"


def test_foreign_awaitables_raise_and_name_what_helps(httpd: Httpd) -> None:
    first, second = talk(httpd, "foreign").decode().splitlines()
    assert first == "no running event loop"
    assert re.match("this is not for a connection handler to await: await apache.aio", second)


@both
def test_slow_readers_get_all_of_it(httpd: Httpd, tls: bool) -> None:
    with httpd.connect(port(httpd, "big", tls), tls=tls) as client:
        time.sleep(0.1)
        data = b""
        while chunk := client.recv(1 << 18):
            data += chunk
    assert data == b"".join(bytes([letter]) * (1 << 20) for letter in b"abcd")
