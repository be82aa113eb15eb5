"""Thousands of connections on one child with 16 threads: served, how fast, and what an idle one costs.

By hand: target/venv/bin/python tests/bench/connections.py [--many 10000] [--tls 2000] [--seconds 5] [--rounds 3]
"""

import argparse
import ssl
import statistics
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402
from probes import load  # noqa: E402
from tests.bench.clients import Clients  # noqa: E402
from tests.bench.one_child import ONE_CHILD  # noqa: E402

TLS = """
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
"""
PYTHON = "    PythonConnectionHandler async_basics::echo"
PARK = "    ParkEcho On"
HOSTS = {
    "ECHO": PYTHON,
    "PARK": PARK,
    "MOD_ECHO": "    ProtocolEcho On",
    "TLS_ECHO": PYTHON + TLS,
    "TLS_PARK": PARK + TLS,
}
# Room for all connections of a run.
SIZE = (
    ONE_CHILD
    + """AsyncRequestWorkerFactor 800
Timeout 300
KeepAliveTimeout 60
ListenBacklog 4096
AcceptFilter http none
"""
)


def conf() -> str:
    """The configuration: each server on a port of its own."""
    hosts = (
        f"Listen 127.0.0.1:${{{name}_PORT}}\n<VirtualHost *:${{{name}_PORT}}>\n{lines}\n</VirtualHost>\n"
        for name, lines in HOSTS.items()
    )
    return load("park") + "\n" + SIZE + "".join(hosts)


def server() -> Httpd:
    """A server of its own, so that no run has another one's memory."""
    return Httpd(conf(), modules=["echo"], allow=["AH0004[56]"])


def context(httpd: Httpd) -> ssl.SSLContext:
    """What trusts the server's certificate."""
    return ssl.create_default_context(cafile=httpd.certificate)


def cpu(pid: int) -> float:
    """The CPU time of a process so far in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def rest(httpd: Httpd, seconds: float) -> float:
    """The share of a CPU that the child takes while all is quiet."""
    (child,) = httpd.children()
    before = cpu(child)
    time.sleep(seconds)
    return (cpu(child) - before) / seconds


def idle_cost(name: str, count: int, *, first: int = 200) -> tuple[float, int]:
    """KiB that one idle connection takes, after one round trip each; and how many were served.

    Counted between the first few, with which the child fills its own stores, and all.
    """
    with server() as httpd:
        tls = context(httpd) if name.startswith("TLS") else None
        with Clients(httpd.port_of(f"{name}_PORT"), tls=tls) as clients:
            clients.connect(first)
            clients.run(60, trips=1)
            (child,) = httpd.children()
            before = httpd.memory(child).now
            clients.connect(count - first)
            served = clients.run(120, trips=1).served
            time.sleep(0.5)
            after = httpd.memory(child).now
            quiet = rest(httpd, 3)
            print(f"{name:>9}: {served} of {count} served; CPU at rest {quiet:.2%}")
        return (after - before) / (count - first), served


def speed(name: str, count: int, seconds: float) -> float:
    """Round trips per second of so many clients."""
    with server() as httpd, Clients(httpd.port_of(f"{name}_PORT")) as clients:
        clients.connect(count)
        clients.run(1)
        result = clients.run(seconds)
        print(
            f"{name:>9}: {count} clients, {result.served} served, {result.rate:.0f} round trips/s, "
            f"median {result.percentile(0.5) * 1000:.1f} ms, 99 % {result.percentile(0.99) * 1000:.1f} ms"
        )
        return result.rate


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, default=10_000, help="idle connections in clear text")
    parser.add_argument("--tls", type=int, default=2_000, help="idle connections with TLS")
    parser.add_argument("--seconds", type=float, default=5, help="how long round trips are counted")
    parser.add_argument("--rounds", type=int, default=3, help="how often both rates are measured")
    options = parser.parse_args()
    for prefix, count in (("", options.many), ("TLS_", options.tls)):
        native, _ = idle_cost(f"{prefix}PARK", count)
        ours, _ = idle_cost(f"{prefix}ECHO", count)
        print(f"          {ours:.2f} KiB each, a C module's {native:.2f}: {ours - native:.2f} more")
    ratios = []
    for _ in range(options.rounds):
        native = speed("MOD_ECHO", 16, options.seconds)
        ours = speed("ECHO", 500, options.seconds)
        ratios.append(ours / native)
    print(f"          500 with a handler to 16 of mod_echo: {statistics.median(ratios):.2f} (median)")
    speed("ECHO", 16, options.seconds)
    speed("PARK", 500, options.seconds)


if __name__ == "__main__":
    main()
