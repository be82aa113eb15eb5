"""A client leaves while the handler of its connection waits for something else: a deadline, or asyncio."""

import re
import socket
import struct
import time
from collections import Counter
from pathlib import Path

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler departures::@
    LogLevel python:info
    Timeout 10
</VirtualHost>
"""
TLS = """    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
</VirtualHost>
"""
CONF = "".join(HOST.replace("@", name) for name in ("waits", "storm", "counts", "swallows"))
CONF += HOST.replace("${@_PORT}", "${TLS_@_PORT}").replace("@", "waits").replace("</VirtualHost>\n", TLS)
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
each_wait = pytest.mark.parametrize("what", ["sleep", "aio"])


def begun(httpd: Httpd, line: str, *, tls: bool = False) -> socket.socket:
    """A connection whose handler waits already."""
    client = httpd.connect(httpd.port_of("TLS_waits_PORT" if tls else "waits_PORT"), tls=tls)
    begins = "on the loop: begins" if line.endswith(" aio") else "life: begins"
    before = httpd.log().count(begins)
    client.sendall(line.encode() + b"\n")
    deadline = time.monotonic() + 5
    while httpd.log().count(begins) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return client


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def end_input(client: socket.socket) -> None:
    socket.socket.shutdown(client, socket.SHUT_WR)


def read_all(client: socket.socket) -> bytes:
    data = b""
    while chunk := client.recv(1 << 16):
        data += chunk
    return data


def said(httpd: Httpd, within: float) -> list[str]:
    """What the handler said, if it ended within so many seconds."""
    deadline = time.monotonic() + within
    while "life: finally" not in httpd.log() and time.monotonic() < deadline:
        time.sleep(0.01)
    return re.findall(r"life: (.*)$", httpd.log(), re.MULTILINE)


def left(what: str) -> Counter[str]:
    cancelled = ["cancelled"] if what == "aio" else []
    return Counter(["begins", "ConnectionResetError", "finally", *cancelled])


@both
@each_wait
def test_p6_a_reset_is_told_at_once(httpd: Httpd, what: str, tls: bool) -> None:
    reset(begun(httpd, f"- {what}", tls=tls))
    assert Counter(said(httpd, 2)) == left(what)
    assert "Traceback" not in httpd.log()


@both
@each_wait
def test_p6_the_end_of_the_input_is_told_at_once_where_no_answer_is_awaited(httpd: Httpd, what: str, tls: bool) -> None:
    begun(httpd, f"0 {what}", tls=tls).close()
    assert Counter(said(httpd, 2)) == left(what)
    if not tls:  # what a client has not read of TLS makes its close a reset
        httpd.wait_for_log(r"python:info.*ConnectionResetError: the peer has ended its side of the connection$")


@each_wait
def test_p6_the_end_of_the_input_is_told_after_a_time_in_which_nothing_was_sent(httpd: Httpd, what: str) -> None:
    begin = time.monotonic()
    with begun(httpd, f"0.4 {what}") as client:
        end_input(client)
        assert Counter(said(httpd, 3)) == left(what)
        assert time.monotonic() - begin >= 0.4
    httpd.wait_for_log("has ended its side of the connection, and nothing was sent to it for 0.4 s$")


@both
@pytest.mark.parametrize("what", ["brief_sleep", "brief_aio"])
def test_who_ends_only_its_side_is_answered(httpd: Httpd, what: str, tls: bool) -> None:
    with begun(httpd, f"- {what}", tls=tls) as client:
        end_input(client)
        assert read_all(client) == b"answer"
    assert said(httpd, 2) == ["begins", "done", "finally"]


def test_who_takes_what_is_sent_is_there(httpd: Httpd) -> None:
    with begun(httpd, "1.4 ticks") as client:
        end_input(client)
        assert read_all(client) == b"01234567answer"
    assert said(httpd, 2) == ["begins", "done", "finally"]


def test_a_reset_that_answers_what_was_written_is_told(httpd: Httpd) -> None:
    """The client closes; to what comes then, its system answers with a reset."""
    begun(httpd, "- writes").close()
    assert said(httpd, 4) == ["begins", "ConnectionResetError", "finally"]


def test_unread_bytes_come_before_the_end_but_not_before_a_reset(httpd: Httpd) -> None:
    with begun(httpd, "0 brief_sleep") as client:
        client.sendall(b"unread")
        end_input(client)
        assert read_all(client) == b"answer"
    assert said(httpd, 2) == ["begins", "done", "finally"]
    client = begun(httpd, "0 aio")
    client.sendall(b"x" * 200_000)  # more than is read ahead
    time.sleep(0.1)
    reset(client)
    httpd.wait_for_log("life: cancelled")
    httpd.wait_for_log("(?s)life: finally.*life: ConnectionResetError.*life: finally")


def test_who_has_read_the_end_may_wait(httpd: Httpd) -> None:
    with begun(httpd, "0 reads") as client:
        end_input(client)
        assert read_all(client) == b"answer"
    assert said(httpd, 2) == ["begins", "done", "finally"]


@pytest.mark.parametrize("unread", [b"", b"unread", b"x" * 100_000], ids=["nothing", "some", "much"])
def test_what_nobody_reads_costs_no_time(httpd: Httpd, unread: bytes) -> None:
    (child,) = httpd.children() if httpd.mpm == "event" else (None,)
    with begun(httpd, "- sleep") as client:
        client.sendall(unread)
        end_input(client)
        time.sleep(0.1)
        children = [child] if child else httpd.children()
        before = sum(map(cpu, children))
        time.sleep(0.5)
        assert sum(map(cpu, children)) - before <= 0.05
        reset(client)
    assert said(httpd, 2) == ["begins", "ConnectionResetError", "finally"]


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_who_goes_on_after_it_was_told_is_not_told_again(httpd: Httpd) -> None:
    client = httpd.connect(httpd.port_of("swallows_PORT"))
    httpd.wait_for_log("life: begins")
    client.close()
    httpd.wait_for_log("life: 0.0 b''$")
    assert httpd.log().count("life: the peer has ended its side of the connection") == 1


def test_p8_nothing_works_for_clients_that_have_left(httpd: Httpd) -> None:
    """An end that is reported together with an answer of asyncio's was overlooked."""
    count, wakeups = (3 if httpd.mpm == "prefork" else 12), 1_000_000  # prefork starts with four children
    clients = [httpd.connect(httpd.port_of("storm_PORT")) for _ in range(count)]
    for client in clients:
        client.sendall(b"%d\n" % wakeups)
    for client in clients:
        assert client.recv(100) == b"begun\n"
    for client in clients:
        reset(client)
    lines = "departures::storm .*: ConnectionResetError: the peer has broken the connection off"
    deadline = time.monotonic() + 20
    while len(re.findall(lines, httpd.log())) < count:
        assert time.monotonic() < deadline, len(re.findall(lines, httpd.log()))
        time.sleep(0.02)
    if httpd.mpm != "prefork":
        with httpd.connect(httpd.port_of("counts_PORT")) as client:
            told = []
            for _ in range(2):
                client.sendall(b"\n")
                told.append(int(client.recv(100)))
                time.sleep(0.2)
        assert told[0] == told[1] < count * wakeups
