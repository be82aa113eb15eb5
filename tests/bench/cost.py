"""CPU time per request of Python handlers and filters, beside httpd's own, in one run.

By hand: target/venv/bin/python tests/bench/cost.py [--rounds N]; needs ab (Debian: apache2-utils).
The server runs on one core and the load on another; the least of the rounds is shown.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402

FILTERS = {"identity": "identity", "upper": "upper", "stream": "stream_identity", "stream-upper": "stream_upper"}
CONF = """
CaseFilter On
ServerLimit 1
MaxRequestWorkers 16
MaxKeepAliveRequests 0
<Location /handler>
    SetHandler mod_python
    PythonHandler bench_cost
</Location>
<Location /case>
    SetOutputFilter CASEFILTER
</Location>
""" + "".join(
    f"""
PythonOutputFilter bench_cost::{function} {name}
<Location /{name}/>
    SetOutputFilter {name}
</Location>
"""
    for name, function in FILTERS.items()
)
HANDLERS = """
from mod_python import apache


def handler(req):
    req.content_type = "text/plain"
    req.write("Hello\\n", 0)
    return apache.OK


def identity(filter):
    while chunk := filter.read():
        filter.write(chunk)


def upper(filter):
    while chunk := filter.read():
        filter.write(chunk.upper())


async def stream_identity(filter):
    async for chunk in filter:
        yield chunk


async def stream_upper(filter):
    async for chunk in filter:
        yield chunk.upper()
"""
LINE = b"The quick brown fox jumps over the lazy dog, again and again.\n"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(httpd: Httpd, path: str, requests: int) -> float:
    """CPU time per request, in microseconds."""
    httpd.get(path)
    (child,) = httpd.children()
    before = cpu_seconds(child)
    command = ["taskset", "-c", "1", "ab", "-q", "-k", "-n", str(requests), "-c", "4", httpd.url(path)]
    subprocess.run(command, check=True, capture_output=True)
    return (cpu_seconds(child) - before) / requests * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    if shutil.which("ab") is None:
        sys.exit("cost: ab is missing: install the package apache2-utils")
    small, large = LINE * (10240 // len(LINE)), LINE * (1024 * 1024 // len(LINE))
    plans = [("/hello.txt", 20000), ("/handler", 20000)]
    plans += [(f"/{name}/10k.txt", 20000) for name in ("plain", "case", *FILTERS)]
    plans += [(f"/{name}/1m.txt", 1000) for name in ("plain", "case", *FILTERS)]
    with Httpd(CONF) as httpd:
        httpd.handler("bench_cost.py", HANDLERS)
        httpd.write("hello.txt", b"Hello\n")
        for name in ("plain", "case", *FILTERS):
            httpd.write(f"{name}/10k.txt", small)
            httpd.write(f"{name}/1m.txt", large)
        (child,) = httpd.children()
        os.system(f"taskset -a -c -p 0 {child} > /dev/null")
        best = {path: min(measure(httpd, path, count) for _ in range(rounds)) for path, count in plans}
    for path, cost in best.items():
        print(f"{path:24} {cost:9.1f} us")


if __name__ == "__main__":
    main()
