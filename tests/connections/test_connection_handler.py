"""Connection handlers: protocols of one's own, and the way back to HTTP."""

import ast
import contextlib
import re
import socket
import struct
import time

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
HANDLERS = [
    *("echo", "limited", "reads", "nothing", "at_once", "timed_out", "greets", "fails", "exits", "gives_nothing"),
    *("returns", "declines", "raises_declined", "writes_on", "big", "types", "tells", "prints", "missing"),
]
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler plain_connections::@
    Timeout 1
    PythonOption here @
    RequestReadTimeout header=1
</VirtualHost>
"""
TLS_HOST = HOST.replace("${@_PORT}", "${TLS_@_PORT}").replace(
    "    Timeout 1\n",
    """    Timeout 1
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
    <IfModule !mpm_prefork_module>
        Protocols h2 http/1.1
    </IfModule>
""",
)
CONF = "".join(HOST.replace("@", name) for name in HANDLERS)
CONF += "".join(TLS_HOST.replace("@", name) for name in ("echo", "greets", "timed_out", "declines", "big"))
CONF += """
Listen 127.0.0.1:${FIRST_PORT}
<VirtualHost *:${FIRST_PORT}>
    PythonConnectionHandler plain_connections::returns
    PythonConnectionHandler plain_connections::never
