"""The life of asynchronous connections on the event MPM: parked, woken, ended once; rules P1-P20 of the protocols."""

import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from httpd import Httpd

HANDLERS = [
    *("ends", "stubborn", "told", "answers", "lingers", "pieces", "streams", "timers", "bulk", "dawdles"),
]
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler async_life::@
    Timeout 10
</VirtualHost>
"""
TLS_HOST = HOST.replace("${@_PORT}", "${TLS_@_PORT}").replace(
    "    Timeout 10\n",
    """    Timeout 10
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
    Protocols h2 http/1.1
""",
)
CONF = (
    "MaxRequestWorkers 16\nPythonGracefulTimeout 2\nAsyncRequestWorkerFactor 100\nAcceptFilter http none\n"
    + "".join(HOST.replace("@", name) for name in HANDLERS)
    + "".join(TLS_HOST.replace("@", name) for name in ("ends", "answers", "lingers"))
    + "".join(
        one.replace("::@", "::" + name).replace("@", f"SHORT_{name}").replace("Timeout 10", "Timeout 1")
        for one, name in ((HOST, "ends"), (TLS_HOST, "ends"), (HOST, "clock"))
    )
    + """
Listen 127.0.0.1:${FEW_PORT}
<VirtualHost *:${FEW_PORT}>
    PythonConnectionHandler async_life::ends
    PythonMaxConnections 3
</VirtualHost>
Listen 127.0.0.1:${SHARED_PORT}
<VirtualHost *:${SHARED_PORT}>
    PythonConnectionHandler async_basics::sniffs
    Protocols h2c http/1.1
</VirtualHost>
Listen 127.0.0.1:${TLS_SHARED_PORT}
<VirtualHost *:${TLS_SHARED_PORT}>
    PythonConnectionHandler async_basics::sniffs
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
    Protocols h2 http/1.1
