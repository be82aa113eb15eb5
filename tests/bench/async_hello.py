"""What an `async def` handler that never waits costs beside a plain one, and what `@apache.aio` adds.

By hand: target/venv/bin/python tests/bench/async_hello.py [--rounds N] [--requests N]; needs ab (Debian:
apache2-utils).

Shown is CPU time of a child per request in microseconds, user and system: the median of the rounds, in which all take
turns, and how many times that of the plain handler it is. `uvloop` has that in place of asyncio's own loop.
"""

import argparse
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from packages import WithPackages  # noqa: E402

from httpd import Httpd  # noqa: E402
from tests.bench.cpu_time import measure, need_ab  # noqa: E402
from tests.bench.one_child import ONE_CHILD  # noqa: E402

HANDLERS = """
from mod_python import apache


def plain(req):
    req.content_type = "text/plain"
    req.write("Hello\\n", False)  # with its end, as the others below
    return apache.OK


def flushes(req):
    req.content_type = "text/plain"
    req.write("Hello\\n")
    return apache.OK


async def coroutine(req):
    req.content_type = "text/plain"
    await req.write("Hello\\n", False)
    return apache.OK


@apache.aio
async def aio(req):
    req.content_type = "text/plain"
    await req.write("Hello\\n")
    return apache.OK
"""
NAMES = ("plain", "flushes", "coroutine", "aio")
CONF = ONE_CHILD + "AsyncRequestWorkerFactor 20\nPythonMaxWaitingRequests 100\nMaxKeepAliveRequests 0\nLogLevel error\n"
CONF += "".join(
    f'<Location "/{name}">\n    SetHandler mod_python\n    PythonHandler async_hello::{name}\n</Location>\n'
    for name in NAMES
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=10000)
    arguments = parser.parse_args()
    need_ab("async_hello")
    with ExitStack() as stack:
        own = Httpd(CONF)
        other = WithPackages(CONF + "PythonOption mod_python.event_loop uvloop\n")
        rows = [(name, own, name) for name in NAMES] + [("uvloop", other, "aio")]
        for site in (own, other):
            site.handler("async_hello.py", HANDLERS)
            stack.enter_context(site)
        costs: dict[str, list[float]] = {name: [] for name, _, _ in rows}
        for number in range(arguments.rounds + 1):
            for name, site, path in rows:
                cost = measure(site, f"/{path}", arguments.requests)
                if number:  # the first round warms up
                    costs[name].append(cost)
        plain = statistics.median(costs["plain"])
        for name, found in costs.items():
            median = statistics.median(found)
            print(f"{name:10} {median:6.1f} us   {median / plain:5.2f}")


if __name__ == "__main__":
    main()
