"""How a plain connection handler ends that its peer has left: one line, and no traceback."""

import re
import socket
import struct

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
HANDLERS = (
    *("reads", "reads_lines", "writes", "own_reset", "own_timeout", "changes_it"),
    *("manual_echo", "manual_pieces"),
)
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler uncaught_ends::@
    LogLevel python:info
    Timeout 1
</VirtualHost>
Listen 127.0.0.1:${TLS_@_PORT}
<VirtualHost *:${TLS_@_PORT}>
    PythonConnectionHandler uncaught_ends::@
    LogLevel python:info
    Timeout 1
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
</VirtualHost>
"""
CONF = "".join(HOST.replace("@", name) for name in HANDLERS)
PLACE = r"\[client 127\.0\.0\.1:\d+\] PythonConnectionHandler uncaught_ends::"
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


def begun(httpd: Httpd, name: str, tls: bool = False) -> socket.socket:
    client = httpd.connect(httpd.port_of(f"{'TLS_' if tls else ''}{name}_PORT"), tls=tls)
    assert client.recv(5) == b"begun"
    return client


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def is_one_line(httpd: Httpd, name: str, error: str) -> None:
    httpd.wait_for_log(rf"\[python:info\].*{PLACE}{name} \(.*\): {error}")
    lines = [line for line in httpd.log().splitlines() if re.search(rf"{PLACE}{name} ", line)]
    assert len(lines) == 1
    assert "Traceback" not in httpd.log()


@both
@pytest.mark.parametrize("name", ["reads", "reads_lines", "writes"])
def test_a_reset_is_one_line(httpd: Httpd, name: str, tls: bool) -> None:
    reset(begun(httpd, name, tls))
    is_one_line(httpd, name, "ConnectionResetError: the connection could not be (read|written): ")


@both
@pytest.mark.parametrize("name", ["manual_echo", "manual_pieces"])
def test_a_loop_without_an_end_ends_with_its_peer(httpd: Httpd, name: str, tls: bool) -> None:
    with httpd.connect(httpd.port_of(f"{'TLS_' if tls else ''}{name}_PORT"), tls=tls) as client:
        client.sendall(b"hello\n")
        assert client.recv(6) == b"hello\n"
    is_one_line(httpd, name, "OSError: the peer has ended its output, which an earlier read has told by b''")


@both
@pytest.mark.parametrize("name", ["reads", "reads_lines"])
def test_a_silent_client_is_one_line(httpd: Httpd, name: str, tls: bool) -> None:
    with begun(httpd, name, tls) as client:
        assert client.recv(1) == b""
    is_one_line(httpd, name, r"TimeoutError: the peer sent nothing for 1 s \(Timeout\)")


def test_a_client_that_takes_nothing_is_one_line(httpd: Httpd) -> None:
    with begun(httpd, "writes"):
        is_one_line(httpd, "writes", r"TimeoutError: the peer took nothing for 1 s \(Timeout\)")


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("own_reset", "ConnectionResetError: a database is gone"),
        ("own_timeout", "TimeoutError: a database is slow"),
        ("changes_it", "ValueError: made of a reset"),
    ],
)
def test_the_same_exceptions_of_the_handlers_own_are_tracebacks(httpd: Httpd, name: str, last: str) -> None:
    httpd.expect(rf"python:error.*{PLACE}{name} \(.*\) failed\\nTraceback .*{last}$")
    if name == "changes_it":
        reset(begun(httpd, name))
    else:
        assert httpd.raw(b"", port=httpd.port_of(f"{name}_PORT")) == b""
    httpd.wait_for_log(last)
