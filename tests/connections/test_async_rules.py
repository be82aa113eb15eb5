"""Rules of asynchronous connection handlers: one protocol beside HTTP, hostile peers, many of them."""

import os
import re
import select
import socket
import ssl
import struct
import threading
import time
from pathlib import Path

from httpd import Httpd
from tests.bench.clients import Clients

HANDLERS = ["quiet", "ends", "storm", "tells_id", "limited", "streams", "bulk", "floods"]
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler async_life::@
    Timeout 10
</VirtualHost>
"""
TLS = """
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
</VirtualHost>
"""
CONF = (
    "MaxRequestWorkers 16\nPythonGracefulTimeout 2\nAsyncRequestWorkerFactor 200\nAcceptFilter http none\n"
    "ExtendedStatus On\n<Location /server-status>\nSetHandler server-status\n</Location>\n"
    + "".join(HOST.replace("@", name) for name in HANDLERS).replace("async_life::quiet", "async_basics::echo")
    + HOST.replace("async_life::@", "async_basics::echo").replace("@", "TLS_ends").replace("</VirtualHost>\n", TLS)
    + HOST.replace("async_life::@", "async_basics::echo")
    .replace("@", "TLS_brief")
    .replace("Timeout 10\n</VirtualHost>\n", "Timeout 1" + TLS)
)
MODULES = ["status"]


def port(httpd: Httpd, name: str) -> int:
    return httpd.port_of(f"{name}_PORT")


def the_child(httpd: Httpd) -> int:
    deadline = time.monotonic() + 8
    while len(children := httpd.children()) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    (child,) = children
    return child


def cpu(httpd: Httpd) -> float:
    fields = Path(f"/proc/{the_child(httpd)}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_p1_other_hosts_speak_http(httpd: Httpd) -> None:
    httpd.write("a.txt", "a")
    assert httpd.get("/a.txt").text == "a"
    assert httpd.curl("-w", "%{http_version}", httpd.url("/a.txt", tls=True)).stdout == b"a2"


def test_p3_three_messages_in_one_tls_record(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "TLS_ends"), tls=True) as client:
        for _ in range(3):
            client.sendall(b"one\ntwo\nthree\n")
            got = b""
            while len(got) < 14:
                got += client.recv(100)
            assert got == b"one\ntwo\nthree\n"


def test_p7_woken_from_elsewhere_while_input_comes(httpd: Httpd) -> None:
    clients = [httpd.connect(port(httpd, "storm")) for _ in range(20)]
    for _ in range(3):
        for client in clients:
            client.sendall(b"50\n")
        for client in clients:
            client.sendall(b"1\n")
    for client in clients:
        got = b""
        while got.count(b"\n") < 6:
            got += client.recv(100)
        assert got == b"50\n1\n" * 3 or sorted(got.split()) == [b"1"] * 3 + [b"50"] * 3
        client.close()


def test_p8_what_comes_after_the_end_is_dropped(httpd: Httpd) -> None:
    child = the_child(httpd)
    clients = [httpd.connect(port(httpd, "storm")) for _ in range(30)]
    for client in clients:
        client.sendall(b"1000\n")
    time.sleep(0.1)
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    time.sleep(0.3)
    with httpd.connect(port(httpd, "ends")) as client:
        client.sendall(b"x\n")
        assert client.recv(10) == b"x\n"
    assert httpd.children() == [child]


def test_p9_one_connection_has_one_id_in_the_log(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "tells_id")) as client:
        for _ in range(20):
            client.sendall(b"x\n")
            client.recv(100)
        peer = client.getsockname()[1]
    assert len(re.findall(rf"client 127\.0\.0\.1:{peer}\] life: line", httpd.log())) == 20


def test_p14_few_packets(httpd: Httpd) -> None:
    with httpd.connect(port(httpd, "ends")) as client:
        client.sendall(b"".join(b"%d\n" % number for number in range(100)))
        got = b""
        while got.count(b"\n") < 100:
            got += client.recv(10_000)
        info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
        # tcpi_data_segs_in of struct tcp_info: hundred answers, written one by one.
        assert struct.unpack_from("I", info, 152)[0] <= 5


def test_parked_connections_are_counted(httpd: Httpd) -> None:
    with Clients(port(httpd, "quiet")) as clients:
        clients.connect(50)
        assert clients.run(10, trips=1).served == 50
        deadline = time.monotonic() + 5
        while "PythonConnectionsParked: 50\n" not in (status := httpd.get("/server-status?auto").text):
            assert time.monotonic() < deadline, status
    assert "PythonConnectionsOpen: 50\n" in status


def test_many_connections_are_all_served(httpd: Httpd) -> None:
    httpd.write("a.txt", "a")
    with Clients(port(httpd, "quiet")) as clients:
        clients.connect(1000)
        assert clients.run(30, trips=3).served == 1000
        before = cpu(httpd)
        time.sleep(0.5)
        assert cpu(httpd) - before <= 0.02
        assert httpd.get("/a.txt").text == "a"


def test_many_tls_connections_are_all_served(httpd: Httpd) -> None:
    context = ssl.create_default_context(cafile=httpd.certificate)
    with Clients(port(httpd, "TLS_ends"), tls=context) as clients:
        clients.connect(100, at_once=50)
        assert clients.run(30, trips=3).served == 100


def test_a_slow_handshake_holds_no_thread(httpd: Httpd) -> None:
    # The first bytes of a ClientHello, and no more.
    slow = [httpd.connect(port(httpd, "TLS_brief")) for _ in range(40)]
    for client in slow:
        client.sendall(b"\x16\x03\x01\x02\x00\x01")
    begin = time.monotonic()
    with httpd.connect(port(httpd, "TLS_ends"), tls=True) as client:
        client.sendall(b"x\n")
        assert client.recv(10) == b"x\n"
    assert time.monotonic() - begin < 1
    for client in slow:
        assert client.recv(10) == b""
        client.close()


def test_a_line_without_end_ends_cleanly(httpd: Httpd) -> None:
    child, memory = the_child(httpd), []
    for _ in range(3):
        with httpd.connect(port(httpd, "limited")) as client:
            sent, piece = 0, b"x" * 65536
            # httpd reads on for a while, so that its end of the connection is seen.
            while not select.select([client], [], [], 0)[0]:
                sent += client.send(piece)
                assert sent < 1 << 30
            assert client.recv(10) == b""
        memory.append(httpd.memory(child).now)
    assert memory[2] - memory[0] < 2000


def test_p13_what_a_fast_reader_has_taken_is_let_go_within_the_step(httpd: Httpd) -> None:
    child = the_child(httpd)
    with httpd.connect(port(httpd, "floods")) as client:
        client.sendall(b"x\n")
        before, most, left = httpd.memory(child).now, 0, 200 << 20
        while left:
            left -= len(data := client.recv(min(left, 1 << 20)))
            assert data
            most = max(most, httpd.memory(child).now)
    assert most - before < 30_000


def test_p3_a_connection_without_filters_is_not_read_again_in_vain(httpd: Httpd) -> None:
    child = the_child(httpd)

    before = 0

    def reads() -> int:
        (count,) = re.findall(r"^syscr: (\d+)$", Path(f"/proc/{child}/io").read_text(), re.MULTILINE)
        return int(count)

    with httpd.connect(port(httpd, "ends")) as client:
        for number in range(210):
            if number == 10:
                before = reads()
            client.sendall(b"a\n")
            assert client.recv(10) == b"a\n"
    # What came, and httpd's own look for more.
    assert reads() - before < 200 * 2.5


def test_one_byte_at_a_time(httpd: Httpd) -> None:
    clients = [httpd.connect(port(httpd, "ends")) for _ in range(50)]
    for byte in b"slow\n":
        for client in clients:
            client.sendall(bytes([byte]))
        time.sleep(0.02)
    for client in clients:
        assert client.recv(10) == b"slow\n"
        client.close()


def test_connects_and_resets_leave_nothing(httpd: Httpd) -> None:
    child = the_child(httpd)

    def storm(seconds: float) -> tuple[int, int]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            client = httpd.connect(port(httpd, "ends"))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        time.sleep(0.3)
        return len(os.listdir(f"/proc/{child}/fd")), httpd.memory(child).now

    first = storm(0.7)
    second = storm(0.7)
    assert second[0] <= first[0]
    assert second[1] - first[1] < 2000
    assert httpd.children() == [child]


def test_graceful_restarts_under_load(httpd: Httpd) -> None:
    count = 60
    for _ in range(3):
        with Clients(port(httpd, "quiet")) as clients:
            clients.connect(count)
            assert clients.run(10, trips=1).served == count
            old = set(httpd.children())
            restart = threading.Thread(target=httpd.graceful)
            restart.start()
            clients.run(10)
            restart.join()
            # Each sees its answers whole, and then a clean end.
            assert all(client.failed for client in clients.all)
            assert not any(client.broken for client in clients.all)
        deadline = time.monotonic() + 5
        while old & set(httpd.children()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
