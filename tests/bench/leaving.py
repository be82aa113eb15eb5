"""Thousands of clients whose requests wait, and that leave at once: descriptors and memory of the child.

By hand: target/venv/bin/python tests/bench/leaving.py [--many 2000] [--rounds 4] [--paths /long /long_aio]
"""

import argparse
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402
from tests.bench.waiting import LONG, Clients, clients_within_limit, server  # noqa: E402

QUIET = 1.0  # after so many seconds without a change, all ends are taken to be seen


def descriptors(httpd: Httpd) -> int:
    """How many the child has."""
    (child,) = httpd.children()
    return len(list(Path(f"/proc/{child}/fd").iterdir()))


def settled(httpd: Httpd) -> tuple[int, float, float]:
    """The child's descriptors and its memory in MB once neither falls any more, and the seconds until then."""
    (child,) = httpd.children()
    begin = since = time.monotonic()
    seen = descriptors(httpd)
    while time.monotonic() < since + QUIET:
        time.sleep(0.05)
        if (now := descriptors(httpd)) != seen:
            seen, since = now, time.monotonic()
    return seen, httpd.memory(child).now / 1024, since - begin


def measure(path: str, count: int, rounds: int, *, tls: bool) -> None:
    """Measure one kind of wait."""
    with server() as httpd:
        httpd.allow("AH0")
        for number in range(rounds + 1):
            before = descriptors(httpd)
            clients = Clients(httpd, path, count, tls=tls)
            begin = time.monotonic()
            clients.ask(connect=True)
            while descriptors(httpd) < before + count:
                assert time.monotonic() < begin + LONG, "the first were answered before the last had asked"
                time.sleep(0.05)
            clients.close()
            open_after, memory, seconds = settled(httpd)
            name = f"{path}{' over TLS' * tls}: round {number}"
            print(
                f"{name}: {count} left, {open_after} descriptors and {memory:.1f} MB after {seconds:.1f} s", flush=True
            )
        answered = httpd.get("/plain").status
        assert answered == 200, answered


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, default=2000, help="how many clients leave at once")
    parser.add_argument("--rounds", type=int, default=4, help="how often, behind a first time that is not counted")
    parser.add_argument("--paths", nargs="+", default=["/long", "/long_aio"], help="which of the kinds of waits")
    parser.add_argument("--tls", action="store_true", help="connect by TLS, one handshake after the other")
    options = parser.parse_args()
    for path in options.paths:
        measure(path, clients_within_limit(options.many), options.rounds, tls=options.tls)


if __name__ == "__main__":
    main()
