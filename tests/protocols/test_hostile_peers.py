"""Slow, broken and hostile peers of async connection handlers cost what honest ones cost, and are got rid of."""

import contextlib
import os
import select
import socket
import struct
import time
from pathlib import Path

import pytest

from httpd import Httpd

HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler named_protocols::idles
    Timeout 5
"""
CONF = f"""
{HOST.replace("@", "CLEAR")}
</VirtualHost>
{HOST.replace("@", "SECURE")}
    SSLEngine on
    SSLCertificateFile "${{CERT}}"
    SSLCertificateKeyFile "${{KEY}}"
</VirtualHost>
"""
# A whole storm is 20 s; a second of it shows as much to who looks each day.
STORM = float(os.environ.get("STORM_SECONDS", "2"))
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


def connect(httpd: Httpd, tls: bool = False) -> socket.socket:
    return httpd.connect(httpd.port_of("SECURE_PORT" if tls else "CLEAR_PORT"), tls=tls)


def reset(client: socket.socket) -> None:
    """End a connection as a peer does that crashes."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def cpu(httpd: Httpd) -> float:
    """Seconds of CPU that the children have used."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in httpd.children()]
    return sum(int(of[11]) + int(of[12]) for of in fields) / os.sysconf("SC_CLK_TCK")


def descriptors(httpd: Httpd) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in httpd.children())


def memory(httpd: Httpd) -> int:
    """KiB of the children."""
    return sum(httpd.memory(pid).now for pid in httpd.children())


@pytest.mark.alone
@both
def test_one_byte_at_a_time(httpd: Httpd, tls: bool) -> None:
    """Thirty peers that drip: each line is whole in the end, and waiting for it costs nothing."""
    clients = [connect(httpd, tls) for _ in range(30)]
    before = cpu(httpd)
    for byte in b"drip\n":
        for client in clients:
            client.sendall(bytes([byte]))
        time.sleep(0.2)
    for client in clients:
        assert client.recv(100) == b"drip\n"
        client.close()
    # 150 wake-ups; a loop that is busy for this second would show as one.
    assert cpu(httpd) - before < 0.4


@pytest.mark.alone
@both
def test_a_line_without_an_end(httpd: Httpd, tls: bool) -> None:
    """A gigabyte, if the peer had its way: it is told the end at the limit, and the child is none the worse for it.

    (What such a peer sends on, httpd reads and drops for a while, so that it gets to see that end.)
    """
    with connect(httpd, tls) as client, contextlib.suppress(ConnectionError):
        # asyncio, whose exception it is, is imported once.
        client.sendall(b"x" * 100_000)
        assert client.recv(100) == b""
    before, children = memory(httpd), httpd.children()
    sent, is_told = 0, False
    with connect(httpd, tls) as client, contextlib.suppress(ConnectionError):
        while sent < 1 << 30 and not is_told:
            client.sendall(b"x" * 65536)
            sent += 65536
            if select.select([client], [], [], 0)[0]:
                is_told = client.recv(100) == b""
    assert sent < 64 << 20
    assert memory(httpd) - before < 4096
    assert httpd.children() == children
    with connect(httpd, tls) as client:
        client.sendall(b"next\n")
        assert client.recv(100) == b"next\n"


def test_half_close(httpd: Httpd) -> None:
    """Who has said all still gets all answers, and then the end."""
    with connect(httpd) as client:
        client.sendall(b"line\n" * 10_000 + b"last")
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := client.recv(1 << 16):
            answer += chunk
    assert answer == b"line\n" * 10_000 + b"last"


@pytest.mark.alone
@both
def test_a_storm_of_connects_and_resets(httpd: Httpd, tls: bool) -> None:
    """A thousand a second, broken off at once, in a line, or unread: nothing of them stays."""

    def storm(seconds: float) -> int:
        begin, count = time.monotonic(), 0
        while (now := time.monotonic() - begin) < seconds:
            # TLS: no handshake, or nonsense for one.
            client = socket.create_connection(("127.0.0.1", httpd.port_of("SECURE_PORT" if tls else "CLEAR_PORT")))
            if count % 3:
                client.sendall((b"half a line", b"line\n" * 100)[count % 2])
            reset(client)
            count += 1
            time.sleep(max(0, count / 1000 - now))
        return count

    def quiet() -> int:
        counts = [descriptors(httpd)]
        deadline = time.monotonic() + 10
        while (len(counts) < 5 or len(set(counts[-5:])) > 1) and time.monotonic() < deadline:
            time.sleep(0.05)
            counts.append(descriptors(httpd))
        return counts[-1]

    storm(STORM / 2)
    children, files, used = httpd.children(), quiet(), memory(httpd)
    count = storm(STORM)
    assert count > 300 * STORM
    assert httpd.children() == children
    assert quiet() <= files + 2
    assert memory(httpd) - used < 2048
    print(f"{count} connections in {STORM} s: {files} → {descriptors(httpd)} files, {memory(httpd) - used:+} KiB")
    before = cpu(httpd)
    time.sleep(0.5)
    assert cpu(httpd) - before < 0.1
    with connect(httpd, tls) as client:
        client.sendall(b"still here\n")
        assert client.recv(100) == b"still here\n"