</VirtualHost>
"""
)
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


def port(httpd: Httpd, name: str, tls: bool = False) -> int:
    return httpd.port_of(f"{'TLS_' if tls else ''}{name}_PORT")


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def lives(httpd: Httpd) -> list[str]:
    return re.findall(r"life: (.*)$", httpd.log(), re.MULTILINE)


def read_all(client: socket.socket) -> bytes:
    data = b""
    while chunk := client.recv(1 << 18):
        data += chunk
    return data


def begun(httpd: Httpd, name: str = "ends", tls: bool = False) -> socket.socket:
    client = httpd.connect(port(httpd, name, tls), tls=tls)
    client.sendall(b"a\n")
    assert client.recv(10) == b"a\n"
    return client


def ended(httpd: Httpd, how: str) -> None:
    deadline = time.monotonic() + 5
    while "finally" not in lives(httpd) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lives(httpd) == [how, "finally"]


# ---- P5, P6: one end


@both
def test_p6_end_of_input_ends_once(httpd: Httpd, tls: bool) -> None:
    begun(httpd, tls=tls).close()
    ended(httpd, "end of input")


@both
def test_p6_a_reset_ends_once(httpd: Httpd, tls: bool) -> None:
    reset(begun(httpd, tls=tls))
    ended(httpd, "ConnectionResetError")


@both
def test_p5_a_time_out_ends_once(httpd: Httpd, tls: bool) -> None:
    begin = time.monotonic()
    with begun(httpd, "SHORT_ends", tls=tls) as client:
        assert client.recv(10) == b""
        assert 0.9 <= time.monotonic() - begin < 1.6
        ended(httpd, "TimeoutError")


@both
def test_p6_an_exception_ends_once(httpd: Httpd, tls: bool) -> None:
    httpd.expect("KeyError: 'asked for'$")
    with begun(httpd, tls=tls) as client:
        client.sendall(b"raise\n")
        assert client.recv(10) == b""
    ended(httpd, "KeyError")


@pytest.mark.parametrize("what", [b"sleep\n", b"aio\n"])
def test_p6_a_reset_ends_other_waits_too(httpd: Httpd, what: bytes) -> None:
    begin = time.monotonic()
    with begun(httpd) as client:
        client.sendall(what)
        time.sleep(0.1)
        reset(client)
    ended(httpd, "ConnectionResetError")
    assert time.monotonic() - begin < 1


def test_p6_a_reset_while_writing_ends_once(httpd: Httpd) -> None:
    with begun(httpd) as client:
        client.sendall(b"flood\n")
        client.recv(100_000)
        time.sleep(0.1)
        reset(client)
    ended(httpd, "ConnectionResetError")


def test_p5_a_peer_that_takes_nothing_times_out(httpd: Httpd) -> None:
    with begun(httpd, "SHORT_ends") as client:
        begin = time.monotonic()
        client.sendall(b"flood\n")
        ended(httpd, "TimeoutError")
        assert 0.9 <= time.monotonic() - begin < 2.5


# ---- graceful restart; tests/connections/test_async_stop.py has the stop


@both
def test_p6_p11_a_graceful_restart_ends_once(httpd: Httpd, tls: bool) -> None:
    clients = [begun(httpd, tls=tls) for _ in range(30)]
    old = set(httpd.children())
    begin = time.monotonic()
    # Not the time-out: they go on talking.
    httpd.graceful()
    for client in clients:
        client.sendall(b"b\n")
        assert client.recv(10) == b"b\n"
    for client in clients:
        assert client.recv(10) == b""
        client.close()
    while old & set(httpd.children()):
        assert time.monotonic() - begin < 8
        time.sleep(0.05)
    ended_as = lives(httpd)
    assert ended_as.count("finally") == 30
    assert set(ended_as) == {"ShuttingDown", "finally"}


def test_conn_closing_lets_handlers_finish(httpd: Httpd) -> None:
    clients = [begun(httpd, "told") for _ in range(3)]
    httpd.graceful()
    for client in clients:
        client.sendall(b"b\n")
        assert read_all(client) == b"last b\n"
        client.close()


def test_shutting_down_can_be_answered(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "stubborn")) as client:
        assert client.recv(10) == b"hi\n"
        old = set(httpd.children())
        httpd.graceful()
        assert read_all(client) == b"going\n"
    while old & set(httpd.children()):
        time.sleep(0.05)
    assert "stubborn ShuttingDown" in lives(httpd)


# ---- P10: deadlines


@pytest.mark.alone
def test_p10_deadlines_of_an_idle_child(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "timers")) as client:
        for time_ in (0.01, 0.1, 0.35):
            client.sendall(f"{time_}\n".encode())
            assert time_ <= float(client.recv(100)) < time_ + 0.02


@pytest.mark.alone
def test_p10_many_timers(httpd: Httpd) -> None:
    count = 200  # tests/bench/connections.py has a thousand
    clients = [httpd.connect(port(httpd, "timers")) for _ in range(count)]
    times = [0.01 + 0.98 * number / count for number in range(count)]
    for client, time_ in zip(clients, times, strict=True):
        client.sendall(f"{time_:.4f}\n".encode())
    late = []
    for client, time_ in zip(clients, times, strict=True):
        late.append(float(client.recv(100)) - time_)
        client.close()
    assert min(late) > -0.001
    assert sorted(late)[count // 2] < 0.02


def test_a_talker_is_not_cut_by_httpds_time_out(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "SHORT_clock")) as client:
        assert read_all(client) == b"".join(b"%d\n" % number for number in range(18))


# ---- P12: how many


def test_p12_beyond_the_limit_connections_are_closed_and_http_answers(httpd: Httpd) -> None:
    httpd.write("a.txt", "a")
    clients = [begun(httpd, "FEW") for _ in range(3)]
    for _ in range(2):
        with httpd.connect(port(httpd, "FEW")) as refused:
            assert refused.recv(10) == b""
    assert httpd.get("/a.txt").text == "a"
    for client in clients:
        client.sendall(b"b\n")
        assert client.recv(10) == b"b\n"
        client.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with httpd.connect(port(httpd, "FEW")) as client:
            client.sendall(b"c\n")
            if client.recv(10) == b"c\n":
                return
    raise AssertionError("places are not given back")


def test_p12_the_factor_is_checked_at_the_start() -> None:
    conf = CONF.replace("AsyncRequestWorkerFactor 100", "AsyncRequestWorkerFactor 4\nPythonMaxConnections 1000")
    with Httpd(conf, beside=__file__) as httpd:
        httpd.expect(
            "python:warn.* PythonMaxConnections 1000 starves HTTP: with ThreadsPerChild 16, set "
            "AsyncRequestWorkerFactor to 63 or more, or PythonMaxConnections to 64$"
        )


# ---- P13, P14: output


def test_p14_small_writes_go_out_together(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "pieces")) as client:
        for _ in range(3):
            client.sendall(b"x\n")
            assert client.recv(1000) == b" ".join(b"%d" % number for number in range(50)) + b" \n"


def test_p13_slow_readers_cost_neither_memory_nor_others_time(httpd: Httpd) -> None:
    (child,) = httpd.children()
    before = httpd.memory(child).now
    slow = [httpd.connect(port(httpd, "streams")) for _ in range(100)]
    for client in slow:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"x\n")
    times = []
    with begun(httpd, "told") as client:
        for _ in range(30):
            begin = time.monotonic()
            client.sendall(b"a\n")
            assert client.recv(10) == b"a\n"
            times.append(time.monotonic() - begin)
            for reader in slow:
                reader.recv(2000)
    assert sorted(times)[15] < 0.05
    assert httpd.memory(child).now - before < 100 * 300
    for client in slow:
        reset(client)


# ---- P15, P16: one port, several protocols


def test_p16_h2c_on_a_shared_port(httpd: Httpd) -> None:
    httpd.write("a.txt", "a")
    url = f"http://127.0.0.1:{port(httpd, 'SHARED')}/a.txt"
    assert httpd.curl("--http2-prior-knowledge", "-w", " %{http_version}", url).stdout == b"a 2"
    assert httpd.curl("-w", " %{http_version}", url).stdout == b"a 1.1"


def test_p16_alpn_survives_peeking(httpd: Httpd) -> None:
    httpd.write("a.txt", "a")
    url = f"https://localhost:{port(httpd, 'TLS_SHARED')}/a.txt"
    assert httpd.curl("--http1.1", "-w", " %{http_version}", url).stdout == b"a 1.1"
    assert httpd.curl("--http2", "-w", " %{http_version}", url).stdout == b"a 2"


# ---- P18: the last answer arrives


@both
@pytest.mark.parametrize("name", ["answers", "lingers"])
def test_p18_the_last_answer_arrives_whatever_is_unread(httpd: Httpd, name: str, tls: bool) -> None:
    with httpd.connect(port(httpd, name, tls), tls=tls) as client:
        client.sendall(b"x" * 200_000)
        assert read_all(client) == b"a" * 100_000


# ---- hostile peers


def test_input_that_nobody_reads_costs_no_time(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "dawdles")) as client:
        assert client.recv(10) == b"go\n"
        before = _cpu(httpd)
        size = 0
        for _ in range(20):
            client.sendall(b"x" * 10_000)
            size += 10_000
            time.sleep(0.01)
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"%d\n" % size
        assert _cpu(httpd) - before < 0.2


@pytest.mark.parametrize("state", ["connected", "partial", "sleeping", "writing"])
def test_resets_in_every_state_leave_nothing(httpd: Httpd, state: str) -> None:
    (child,), before, counts = httpd.children(), 0, [0]
    for round_ in range(2):
        for _ in range(100):
            client = httpd.connect(port(httpd, "timers" if state == "sleeping" else "ends"))
            if state != "connected":
                client.sendall({"partial": b"half", "sleeping": b"0.2\n", "writing": b"flood\n"}[state])
            reset(client)
        counts = [_descriptors(child)]
        while len(counts) < 12 or len(set(counts[-12:])) > 1:  # until all is quiet
            time.sleep(0.05)
            counts.append(_descriptors(child))
        if round_ == 0:
            before = counts[-1]
    deadline = time.monotonic() + 5
    while _descriptors(child) > before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert httpd.children() == [child]


def _cpu(httpd: Httpd) -> float:
    (child,) = httpd.children()
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.fixture(autouse=True)
def _one_child(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "httpd" in request.fixturenames:
        httpd = request.getfixturevalue("httpd")
        deadline = time.monotonic() + 5
        while len(httpd.children()) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
