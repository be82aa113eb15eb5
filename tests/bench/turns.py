"""How long requests and connections wait for the GIL beside threads that burn it, and what the burners lose.

By hand: target/venv/bin/python tests/bench/turns.py [--burners 0 1 2 4] [--interval 0.001] [--asks 150] [--rounds 3]
    [--many 2000] [--apart]

The burners are clients in a loop, whose handler runs pure Python for a second. Beside them one client asks every 13 ms
on a kept connection. Times are in milliseconds, each the best of the rounds, since other programs on the machine only
add to them. `work` is what the burners did in a second, with the asker beside them and, in brackets, without.
"""

import argparse
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402
from tests.bench.one_child import ONE_CHILD  # noqa: E402

INTERPRETERS = 60
CONF = (
    ONE_CHILD
    + """AsyncRequestWorkerFactor 200
ListenBacklog 4096
MaxKeepAliveRequests 0
KeepAliveTimeout 60
Listen 127.0.0.1:${ECHO_PORT}
PythonInterpreter served
<VirtualHost *:${ECHO_PORT}>
    PythonConnectionHandler turns::echo
</VirtualHost>
<Location "/burn">
    SetHandler mod_python
    PythonHandler turns::burn
    # INTERPRETER
</Location>
<Location "/line">
    SetHandler mod_python
    PythonHandler turns::line
</Location>
<Location "/filtered">
    PythonOutputFilter turns::banner BANNER
    SetOutputFilter BANNER
</Location>
"""
)
FRESH = """
<Location "/fresh/{0}">
    SetHandler mod_python
    PythonInterpreter fresh{0}
    PythonHandler turns::line
</Location>
"""
HANDLERS = """
import time
from mod_python import apache


def burn(req):
    end = time.monotonic() + 1
    done = number = 0
    while time.monotonic() < end:
        for _ in range(1000):
            number += 1
        done += 1
    req.write(str(done))
    return apache.OK


def line(req):
    req.content_type = "text/plain"
    req.write("a line\\n")
    return apache.OK


async def banner(filter):
    async for chunk in filter:
        yield chunk
    yield b"banner"


async def echo(conn):
    async for line in conn:
        await conn.write(line)
    return apache.OK
"""
PAUSE = 0.013


class Kept:
    """A kept connection, on which one thing is asked again and again."""

    def __init__(self, connection: socket.socket, request: bytes, end: bytes) -> None:
        """Ask by `request`; an answer ends with `end`."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._request = request
        self._end = end

    def ask(self) -> bytes:
        """One answer."""
        self._connection.sendall(self._request)
        answer = b""
        while not answer.endswith(self._end):
            chunk = self._connection.recv(65536)
            if not chunk:
                raise ConnectionError(answer)
            answer += chunk
        return answer


def http(httpd: Httpd, path: str, end: bytes) -> Kept:
    """Asks for a path."""
    return Kept(httpd.connect(timeout=60), b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode(), end)


class Burners:
    """Clients of the handler that burns, in a context."""

    def __init__(self, httpd: Httpd, count: int) -> None:
        """So many."""
        self._httpd = httpd
        self._stops = False
        self._done = 0
        self._begun = 0.0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._burn) for _ in range(count)]

    def _burn(self) -> None:
        while not self._stops:
            done = int(self._httpd.get("/burn").text)
            with self._lock:
                self._done += done

    def __enter__(self) -> "Burners":
        """Burn, and wait until all do."""
        self._begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        time.sleep(0.3 if self._threads else 0)
        return self

    def __exit__(self, *_: object) -> None:
        """Burn no more."""
        self._stops = True
        for thread in self._threads:
            thread.join()

    def rate(self) -> float:
        """What they did in a second; after the context."""
        return self._done / (time.monotonic() - self._begun)


def times(ask: Callable[[], object], asks: int) -> list[float]:
    """How long each of so many asks took, in seconds, in order."""
    found = []
    for _ in range(asks):
        time.sleep(PAUSE)
        begin = time.monotonic()
        ask()
        found.append(time.monotonic() - begin)
    return sorted(found)


def share(ordered: list[float], part: float) -> float:
    """The time in milliseconds that this part did not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000


