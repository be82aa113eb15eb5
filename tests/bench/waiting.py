"""Thousands of requests that wait a second on one child with 16 threads: when all are answered, and GETs beside them.

By hand: target/venv/bin/python tests/bench/waiting.py [--many 2000 10000] [--rounds 3] [--paths /sleeps /bare/]

/sleeps awaits req.sleep(), /loops apache.aio(), /aio is a handler on asyncio's loop; /bare/ and /starlette/ are
applications of ASGI, and need the packages of tests/requirements.txt.
"""

import argparse
import contextlib
import errno
import resource
import selectors
import socket
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from packages import WithPackages  # noqa: E402

from httpd import Httpd  # noqa: E402
from tests.bench.one_child import ONE_CHILD  # noqa: E402

HANDLER = """
import asyncio
from mod_python import apache

async def sleeps(req):
    await req.sleep(1)
    req.set_content_length(5)
    await req.write("slept")
    return apache.OK

async def long(req):
    await req.sleep(8)
    req.set_content_length(5)
    await req.write("slept")
    return apache.OK

def plain(req):
    req.set_content_length(5)
    req.write("plain")
    return apache.OK

async def loops(req):
    await apache.aio(asyncio.sleep(1))
    req.set_content_length(5)
    await req.write("slept")
    return apache.OK

@apache.aio
async def aio(req):
    await asyncio.sleep(1)
    req.set_content_length(5)
    await req.write("slept")
    return apache.OK
"""
BARE = """
import asyncio

async def application(scope, receive, send):
    assert scope["type"] == "http"
    await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"slept"})
"""
STARLETTE = """
import asyncio
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def sleeps(request):
    await asyncio.sleep(1)
    return PlainTextResponse("slept")

application = Starlette(routes=[Route("/", sleeps)])
"""
CONF = f"""{ONE_CHILD}AsyncRequestWorkerFactor 800
PythonMaxWaitingRequests 12000
Timeout 60
KeepAliveTimeout 60
MaxKeepAliveRequests 0
ListenBacklog 4096
"""
CONF += "".join(
    f'<Location "/{name}">\n    SetHandler mod_python\n    PythonHandler waiting::{name}\n</Location>\n'
    for name in ("sleeps", "loops", "aio", "long", "plain")
)
PATHS = ["/sleeps", "/loops", "/aio", "/bare/", "/starlette/"]
CONF += "PythonApplication /bare asgi bare_site\nPythonApplication /starlette asgi starlette_site\n"


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


AT_ONCE, PAUSE = 2000, 0.3  # how many clients connect, and the seconds until as many more do


@dataclass
class Client:
    """One connection: how many bytes of its answer are missing, and whether it has ended."""

    socket: socket.socket
    missing: int = 0
    ended: bool = False


class Clients:
    """Clients that ask for one path at the same time, again and again on the same connections."""

    def __init__(self, port: int, path: str, count: int) -> None:
        """None is connected yet."""
        self._port, self._request = port, _get(path)
        self._selector = selectors.DefaultSelector()
        self.all = [Client(socket.socket()) for _ in range(count)]

    def first(self, path: str | None = None) -> int:
        """The length of an answer, or of one of another path."""
        request = self._request if path is None else _get(path)
        with socket.create_connection(("127.0.0.1", self._port)) as client:
            client.sendall(request)
            return len(client.recv(65536))

    def round(self, length: int, *, connect: bool) -> tuple[float, int]:
        """Ask, and wait for all answers: the seconds until the last one, and how many came."""
        begin = time.monotonic()
        for client in self.all:
            client.missing = length
            if not connect and not client.ended:
                self._send(client)
        left = sum(not client.ended for client in self.all)
        connected = 0 if connect else len(self.all)
        while left and time.monotonic() < begin + 30:
            # A few thousand stand in the queue of the kernel.
            while connected < min(len(self.all), AT_ONCE * (1 + int((time.monotonic() - begin) / PAUSE))):
                self._connect(self.all[connected])
                connected += 1
            for key, events in self._selector.select(PAUSE):
                client = key.data
                if events & selectors.EVENT_WRITE:
                    self._selector.modify(client.socket, selectors.EVENT_READ, client)
                    self._send(client)
                else:
                    waited = client.missing > 0
                    left -= waited and (not self._receive(client) or client.missing == 0)
        return time.monotonic() - begin, sum(not client.ended and client.missing == 0 for client in self.all)

    def _connect(self, client: Client) -> None:
        client.socket.setblocking(False)
        assert client.socket.connect_ex(("127.0.0.1", self._port)) in (0, errno.EINPROGRESS)
        self._selector.register(client.socket, selectors.EVENT_WRITE, client)

    def _send(self, client: Client) -> None:
        with contextlib.suppress(OSError):  # its end is read
            client.socket.send(self._request)

    def _receive(self, client: Client) -> bool:
        try:
            data = client.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            client.ended = True
            self._selector.unregister(client.socket)
        client.missing -= len(data)
        return bool(data)

    def close(self) -> None:
        """End all connections."""
        for client in self.all:
            client.socket.close()
        self._selector.close()


