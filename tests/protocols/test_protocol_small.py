"""mod_python.protocols.echo and finger, and their configuration as their first lines have it."""

import os
import threading
from pathlib import Path

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
Listen 127.0.0.1:${ECHO_PORT}
<VirtualHost *:${ECHO_PORT}>
    PythonConnectionHandler mod_python.protocols.echo
    Timeout 1
</VirtualHost>
Listen 127.0.0.1:${TLS_ECHO_PORT}
<VirtualHost *:${TLS_ECHO_PORT}>
    PythonConnectionHandler mod_python.protocols.echo
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
</VirtualHost>
Listen 127.0.0.1:${FINGER_PORT}
<VirtualHost *:${FINGER_PORT}>
    PythonConnectionHandler mod_python.protocols.finger
    PythonOption finger_folder ${STATE}/people
    Timeout 1
</VirtualHost>
"""
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


@both
def test_echo(httpd: Httpd, tls: bool) -> None:
    data = os.urandom(3_000_000)
    with httpd.connect(httpd.port_of("TLS_ECHO_PORT" if tls else "ECHO_PORT"), tls=tls) as client:
        for part in (b"x", b"\r\n", bytes(range(256))):
            client.sendall(part)
            assert client.recv(1000) == part
        sender = threading.Thread(target=client.sendall, args=[data])
        sender.start()
        answer = b""
        while len(answer) < len(data):
            answer += client.recv(65536)
        sender.join()
    assert answer == data


def test_echo_lets_go_of_the_silent(httpd: Httpd) -> None:
    with httpd.connect(httpd.port_of("ECHO_PORT")) as client:
        assert client.recv(1) == b""


@pytest.fixture
def people(httpd: Httpd) -> Path:
    folder = httpd.state / "people"
    folder.mkdir(exist_ok=True)
    (folder / "alice.txt").write_bytes(b"Alice Liddell\r\nPlan:\tto find the \x1b[31mgarden\x07 \xc3\xa9\n\n")
    (folder / "empty.txt").write_bytes(b"")
    (folder / f"{'n' * 251}.txt").write_bytes(b"has a long name")
    (folder / "long.txt").write_bytes(b"x" * 100_000)
    (httpd.state / "secret.txt").write_text("secret")
    return folder


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (b"alice\r\n", b"Alice Liddell\r\n"),
        (b"ALICE \n", b"Alice Liddell\r\n"),
        (b"alice", b"Alice Liddell\r\n"),
        (b"/W alice\r\n", b"Alice Liddell\r\nPlan:\tto find the ?[31mgarden? ??\r\n"),
        (b"empty\r\n", b"\r\n"),
        (b"/W long\r\n", b"x" * 65536 + b"\r\n"),
        (b"\r\n", b"Finger online user list denied.\r\n"),
        (b"/W\r\n", b"Finger online user list denied.\r\n"),
        (b"alice@elsewhere\r\n", b"Finger forwarding service denied.\r\n"),
        (b"/W @elsewhere\r\n", b"Finger forwarding service denied.\r\n"),
        (b"bob\r\n", b"No such user.\r\n"),
        (b"alice bob\r\n", b"No such user.\r\n"),
        (b"../secret\r\n", b"No such user.\r\n"),
        (b"\0\xff\r\n", b"No such user.\r\n"),
        (b"x" * 600 + b"\r\n", b"No such user.\r\n"),
        (b"n" * 251 + b"\r\n", b"has a long name\r\n"),
        (b"n" * 252 + b"\r\n", b"No such user.\r\n"),
        (b"n" * 255 + b"\r\n", b"No such user.\r\n"),
        (b"/W " + b"n" * 500 + b"\r\n", b"No such user.\r\n"),
        ("\U0001f642".encode() * 100 + b"\r\n", b"No such user.\r\n"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_finger(httpd: Httpd, people: Path, query: bytes, answer: bytes) -> None:
    assert httpd.raw(query, port=httpd.port_of("FINGER_PORT"), half_close=True) == answer


def test_finger_lets_go_of_the_silent(httpd: Httpd) -> None:
    with httpd.connect(httpd.port_of("FINGER_PORT")) as client:
        assert client.recv(1) == b""


def test_finger_answers_when_a_file_cannot_be_read(httpd: Httpd, people: Path) -> None:
    (people / "secret.txt").write_text("secret")
    (people / "secret.txt").chmod(0)
    try:
        httpd.expect("finger cannot read a file: .*Permission denied")
        query = httpd.raw(b"secret\r\n", port=httpd.port_of("FINGER_PORT"), half_close=True)
        assert query == b"No such user.\r\n"
    finally:
        (people / "secret.txt").unlink()
