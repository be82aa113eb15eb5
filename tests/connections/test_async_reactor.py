"""Who steps parked connections, and what they take: fairness, long steps, ends, time, descriptors."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from few_descriptors import MOST, FewDescriptors

from httpd import Httpd
from tests.bench.clients import Clients

HANDLERS = {
    "echo": "async_basics::echo",
    "blocks": "long_steps::blocks",
    "mixed": "long_steps::mixed",
    "says_end": "long_steps::says_end",
}
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler HANDLER
    Timeout 10
</VirtualHost>
"""
CONF = (
    "MaxRequestWorkers 16\nServerLimit 1\nStartServers 1\nAsyncRequestWorkerFactor 60\nAcceptFilter http none\n"
    + "".join(HOST.replace("@", name).replace("HANDLER", handler) for name, handler in HANDLERS.items())
    + HOST.replace("@", "patient").replace("HANDLER", "long_steps::patient").replace("10", "1")
    + HOST.replace("@", "TLS_ends")
    .replace("HANDLER", "long_steps::says_end")
    .replace("</V", 'SSLEngine on\nSSLCertificateFile "${CERT}"\nSSLCertificateKeyFile "${KEY}"\n</V')
)
THREADS = 16


def port(httpd: Httpd, name: str) -> int:
    return httpd.port_of(f"{name}_PORT")


def echoed(client: socket.socket) -> float:
    begin = time.monotonic()
    client.sendall(b"x\n")
    assert client.recv(10) == b"x\n"
    return time.monotonic() - begin


def test_all_that_talk_at_once_have_their_turns(httpd: Httpd) -> None:
    """By httpd's own way, some of those who talk all the time are served, and others not before they pause."""
    with Clients(port(httpd, "echo")) as clients:
        clients.connect(300)
        trips, seconds = [0], 1.5
        while trips[0] < 30 and seconds < 10:  # on a busy machine, a few turns more or less are a large share of all
            result = clients.run(seconds)
            trips = sorted(client.trips for client in clients.all)
            seconds *= 2
        assert result.served == 300
        assert trips[0] * 3 > trips[-1] > 10


