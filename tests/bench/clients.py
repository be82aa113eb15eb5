"""Many clients of one protocol in one thread: for loads that a thread per client could not make.

All speak lines to an echo: one line out, the same line back.
"""

import contextlib
import errno
import selectors
import socket
import ssl
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

LINE = b"0123456789abcdef0123456789abcde\n"


@dataclass
class Client:
    """One connection, and where it stands: `failed` when it has ended, `broken` when that was no clean end."""

    socket: socket.socket
    sent: float = 0.0
    missing: int = 0
    trips: int = 0
    shakes_hands: bool = False
    failed: bool = False
    broken: bool = False


@dataclass
class Result:
    """What a run came to."""

    served: int
    failed: int
    trips: int
    seconds: float
    times: list[float] = field(repr=False)

    @property
    def rate(self) -> float:
        """Round trips per second."""
        return self.trips / self.seconds

    def percentile(self, share: float) -> float:
        """The time of a round trip in seconds that this share of them did not exceed."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Clients:
    """Connections to one port; a context manager that closes them."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        """None yet."""
        self._port = port
        self._tls = tls
        self._selector = selectors.DefaultSelector()
        self.all: list[Client] = []

    def __enter__(self) -> "Clients":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them."""
        self.close()

    def close(self) -> None:
        """Close all at once."""
        for client in self.all:
            client.socket.close()
        self.all.clear()
        self._selector.close()
        self._selector = selectors.DefaultSelector()

    def connect(self, count: int, *, at_once: int = 500, seconds: float = 60) -> None:
        """Open so many more, some at a time, until each has its connection (and its TLS)."""
        deadline = time.monotonic() + seconds
        waiting = 0
        for _ in range(count):
            self._open()
            waiting += 1
            if waiting == at_once:
                self._establish(deadline)
                waiting = 0
        self._establish(deadline)

    def _open(self) -> None:
        plain = socket.socket()
        plain.setblocking(False)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        status = plain.connect_ex(("127.0.0.1", self._port))
        if status not in (0, errno.EINPROGRESS):
            raise OSError(status, "connect")
        client = Client(plain, shakes_hands=True)
        self.all.append(client)
        self._selector.register(plain, selectors.EVENT_WRITE, client)

    def _establish(self, deadline: float) -> None:
        left = sum(client.shakes_hands for client in self.all)
        while left and time.monotonic() < deadline:
            for key, _ in self._selector.select(1):
                client = key.data
                if client.shakes_hands:
                    self._shake_hands(client)
                    left -= not client.shakes_hands
        if left:
            raise TimeoutError(f"{left} connections were not made in time")

    def _shake_hands(self, client: Client) -> None:
        if self._tls and not isinstance(client.socket, ssl.SSLSocket):
            self._selector.unregister(client.socket)
            client.socket = self._tls.wrap_socket(
                client.socket, server_hostname="localhost", do_handshake_on_connect=False
            )
            self._selector.register(client.socket, selectors.EVENT_READ, client)
        if isinstance(client.socket, ssl.SSLSocket):
            try:
                client.socket.do_handshake()
            except ssl.SSLWantReadError:
                return
        client.shakes_hands = False
        self._selector.modify(client.socket, selectors.EVENT_READ, client)

    def run(self, seconds: float, *, trips: int | None = None) -> Result:
        """Have each send line after line, until the time is over; or at most so many round trips each.

        With `trips`, `seconds` is the most that it may take; those that are not served by then are counted as such.
        """
        times: list[float] = []
        begin = time.monotonic()
        deadline = begin + seconds
        busy = 0
        for client in self.all:
            client.trips = 0
            busy += self._send(client)
        while busy and (now := time.monotonic()) < deadline:
            for key, _ in self._selector.select(deadline - now):
                client = key.data
                if client.failed or not client.missing:
                    self._receive(client)  # an end that nobody asked for
                    continue
                if not self._receive(client):
                    busy -= 1
                elif not client.missing:
                    times.append(time.monotonic() - client.sent)
                    client.trips += 1
                    if (trips is None or client.trips < trips) and self._send(client):
                        continue
                    busy -= 1
        took = time.monotonic() - begin
        served = sum(client.trips > 0 and not client.failed for client in self.all)
        failed = sum(client.failed for client in self.all)
        return Result(served, failed, len(times), took, times)

    def _send(self, client: Client) -> bool:
        if client.failed:
            return False
        try:
            if not client.missing:
                client.sent = time.monotonic()
                client.missing = len(LINE)
                client.socket.send(LINE)
        except OSError:
            self._fail(client)
            return False
        return True

    def _receive(self, client: Client) -> bool:
        try:
            data = client.socket.recv(65536)
        except (ssl.SSLWantReadError, BlockingIOError):
            return True
        except OSError:
            client.broken = True
            data = b""
        if not data:
            # An end in the midst of an answer is none.
            client.broken |= 0 < client.missing < len(LINE)
            self._fail(client)
            return False
        client.missing -= len(data)
        return True

    def _fail(self, client: Client) -> None:
        if not client.failed:
            client.failed = True
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(client.socket)


def reset(sockets: Iterable[socket.socket]) -> None:
    """Close sockets with a reset instead of an orderly end."""
    for one in sockets:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()