def server() -> Httpd:
    """A server with what is asked for."""
    httpd = WithPackages(CONF, allow=["AH0004[56]"])
    for name, text in (("waiting", HANDLER), ("bare_site", BARE), ("starlette_site", STARLETTE)):
        httpd.handler(f"{name}.py", text)
    return httpd


def measure(path: str, count: int, rounds: int) -> None:
    """Measure one kind of wait."""
    with server() as httpd:
        clients = Clients(httpd.port, path, count)
        length = clients.first()
        for number in range(rounds):
            seconds, answered = clients.round(length, connect=number == 0)
            print(f"{path}: round {number + 1}: {answered} of {count} answered in {seconds:.2f} s", flush=True)
        clients.close()


def clients_within_limit(wanted: int) -> int:
    """Raise the limit of descriptors for so many clients. Return how many the limit allows, if it is a hard one."""
    # The server's connections that wait have two descriptors in the first half of the numbers, and one in the rest,
    # of which one in 16 is kept free (src/engine/capacity.rs).
    needed = (wanted + 200) * 16 // 11
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(needed, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        allowed = min(wanted, hard * 11 // 16 - 200)
        if allowed < wanted:
            print(f"{allowed} clients in place of {wanted}: the limit of descriptors is {hard}, and hard", flush=True)
        return allowed
    return wanted


def median(httpd: Httpd, count: int) -> float:
    """The median of so many GETs on one connection, in seconds."""
    times: list[float] = []
    client = httpd.connect()
    while len(times) < count:
        begin = time.perf_counter()
        client.sendall(_get("/plain"))
        if data := client.recv(65536):
            assert data.endswith(b"plain")
            times.append(time.perf_counter() - begin)
        else:  # httpd closes connections that are kept alive where all of its threads are busy
            client.close()
            client = httpd.connect()
    client.close()
    return statistics.median(times)


def beside(count: int) -> None:
    """Measure plain GETs without waiting clients and beside them, by turns."""
    with server() as httpd:
        median(httpd, 1000)
        alone, together = [], []
        for _ in range(3):
            alone.append(median(httpd, 1000))
            clients = Clients(httpd.port, "/long", count)
            asked = threading.Thread(target=clients.round, args=(clients.first("/plain"),), kwargs={"connect": True})
            asked.start()
            time.sleep(3)  # all of them have asked
            together.append(median(httpd, 1000))
            asked.join()
            clients.close()
        before, after = (1e6 * min(times) for times in (alone, together))
        text = f"{before:.0f} us alone, {after:.0f} us beside {count} that wait: {100 * after / before - 100:+.0f} %"
        print(f"the median of plain GETs: {text}", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, nargs="+", default=[2000, 10_000], help="how many clients wait at once")
    parser.add_argument("--rounds", type=int, default=3, help="how often each client asks")
    parser.add_argument("--paths", nargs="+", default=PATHS, help="which of the kinds of waits")
    options = parser.parse_args()
    beside(clients_within_limit(2000))
    for path in options.paths:
        for count in options.many:
            measure(path, clients_within_limit(count), options.rounds)


if __name__ == "__main__":
    main()