def test_a_long_step_keeps_nobody_from_theirs(httpd: Httpd) -> None:
    """Nor do several: a handler that blocks has a thread for itself meanwhile, like a plain one."""
    with httpd.connect(port(httpd, "echo")) as client, contextlib.ExitStack() as stack:
        echoed(client)
        slow = [stack.enter_context(httpd.connect(port(httpd, "blocks"))) for _ in range(THREADS // 4)]
        for one in slow:
            one.sendall(b"0\n")
            assert one.recv(10) == b"done\n"
        for one in slow:
            one.sendall(b"1\n")
        begin = time.monotonic()
        times = []
        while time.monotonic() < begin + 0.8:
            times.append(echoed(client))
            time.sleep(0.01)
        assert max(times) < 0.3
        assert sorted(times)[len(times) // 2] < 0.05
        for one in slow:
            assert one.recv(10) == b"done\n"
        # They have waited side by side.
        assert time.monotonic() - begin < 1.5


def test_a_step_that_blocks_does_not_delay_what_others_await(httpd: Httpd) -> None:
    """Steps that are ready together share the GIL, and asyncio's loop is called behind them."""
    with contextlib.ExitStack() as stack:
        computes, *others, blocks = (stack.enter_context(httpd.connect(port(httpd, "mixed"))) for _ in range(6))
        for one in (computes, *others, blocks):
            one.sendall(b"aio 0\n")
            assert one.recv(10) == b"aio\n"
        for _ in range(2):
            computes.sendall(b"computes 3\n")  # meanwhile the others get ready
            for other in others:
                other.sendall(b"aio 0\n")
            blocks.sendall(b"blocks 4\n")
            begin = time.monotonic()
            for other in others:
                assert other.recv(10) == b"aio\n"
            assert time.monotonic() - begin < 3
            assert computes.recv(20) == b"computes\n"
            assert blocks.recv(10) == b"blocks\n"


def test_http_is_answered_while_all_talk(httpd: Httpd) -> None:
    httpd.write("a.txt", "a")
    with Clients(port(httpd, "echo")) as clients:
        clients.connect(200)
        talk = threading.Thread(target=clients.run, args=(1.5,))
        talk.start()
        times = []
        while talk.is_alive():
            begin = time.monotonic()
            assert httpd.get("/a.txt").text == "a"
            times.append(time.monotonic() - begin)
        talk.join()
        assert len(times) > 5
        assert sorted(times)[len(times) // 2] < 0.2


def test_an_end_right_behind_data_is_seen_at_once(httpd: Httpd) -> None:
    for name, tls in (("says_end", False), ("TLS_ends", True)):
        for wait in (0.0, 0.05):
            with httpd.connect(port(httpd, name), tls=tls) as client:
                assert echoed(client) < 2
                time.sleep(wait)
                begin = time.monotonic()
                client.sendall(b"b\n")
                socket.socket.shutdown(client, socket.SHUT_WR)
                got = b""
                while data := client.recv(10):
                    got += data
                assert got == b"b\nend\n"
                assert time.monotonic() - begin < 2


def test_the_first_words_and_the_end_in_one(httpd: Httpd) -> None:
    assert httpd.raw(b"a\nb\n", port=port(httpd, "says_end"), half_close=True) == b"a\nb\nend\n"


def test_who_waits_for_longer_than_timeout_stays(httpd: Httpd) -> None:
    """The MPM closes what was parked for a Timeout; it is shown what is still in use."""
    begin = time.monotonic()
    with httpd.connect(port(httpd, "patient")) as client:
        for _ in range(4):
            assert client.recv(10) == b"nothing\n"
        assert time.monotonic() - begin > 2.5
        assert echoed(client) < 0.5


@pytest.fixture
def few() -> Iterator[FewDescriptors]:
    """A server of few descriptors."""
    with FewDescriptors(CONF, beside=__file__) as httpd:
        httpd.expect(r"960 parked connections of a child take \d+ descriptors, and it has 300: raise ulimit -n ")
        httpd.write("a.txt", "a")
        yield httpd


@pytest.mark.parametrize("name", ["echo", "TLS_ends"])
def test_descriptors_run_out_for_connections_not_for_http(few: FewDescriptors, name: str) -> None:
    """An idle connection has one where they are short; who comes too late is told, and HTTP goes on."""
    (child,) = few.children()
    few.expect(r"\[client 127\.0\.0\.1:\d+\] closed: .*This child has 300 descriptors: raise ulimit -n ")
    with contextlib.ExitStack() as stack:
        clients: list[socket.socket] = []
        while len(clients) < MOST:
            with contextlib.suppress(ConnectionError):
                client = stack.enter_context(few.connect(port(few, name), tls=name == "TLS_ends"))
                client.sendall(b"x\n")
                if client.recv(10) == b"x\n":
                    clients.append(client)
                    continue
            break
        # Two each would be fewer than half as many.
        assert MOST * 0.55 < len(clients) < MOST
        for _ in range(3):
            for client in clients:
                client.sendall(b"x\n")
            for client in clients:
                assert client.recv(10) == b"x\n"
        assert few.get("/a.txt").text == "a"
        for client in clients:
            socket.socket.shutdown(client, socket.SHUT_WR)
            assert client.recv(10) == (b"" if name == "echo" else b"end\n")
    with few.connect(port(few, "echo")) as client:
        echoed(client)
    assert few.children() == [child]


def test_time_passes_for_those_with_one_descriptor(few: FewDescriptors) -> None:
    """A deadline finds them though the MPM watches their sockets: they write, and go on."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(few.connect(port(few, "patient"))) for _ in range(140)]
        for client in clients:
            client.sendall(b"x\n")
        for client in clients:
            assert client.recv(10) == b"x\n"
        for client in clients:
            assert client.recv(10) == b"nothing\n"
        for client in clients:
            client.sendall(b"x\n")
        for client in clients:
            assert client.recv(10) == b"x\n"
