"""Async connections beside HTTP, slow and hostile peers, timers and restarts, at full size.

By hand: target/venv/bin/python tests/bench/endurance.py [beside] [slow] [timers] [storm] [restarts]
"""

import os
import re
import socket
import statistics
import sys
import threading
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402
from tests.bench.clients import Clients, reset  # noqa: E402
from tests.bench.connections import SIZE  # noqa: E402

HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler MODULE::@
</VirtualHost>
"""
CONF = HOST.replace("MODULE", "async_basics").replace("@", "echo") + "".join(
    HOST.replace("MODULE", "async_life").replace("@", name) for name in ("streams", "timers")
)


def server(size: str = SIZE) -> Httpd:
    """A server of its own; the main one speaks HTTP."""
    httpd = Httpd(size + CONF)
    httpd.write("a.txt", "a" * 1000)
    return httpd


def gets(httpd: Httpd, count: int = 2000) -> float:
    """The median time of GET / on kept connections in seconds."""
    times: list[float] = []
    while len(times) < count:
        with httpd.connect() as client:
            for _ in range(90):  # httpd closes it after a hundred
                begin = time.perf_counter()
                client.sendall(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
                while (data := client.recv(65536)) and not data.endswith(b"a" * 1000):
                    pass
                if not data:  # and earlier where it has few threads, as at the start
                    break
                times.append(time.perf_counter() - begin)
    return statistics.median(times)


def beside() -> None:
    """GET / with 5,000 parked connections, and without; server and client on a core each: together they are slower."""
    with server() as httpd:
        os.sched_setaffinity(0, {0})
        (child,) = httpd.children()
        for thread in os.listdir(f"/proc/{child}/task"):
            os.sched_setaffinity(int(thread), {1})
        gets(httpd)
        without = gets(httpd)
        with Clients(httpd.port_of("echo_PORT")) as clients:
            clients.connect(5000)
            served = clients.run(60, trips=1).served
            beside = gets(httpd)
            again = gets(httpd)
        after = gets(httpd)
        print(
            f"beside: {served} parked; GET / median {without * 1e6:.0f} us without, {beside * 1e6:.0f} and "
            f"{again * 1e6:.0f} with them, {after * 1e6:.0f} after"
        )
    os.sched_setaffinity(0, range(os.cpu_count() or 1))


def slow() -> None:
    """200 slow readers of 10 MB each, and an echo beside them."""
    with server() as httpd:
        (child,) = httpd.children()
        before = httpd.memory(child).now
        readers = []
        for _ in range(200):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", httpd.port_of("streams_PORT")))
            reader.sendall(b"x\n")
            readers.append(reader)
        times = []
        with httpd.connect(httpd.port_of("echo_PORT")) as client:
            for number in range(100):
                begin = time.perf_counter()
                client.sendall(b"a\n")
                client.recv(10)
                times.append(time.perf_counter() - begin)
                readers[number].recv(2000)
        grown = httpd.memory(child).now - before
        print(
            f"slow readers: echo median {statistics.median(times) * 1000:.2f} ms, "
            f"{grown / 1024:.1f} MiB for 200 of them, {len(httpd.children())} child"
        )
        reset(readers)


def timers() -> None:
    """1,000 handlers that sleep from 10 ms to 2 s."""
    with server() as httpd:
        clients = [httpd.connect(httpd.port_of("timers_PORT")) for _ in range(1000)]
        asked = [0.01 + 1.99 * number / 1000 for number in range(1000)]
        for client, seconds in zip(clients, asked, strict=True):
            client.sendall(f"{seconds:.4f}\n".encode())
        late = sorted(float(client.recv(100)) - s for client, s in zip(clients, asked, strict=True))
        for client in clients:
            client.close()
        print(
            f"timers: late by {statistics.median(late) * 1000:.2f} ms (median), {late[990] * 1000:.1f} ms (99 %), "
            f"{late[-1] * 1000:.1f} ms (most), {late[0] * 1000:.2f} ms (least)"
        )


def storm() -> None:
    """1,000 connects and resets a second for 20 s."""
    with server() as httpd:
        (child,) = httpd.children()
        count, begin, seen = 0, time.monotonic(), []
        while (now := time.monotonic()) < begin + 20:
            client = httpd.connect(httpd.port_of("echo_PORT"))
            if count % 2:
                client.sendall(b"half")
            reset([client])
            count += 1
            if count > (now - begin) * 1000:
                time.sleep(0.001)
            if count % 4000 == 0:
                time.sleep(0.2)
                seen.append((len(os.listdir(f"/proc/{child}/fd")), httpd.memory(child).now))
        print(
            f"storm: {count / 20:.0f} a second; descriptors and KiB: {seen}; same child: {httpd.children() == [child]}"
        )


def restarts() -> None:
    """20 graceful restarts with 500 connected clients."""
    size = re.sub(r"ServerLimit 1\n", "ServerLimit 8\n", SIZE) + "PythonGracefulTimeout 1\n"
    whole, longest = 0, 0.0
    with server(size) as httpd:
        for _ in range(20):
            with Clients(httpd.port_of("echo_PORT")) as clients:
                clients.connect(500)
                assert clients.run(30, trips=1).served == 500
                old = set(httpd.children())
                begin = time.monotonic()
                restart = threading.Thread(target=httpd.graceful)
                restart.start()
                clients.run(30)
                restart.join()
                whole += sum(client.failed and not client.broken for client in clients.all)
            while old & set(httpd.children()):
                time.sleep(0.02)
            longest = max(longest, time.monotonic() - begin)
    print(
        f"restarts: {whole} of 10000 clients saw their answers whole and a clean end; the longest took {longest:.1f} s"
    )


def main() -> None:
    """Measure what is named, or all."""
    parts = {part.__name__: part for part in (beside, slow, timers, storm, restarts)}
    for name in sys.argv[1:] or parts:
        parts[name]()


if __name__ == "__main__":
    main()
