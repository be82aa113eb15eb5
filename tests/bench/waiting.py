"""Thousands of requests that wait a second on one child with 16 threads: when all are answered, and GETs beside them.

By hand: target/venv/bin/python tests/bench/waiting.py [--many 2000 10000] [--rounds 3] [--paths /sleeps /bare/]

/sleeps awaits req.sleep(), /loops apache.aio(), /aio is a handler on asyncio's loop; /bare/ and /starlette/ are
applications of ASGI, and need the packages of tests/requirements.txt.
"""

import argparse
import contextlib
import errno
import os
import resource
import selectors
import socket
import ssl
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from packages import WithPackages  # noqa: E402

from httpd import Httpd  # noqa: E402
from tests.bench.one_child import ONE_CHILD  # noqa: E402

ANSWER = b"slept"
LONG = 10  # seconds that clients wait while others are measured
HANDLER = (
    f"LONG = {LONG}"
    + """
import asyncio
from mod_python import apache

async def sleeps(req):
    await req.sleep(1)
    req.set_content_length(5)
    await req.write("slept")
    return apache.OK

async def long(req):
    await req.sleep(LONG)
    req.set_content_length(5)
    await req.write("slept")
    return apache.OK

@apache.aio
async def long_aio(req):
    await asyncio.sleep(LONG)
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
)
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
    for name in ("sleeps", "loops", "aio", "long", "long_aio", "plain")
)
PATHS = ["/sleeps", "/loops", "/aio", "/bare/", "/starlette/"]
CONF += "PythonApplication /bare asgi bare_site\nPythonApplication /starlette asgi starlette_site\n"


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


AT_ONCE, PAUSE = 2000, 0.3  # how many clients connect, and the seconds until as many more do
SAMPLES, ON_ONE = 4000, 200  # GETs to each of two servers that are compared, and on one connection


@dataclass
class Client:
    """One connection: whether it waits for an answer, the last bytes of what came, and whether it has ended."""

    socket: socket.socket
    waits: bool = False
    tail: bytes = b""
    ended: bool = False


class Clients:
    """Clients that ask for one path at the same time, again and again on the same connections."""

    def __init__(self, httpd: Httpd, path: str, count: int, *, tls: bool = False) -> None:
        """None is connected yet."""
        self._httpd, self._request, self._tls = httpd, _get(path), tls
        self._selector = selectors.DefaultSelector()
        self._unasked = self._unanswered = 0
        self.all = [Client(socket.socket()) for _ in range(count)]

    def round(self, *, connect: bool) -> tuple[float, int]:
        """Ask, and wait for all answers: the seconds until the last one, and how many came."""
        begin = time.monotonic()
        self.ask(connect=connect)
        answered = self.answered()
        return time.monotonic() - begin, answered

    def ask(self, *, connect: bool) -> None:
        """Ask, on new connections or on those that there are."""
        begin = time.monotonic()
        connected = self._unasked = self._unanswered = 0
        for client in self.all:
            client.waits = True
            self._unanswered += not client.ended
            if not connect and not client.ended:
                self._send(client)
        while connect and (self._unasked or connected < len(self.all)) and time.monotonic() < begin + 30:
            # A few thousand stand in the queue of the kernel.
            while connected < min(len(self.all), AT_ONCE * (1 + int((time.monotonic() - begin) / PAUSE))):
                self._connect(self.all[connected])
                connected += 1
            self._look()

    def answered(self) -> int:
        """Wait for all answers. Return how many came."""
        begin = time.monotonic()
        while self._unanswered and time.monotonic() < begin + 30:
            self._look()
        return sum(not client.ended and not client.waits for client in self.all)

    def _look(self) -> None:
        for key, events in self._selector.select(PAUSE):
            client = key.data
            if events & selectors.EVENT_WRITE:
                self._selector.modify(client.socket, selectors.EVENT_READ, client)
                self._send(client)
                self._unasked -= 1
            else:
                self._receive(client)

    def _connect(self, client: Client) -> None:
        if self._tls:  # one after the other; a connection without a request would hold a thread
            client.socket.close()
            client.socket = self._httpd.connect(tls=True, timeout=30)
            self._send(client)
            client.socket.setblocking(False)
            self._selector.register(client.socket, selectors.EVENT_READ, client)
            return
        client.socket.setblocking(False)
        assert client.socket.connect_ex(("127.0.0.1", self._httpd.port)) in (0, errno.EINPROGRESS)
        self._selector.register(client.socket, selectors.EVENT_WRITE, client)
        self._unasked += 1

    def _send(self, client: Client) -> None:
        with contextlib.suppress(OSError):  # its end is read
            client.socket.send(self._request)

    def _receive(self, client: Client) -> None:
        try:
            data = client.socket.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            data = b""
        if not data:
            client.ended = True
            self._selector.unregister(client.socket)
        client.tail = (client.tail + data)[-len(ANSWER) :]
        if client.waits and (client.ended or client.tail == ANSWER):
            client.waits, client.tail = client.ended, b""
            self._unanswered -= 1

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


def measure(path: str, count: int, rounds: int, *, tls: bool = False) -> None:
    """Measure one kind of wait."""
    with server() as httpd:
        clients = Clients(httpd, path, count, tls=tls)
        for number in range(rounds):
            seconds, answered = clients.round(connect=number == 0)
            what = f"{path}{' over TLS' * tls}: round {number + 1}"
            print(f"{what}: {answered} of {count} answered in {seconds:.2f} s", flush=True)
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


class Getter:
    """A client of plain GETs, whose times are kept."""

    def __init__(self, httpd: Httpd) -> None:
        """Connect."""
        self._httpd, self._client, self._left = httpd, httpd.connect(), ON_ONE
        self.times: list[float] = []

    def get(self) -> None:
        """Measure one. Connections change, since it matters which threads and processors serve one."""
        if self._left == 0:
            self._connect()
        self._left -= 1
        begin = time.perf_counter()
        self._client.sendall(_get("/plain"))
        if data := self._client.recv(65536):
            self.times.append(time.perf_counter() - begin)
            assert data.endswith(b"plain")
        else:  # httpd closes connections that are kept alive where all of its threads are busy
            self._connect()

    def _connect(self) -> None:
        self._client.close()
        self._client, self._left = self._httpd.connect(), ON_ONE

    def median(self) -> float:
        """The median of all. Ends the connection."""
        self._client.close()
        return statistics.median(self.times)


def beside(path: str, count: int, rounds: int) -> None:
    """Measure plain GETs to two servers in turns, on one of which so many clients wait; each is that one in turns."""
    changes = []
    with server() as one, server() as other:
        for number in range(rounds):
            busy, idle = (one, other) if number % 2 else (other, one)
            clients = Clients(busy, path, count)
            clients.ask(connect=True)
            begin = time.monotonic()
            time.sleep(1)  # the server has taken all of them
            getters = Getter(idle), Getter(busy)
            while len(getters[0].times) < SAMPLES and time.monotonic() < begin + LONG / 2:
                for getter in getters:
                    getter.get()
            assert clients.answered() == count
            clients.close()
            before, after = (1e6 * getter.median() for getter in getters)
            changes.append(100 * after / before - 100)
            text = f"{before:.0f} us alone, {after:.0f} us beside {count} of {path}: {changes[-1]:+.0f} %"
            print(
                f"the median of {len(getters[1].times)} plain GETs: {text}, load {os.getloadavg()[0]:.1f}", flush=True
            )
    print(f"plain GETs beside {count} of {path}: {statistics.median(changes):+.1f} % (median)", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, nargs="+", default=[2000, 10_000], help="how many clients wait at once")
    parser.add_argument("--rounds", type=int, default=3, help="how often each client asks")
    parser.add_argument("--beside", type=int, default=4, help="how often GETs beside 2000 are measured")
    parser.add_argument("--paths", nargs="+", default=PATHS, help="which of the kinds of waits")
    parser.add_argument("--tls", action="store_true", help="connect by TLS, one handshake after the other")
    options = parser.parse_args()
    for path in () if options.beside == 0 else ("/long", "/long_aio"):
        beside(path, clients_within_limit(2000), options.beside)
    for path in options.paths:
        for count in options.many:
            measure(path, clients_within_limit(count), options.rounds, tls=options.tls)


if __name__ == "__main__":
    main()