def echoes(connections: list[socket.socket]) -> float:
    """How many seconds it takes until all have their echo."""
    poll = select.epoll()
    for connection in connections:
        poll.register(connection.fileno(), select.EPOLLIN)
    by_number = {connection.fileno(): connection for connection in connections}
    begin = time.monotonic()
    for connection in connections:
        connection.send(b"a line\n")
    missing = len(connections)
    while missing:
        for number, _ in poll.poll(60):
            missing -= by_number[number].recv(100).count(b"\n")
    poll.close()
    return time.monotonic() - begin


def measure(httpd: Httpd, count: int, arguments: argparse.Namespace) -> None:
    """All rows for so many burners."""
    echo = Kept(httpd.connect(httpd.port_of("ECHO_PORT"), timeout=60), b"a line\n", b"a line\n")
    rows = {
        "handler": http(httpd, "/line", b"\r\n0\r\n\r\n"),
        "filter": http(httpd, "/filtered/a.txt", b"banner"),
        "echo": echo,
    }
    for name, asked in rows.items():
        medians, ninety_ninths, rates, alone = [], [], [], []
        asked.ask()
        for _ in range(arguments.rounds):
            with Burners(httpd, count) as burners:
                time.sleep(PAUSE * arguments.asks if count else 0)
            alone.append(burners.rate())
            with Burners(httpd, count) as burners:
                ordered = times(asked.ask, arguments.asks)
            rates.append(burners.rate())
            medians.append(share(ordered, 0.5))
            ninety_ninths.append(share(ordered, 0.99))
        work = f"   work {max(rates):8,.0f} ({max(alone):,.0f})" if count else ""
        print(f"k = {count}  {name:12} p50 {min(medians):7.2f}   p99 {min(ninety_ninths):7.2f}{work}", flush=True)


def measure_bursts(httpd: Httpd, count: int, arguments: argparse.Namespace) -> None:
    """Many echoes at once."""
    with ExitStack() as stack:
        port = httpd.port_of("ECHO_PORT")
        connections = [stack.enter_context(httpd.connect(port, timeout=60)) for _ in range(arguments.many)]
        echoes(connections)
        with Burners(httpd, count):
            taken = min(echoes(connections) for _ in range(arguments.rounds))
    print(f"k = {count}  {arguments.many} echoes  all {taken * 1000:7.1f}", flush=True)


def measure_fresh(httpd: Httpd, count: int, number: int) -> int:
    """The first use of interpreters, and requests of another one meanwhile. The number of the next interpreter."""
    beside = http(httpd, "/line", b"\r\n0\r\n\r\n")
    first, others = [], []
    with Burners(httpd, count):
        for _ in range(5):
            begin = time.monotonic()
            use = threading.Thread(target=httpd.get, args=(f"/fresh/{number}",))
            use.start()
            while use.is_alive():
                asked = time.monotonic()
                beside.ask()
                others.append(time.monotonic() - asked)
                use.join(0.002)
            first.append(time.monotonic() - begin)
            number += 1
    text = f"best {min(first) * 1000:7.1f}   median {share(sorted(first), 0.5):7.1f}"
    print(f"k = {count}  new interpreter {text}   others meanwhile p50 {share(sorted(others), 0.5):.2f}", flush=True)
    return number


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--burners", type=int, nargs="*", default=[0, 1, 2, 4])
    parser.add_argument("--interval", help="PythonSwitchInterval, in seconds")
    parser.add_argument("--asks", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, default=2000)
    parser.add_argument("--apart", action="store_true", help="the burners have an interpreter of their own")
    parser.add_argument("--only", choices=["asks", "bursts", "fresh"])
    arguments = parser.parse_args()
    conf = CONF.replace("# INTERPRETER", "PythonInterpreter burning" if arguments.apart else "")
    if arguments.interval:
        conf += f"PythonSwitchInterval {arguments.interval}\n"
    number = 0
    with Httpd(conf + "".join(FRESH.format(n) for n in range(INTERPRETERS))) as httpd:
        httpd.allow("AH03490")
        httpd.handler("turns.py", HANDLERS)
        httpd.write("filtered/a.txt", "a file\n")
        for count in arguments.burners:
            if arguments.only in (None, "asks"):
                measure(httpd, count, arguments)
            if arguments.only in (None, "bursts"):
                measure_bursts(httpd, count, arguments)
            if arguments.only in (None, "fresh"):
                number = measure_fresh(httpd, count, number)


if __name__ == "__main__":
    main()
