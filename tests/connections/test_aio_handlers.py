"""`@apache.aio` on `async def` connection handlers: they run as tasks on asyncio's loop."""

import os
import signal
import socket
import struct
import time

import pytest

from http1 import get
from httpd import Httpd
from last_words import last_words

MPMS = ("event", "worker")
NAMES = "echo reads two_ways impatient sleeps sniffs fails waits how large kept logs_late".split()
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler loop_connections::@
    Timeout 5
</VirtualHost>
"""
TLS = """    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
"""
CONF = "LogLevel python:info\nPythonGracefulTimeout 1\n" + "".join(HOST.replace("@", name) for name in NAMES)
CONF += HOST.replace("${@_PORT}", "${TLS_PORT_OF_ECHO_PORT}").replace("@", "echo").replace("</V", f"{TLS}</V")
CONF += """
<IfModule mpm_event_module>
    AsyncRequestWorkerFactor 20
</IfModule>
"""


def port(httpd: Httpd, name: str) -> int:
    return httpd.port_of(f"{name}_PORT")


def talk(httpd: Httpd, name: str, data: bytes = b"") -> bytes:
    return httpd.raw(data, port=port(httpd, name), half_close=True)


def test_lines_come_back(httpd: Httpd) -> None:
    assert talk(httpd, "echo", b"one\ntwo\n" + b"x" * 1000 + b"\n") == b"ONE\nTWO\n" + b"X" * 1000 + b"\n"
    with httpd.connect(httpd.port_of("TLS_PORT_OF_ECHO_PORT"), tls=True) as client:
        for line in (b"one\n", b"two\n"):
            client.sendall(line)
            assert client.recv(100) == line.upper()


def test_each_way_to_read(httpd: Httpd) -> None:
    httpd.allow("from 127.0.0.1")
    assert talk(httpd, "reads", b"abcdef;g\nhijklmn") == b"[b'ab', b'abc', b'def;', b'g\\n', b'hijk', b'lmn']"
    httpd.wait_for_log("from 127.0.0.1")


def test_tasks_read_and_write_at_the_same_time(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "two_ways")) as client:
        data = b""
        while b"tick 2\n" not in data:
            data += client.recv(100) or b"ended: tick 2\n"
        client.sendall(b"you\n")
        while more := client.recv(100):
            data += more
    assert data == b"tick 0\ntick 1\ntick 2\nheard you\n"


def test_a_read_that_is_cancelled_loses_nothing(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "impatient")) as client:
        client.sendall(b"abc")
        data = b""
        while data.count(b"late\n") < 2:
            data += client.recv(100) or b"ended: late\nlate\n"
        client.sendall(b"de")
        assert client.recv(100) == b"abcde"


def test_more_wait_than_there_are_threads(httpd: Httpd) -> None:
    clients = [httpd.connect(port(httpd, "sleeps")) for _ in range(40 if httpd.mpm == "event" else 10)]
    begin = time.monotonic()
    for client in clients:
        client.sendall(b"0.5\n")
    for client in clients:
        assert client.recv(100) == b"slept\n"
        client.close()
    assert time.monotonic() - begin < 2


def test_a_connection_can_be_left_to_http(httpd: Httpd) -> None:
    assert b" 404 " in talk(httpd, "sniffs", get("/nothing", "Connection: close"))
    assert talk(httpd, "sniffs", b"EHLO\n") == b"no http\n"


def test_a_failure_is_in_the_log(httpd: Httpd) -> None:
    httpd.expect("PythonConnectionHandler loop_connections::fails .*failed.*LookupError: on the loop")
    assert talk(httpd, "fails") == b"begun\n"


def test_a_slow_peer_is_waited_for(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "large")) as client:
        time.sleep(0.2)
        assert talk(httpd, "echo", b"a\n") == b"A\n"
        length = 0
        while more := client.recv(1_000_000):
            length += len(more)
    assert length == 100 * 65536


@pytest.mark.parametrize(
    ("what", "error", "how"),
    [
        ("asyncio", "CancelledError", "ends"),
        ("op", "ConnectionResetError", "ends"),
        ("asyncio", "CancelledError", "resets"),
        ("op", "ConnectionResetError", "resets"),
        ("read", "ConnectionResetError", "resets"),
    ],
)
def test_a_peer_that_leaves_is_told_once(httpd: Httpd, what: str, error: str, how: str) -> None:
    talk(httpd, "how")
    client = httpd.connect(port(httpd, "waits"))
    client.sendall(what.encode() + b"\n")
    time.sleep(0.2)
    if how == "resets":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert last_words(lambda: talk(httpd, "how").decode(), 3) == f"{what} {error} finally"
    assert "Traceback" not in httpd.log()


def test_a_task_that_outlives_its_connection(httpd: Httpd) -> None:
    talk(httpd, "how")
    assert talk(httpd, "kept") == b"bye\n"
    assert last_words(lambda: talk(httpd, "how").decode(), 2) == "the connection is over"


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_a_graceful_stop_tells_those_who_wait(mpm: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        httpd.allow("AH000(45|46|47)")
        clients = []
        for what in (b"asyncio\n", b"read\n"):
            clients.append(httpd.connect(port(httpd, "waits")))
            clients[-1].sendall(what)
        time.sleep(0.3)
        begin = time.monotonic()
        os.kill(httpd.parent_pid, signal.SIGUSR1)
        for client in clients:
            assert client.recv(100) == b""
            client.close()
        assert 0.5 < time.monotonic() - begin < 4


def test_a_waiting_connection_has_its_client_in_the_log(httpd: Httpd) -> None:
    httpd.allow("of a connection that waits")
    assert talk(httpd, "logs_late") == b""
    httpd.wait_for_log(r"\[client 127\.0\.0\.1:\d+\] of a connection that waits")
