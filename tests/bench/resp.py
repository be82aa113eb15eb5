"""redis-benchmark against mod_python.protocols.resp and a real redis-server, in one run.

By hand: target/venv/bin/python tests/bench/resp.py [--requests N]; needs redis-benchmark and redis-server (Debian:
redis-tools, redis-server). Requests per second of 50 clients, one at a time and 16 at once (-P 16).
"""

import argparse
import contextlib
import csv
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402
from server import free_ports  # noqa: E402

CONF = """
ServerLimit {children}
StartServers {children}
MaxRequestWorkers {workers}
MaxSpareThreads {workers}
AsyncRequestWorkerFactor 50
Listen 127.0.0.1:${{RESP_PORT}}
<VirtualHost *:${{RESP_PORT}}>
    PythonConnectionHandler mod_python.protocols.resp
    PythonOption resp_database ${{STATE}}/keys.sqlite
</VirtualHost>
"""


@contextlib.contextmanager
def redis_server() -> Iterator[int]:
    """A redis-server that keeps nothing on disk; its port."""
    (port,), (claim,) = free_ports(1)
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with claim, subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while subprocess.run(["redis-cli", "-p", str(port), "PING"], capture_output=True, check=False).returncode:
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


def measure(port: int, requests: int, pipelined: int) -> dict[str, tuple[float, float]]:
    """For each kind of command, requests per second and their 99th percentile in milliseconds."""
    command = ["redis-benchmark", "-p", str(port), "-t", "set,get,incr", "-c", "50", "-n", str(requests)]
    command += ["-r", "100000", "-P", str(pipelined), "--csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = csv.DictReader(done.stdout.splitlines())
    return {row["test"]: (float(row["rps"]), float(row["p99_latency_ms"])) for row in rows}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--children", type=int, default=1)
    given = parser.parse_args()
    for needed in ("redis-benchmark", "redis-server"):
        if shutil.which(needed) is None:
            sys.exit(f"resp: {needed} is missing: install the packages redis-tools and redis-server")
    conf = CONF.format(children=given.children, workers=16 * given.children)
    with Httpd(conf) as httpd, redis_server() as redis_port:
        ports = {"resp": httpd.port_of("RESP_PORT"), "redis-server": redis_port}
        for pipelined in (1, 16):
            for name, port in ports.items():
                for test, (rate, late) in measure(port, given.requests, pipelined).items():
                    print(f"{name:14} -P {pipelined:<3} {test:6} {rate:10.0f} /s   99 %: {late:7.2f} ms", flush=True)


if __name__ == "__main__":
    main()
