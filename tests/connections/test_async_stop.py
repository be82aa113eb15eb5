"""Async connections when the server stops at once (SIGTERM): each handler is told once, by ShuttingDown (P6)."""

import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable

import pytest

from httpd import Httpd

CONF = """
PythonGracefulTimeout 2
Listen 127.0.0.1:${ENDS_PORT}
<VirtualHost *:${ENDS_PORT}>
    PythonConnectionHandler async_life::ends
    Timeout 10
</VirtualHost>
Listen 127.0.0.1:${TLS_ENDS_PORT}
<VirtualHost *:${TLS_ENDS_PORT}>
    PythonConnectionHandler async_life::ends
    Timeout 10
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
</VirtualHost>
"""
EVENT = "AsyncRequestWorkerFactor 100\n"


def begun(httpd: Httpd, tls: bool = False) -> socket.socket:
    client = httpd.connect(httpd.port_of("TLS_ENDS_PORT" if tls else "ENDS_PORT"), tls=tls)
    client.sendall(b"a\n")
    assert client.recv(10) == b"a\n"
    return client


def stopped(httpd: Httpd, clients: Iterable[socket.socket]) -> Counter[str]:
    """Stop the server; what its handlers said of that, as soon as all of it is gone."""
    os.kill(httpd.parent_pid, signal.SIGTERM)
    begin = time.monotonic()
    while httpd.alive():
        # prefork's children did not go before they were killed, which is after ten seconds.
        assert time.monotonic() - begin < 4
        time.sleep(0.01)
    for client in clients:
        client.close()
    return Counter(re.findall(r"life: (.*)$", httpd.log(), re.MULTILINE))


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_p6_a_stop_ends_once(mpm: str, tls: bool) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        clients = [begun(httpd, tls) for _ in range(5)]
        time.sleep(0.1)  # a child of prefork that is not waiting ends in the midst of what it does
        assert stopped(httpd, clients) == {"ShuttingDown": 5, "finally": 5}


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
@pytest.mark.parametrize("what", ["sleep", "aio", "flood"])
def test_p6_a_stop_ends_other_waits_too(mpm: str, what: str) -> None:
    with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
        clients = [begun(httpd) for _ in range(5)]
        for client in clients:
            client.sendall(what.encode() + b"\n")
        time.sleep(0.2)
        assert stopped(httpd, clients) == {"ShuttingDown": 5, "finally": 5}


@pytest.mark.parametrize("mpm", ["event", "worker"])
def test_p6_a_stop_tells_those_who_are_at_work(mpm: str) -> None:
    """The sockets of workers are closed before httpd says that it stops: a read then fails, and parking."""

    def talk(client: socket.socket) -> None:
        try:
            while client.send(b"a\n") and client.recv(10):
                pass
        except ConnectionError:
            pass

    for _ in range(6):
        with Httpd((EVENT if mpm == "event" else "") + CONF, beside=__file__, mpm=mpm) as httpd:
            clients = [begun(httpd) for _ in range(12)]
            threads = [threading.Thread(target=talk, args=(client,)) for client in clients]
            for thread in threads:
                thread.start()
            time.sleep(0.05)
            said = stopped(httpd, ())
            for thread in threads:
                thread.join()
            for client in clients:
                client.close()
            assert said == {"ShuttingDown": 12, "finally": 12}


PLAIN = """
Listen 127.0.0.1:${PLAIN_PORT}
<VirtualHost *:${PLAIN_PORT}>
    PythonConnectionHandler plain_reads
    Timeout 60
</VirtualHost>
"""
PLAIN_READS = """
from mod_python import apache


def connectionhandler(conn):
    seen = conn.read(3)
    conn.log_error("reads", apache.APLOG_NOTICE)
    try:
        seen += conn.read(-1)
    except ConnectionError as error:
        conn.log_error(f"life: {len(seen)} bytes: {error}", apache.APLOG_NOTICE)
    return apache.OK
"""


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_a_stop_ends_plain_reads(mpm: str, tls: bool) -> None:
    """The MPMs close the descriptor of a socket that a thread waits for; that alone wakes no thread."""
    conf = PLAIN
    if tls:
        keys = 'SSLEngine on\nSSLCertificateFile "${CERT}"\nSSLCertificateKeyFile "${KEY}"\n</VirtualHost>'
        conf = conf.replace("</VirtualHost>", keys)
    with Httpd(conf, mpm=mpm) as httpd:
        httpd.handler("plain_reads.py", PLAIN_READS)
        client = httpd.connect(httpd.port_of("PLAIN_PORT"), tls=tls)
        client.sendall(b"abc")
        httpd.wait_for_log(r"\] reads$")
        text = "3 bytes: the connection could not be read: the server is about to stop"
        assert stopped(httpd, [client]) == {text: 1}


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_a_stop_cuts_a_graceful_one_short(mpm: str) -> None:
    """Handlers are not given the rest of PythonGracefulTimeout."""
    conf = CONF.replace("PythonGracefulTimeout 2", "PythonGracefulTimeout 60").replace("Timeout 10", "Timeout 60")
    with Httpd(conf, beside=__file__, mpm=mpm) as httpd:
        clients = [begun(httpd) for _ in range(3)]
        os.kill(httpd.parent_pid, signal.SIGWINCH)
        httpd.wait_for_log("AH00492|AH00296|AH00170")  # caught SIGWINCH, shutting down gracefully
        time.sleep(0.5)
        assert stopped(httpd, clients) == {"ShuttingDown": 3, "finally": 3}