</VirtualHost>
"""
CONF += HOST.replace("Timeout 1", "Timeout 10").replace("::@", "::echo").replace("@", "patient")
BIG = 1 << 20
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


def skip_waiting(httpd: Httpd) -> None:
    """Waits that are the same on worker and prefork need not be waited for twice."""
    if httpd.mpm == "worker":
        pytest.skip("as on prefork")


def port(httpd: Httpd, name: str, tls: bool = False) -> int:
    return httpd.port_of(f"{'TLS_' if tls else ''}{name}_PORT")


def talk(httpd: Httpd, name: str, data: bytes = b"", *, half_close: bool = True) -> bytes:
    return httpd.raw(data, port=port(httpd, name), half_close=half_close)


ENDED = "OSError: the peer has ended its output, which an earlier read has told by b''"
END = f"end {ENDED}, {ENDED}".encode()


def test_a_read_of_0_bytes_takes_nothing(httpd: Httpd) -> None:
    assert talk(httpd, "nothing", b"a line\nrest") == repr([b"", b"", b"a line\n", b"", b"rest", *[b""] * 4]).encode()


def test_lines_until_the_end(httpd: Httpd) -> None:
    assert talk(httpd, "echo", b"one\ntwo\r\n\nlast") == b"<one\n><two\r\n><\n><last>" + END
    assert talk(httpd, "echo") == END


def test_lines_as_they_come(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "echo")) as client:
        for part in (b"o", b"ne\ntw", b"o\n"):
            client.sendall(part)
            time.sleep(0.02)
        assert client.makefile("rb").read(13) == b"<one\n><two\n>"


def test_long_lines_come_in_pieces(httpd: Httpd) -> None:
    assert talk(httpd, "limited", b"abcdefgh\nij\nklm\nn") == b"abcd|efgh|\n|ij\n|klm\n|n"
    line = b"x" * 200_000
    assert talk(httpd, "echo", line + b"\n") == b"<" + line + b"\n>" + END


def test_nothing_is_lost_between_ways_of_reading(httpd: Httpd) -> None:
    answer = talk(httpd, "reads", b"abcdef\nghijkl\nmno\np")
    assert ast.literal_eval(answer.decode()) == [b"abc", b"def\n", b"g", b"hi", b"jkl\nmno\np", b""]


def test_read_does_not_wait_for_more(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "at_once")) as client:
        client.sendall(b"some")
        assert client.recv(100) == b"[some]"
        client.sendall(b"more")
        assert client.recv(100) == b"[more]"


@both
def test_time_out(httpd: Httpd, tls: bool) -> None:
    skip_waiting(httpd)
    answer = httpd.raw(b"no line end", port=port(httpd, "timed_out", tls), tls=tls).decode()
    match = re.fullmatch(r"(\S+) TimeoutError: the peer sent nothing for 1 s \(Timeout\)", answer)
    assert match, answer
    assert 0.9 <= float(match[1]) < 2


@both
def test_client_first(httpd: Httpd, tls: bool) -> None:
    with httpd.connect(port(httpd, "echo", tls), tls=tls) as client:
        for line in (b"one\n", b"two\n"):
            client.sendall(line)
            assert client.recv(100) == b"<" + line + b">"


@both
def test_server_first(httpd: Httpd, tls: bool) -> None:
    with httpd.connect(port(httpd, "greets", tls), tls=tls) as client:
        assert client.recv(100) == b"hello\n"
        client.sendall(b"hi\n")
        assert client.recv(100) == b"you said hi\n"
        assert client.recv(100) == b""


@pytest.mark.parametrize(
    ("name", "sent", "last"),
    [
        ("fails", b"before\n", "ValueError: in the middle$"),
        ("exits", b"", "SystemExit: out$"),
        (
            "gives_nothing",
            b"something\n",
            "TypeError: plain_connections::gives_nothing gave NoneType: a handler returns",
        ),
        ("missing", b"", "AttributeError: module '/.*' contains no 'missing'"),
    ],
)
def test_exceptions_close_the_connection(httpd: Httpd, name: str, sent: bytes, last: str) -> None:
    place = rf"\[client 127\.0\.0\.1:\d+\] PythonConnectionHandler plain_connections::{name}"
    where = rf"\({httpd.folder}/fragment.conf:\d+\)"
    httpd.expect(rf"python:error.*{place} {where} failed\\n(Traceback .*\\n)?{last}")
    children = httpd.children()
    assert talk(httpd, name) == sent
    assert set(children) <= set(httpd.children())


def test_server_return(httpd: Httpd) -> None:
    assert talk(httpd, "returns") == b"returned\n"


def test_only_the_first_handler_is_called(httpd: Httpd) -> None:
    assert talk(httpd, "FIRST") == b"returned\n"


def test_what_can_be_written(httpd: Httpd) -> None:
    text, *errors = talk(httpd, "types").decode().splitlines()
    assert text.startswith("é bytes array view TypeError: write() takes bytes, str or a buffer, not int")
    assert errors[0] == "TypeError: write() takes bytes, str or a buffer, not NoneType"
    assert errors[1] == "TypeError: write() misses its argument 'data'"


@both
def test_slow_readers_get_all_of_it(httpd: Httpd, tls: bool) -> None:
    name = port(httpd, "big", tls)
    with httpd.connect(name, tls=tls) as client:
        time.sleep(0.1)
        data = b""
        while chunk := client.recv(1 << 18):
            data += chunk
    assert data == b"".join(bytes([letter]) * BIG for letter in b"abcd")


def test_writing_to_a_peer_that_left_raises(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "writes_on")) as client:
        client.recv(1000)
        # A reset, not an orderly end.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    httpd.wait_for_log(r"gone: the connection could not be written: .*; aborted 1$")


def test_attributes(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "tells")) as client:
        here = client.getsockname()[1]
        seen = ast.literal_eval(client.recv(10_000).decode())
    assert seen["client"] == ["127.0.0.1", "127.0.0.1", True, "127.0.0.1"]
    assert seen["port"] == here
    assert seen["local"] == ["127.0.0.1", ("127.0.0.1", port(httpd, "tells"))]
    assert seen["names"] == [None, None]
    assert seen["state"] == [0, True, 0, "int"]
    assert seen["server"] == ["localhost", 1.0, {"here": "tells"}]
    assert seen["notes"] == "b"
    assert all(said.startswith("AttributeError: ") for said in seen["errors"])


def test_prints_and_logs_have_the_peer(httpd: Httpd) -> None:
    httpd.expect(
        r"python:notice.*\[client 127\.0\.0\.1:\d+\] printed for a connection$",
        r"python:error.*\[client 127\.0\.0\.1:\d+\] logged for a connection$",
    )
    talk(httpd, "prints")


@both
def test_declined_gives_the_connection_to_http(httpd: Httpd, tls: bool) -> None:
    httpd.write("a.txt", b"a")
    answer = httpd.request("GET", "/a.txt", port=port(httpd, "declines", tls), tls=tls)
    assert (answer.status, answer.body) == (200, b"a")
    httpd.wait_for_log("asked")


def test_declined_by_exception(httpd: Httpd) -> None:
    httpd.write("a.txt", b"a")
    one = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"
    assert talk(httpd, "raises_declined", one * 3).count(b"HTTP/1.1 200 OK") == 3


def test_a_declined_connection_stays_with_http(httpd: Httpd) -> None:
    httpd.write("a.txt", b"a")
    with httpd.connect(port(httpd, "declines")) as client:
        for _ in range(3):
            client.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")
    # The event MPM comes by for each request of a connection.
    assert httpd.log().count("] asked\n") == 1


def test_http_2_after_declining(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("mod_http2 does not like prefork")
    httpd.write("a.txt", b"a")
    url = f"https://localhost:{port(httpd, 'declines', True)}/a.txt"
    answer = httpd.curl("--http2", "-w", "%{http_version} ", url, url)
    assert answer.stdout == b"a2 a2 "
    # Asked once for the connection, not for each of its streams.
    assert httpd.log().count("] asked\n") == 1


def test_other_hosts_speak_http(httpd: Httpd) -> None:
    httpd.write("a.txt", b"a")
    assert httpd.get("/a.txt").body == b"a"
    version = httpd.curl("-w", "%{http_version}", httpd.url("/a.txt", tls=True)).stdout
    assert version == (b"a1.1" if httpd.mpm == "prefork" else b"a2")


def test_request_timeouts_hold_after_declining(httpd: Httpd) -> None:
    skip_waiting(httpd)
    begin = time.monotonic()
    with httpd.connect(port(httpd, "declines")) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        # Each byte puts off httpd's Timeout, but not mod_reqtimeout's limit for the whole header.
        client.settimeout(0.1)
        answer = b""
        while not answer and time.monotonic() < begin + 4:
            client.sendall(b"X")
            with contextlib.suppress(TimeoutError):
                answer = client.recv(1000)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begin < 3


def test_request_timeouts_do_not_hold_for_other_protocols(httpd: Httpd) -> None:
    skip_waiting(httpd)
    with httpd.connect(port(httpd, "patient")) as client:
        for _ in range(5):
            client.sendall(b"a\n")
            assert client.recv(100) == b"<a\n>"
            time.sleep(0.3)
