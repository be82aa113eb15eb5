"""What a call to `apache.cache` costs, beside an access to a dict, and a page with one beside a page without.

By hand: target/venv/bin/python tests/bench/cache.py [--rounds N] [--calls N]; needs ab (Debian: apache2-utils).
Shown is CPU time in microseconds, of a call on one thread and of a request, the median of the rounds, which take turns.
"""

import argparse
import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402
from tests.bench.cpu_time import measure, need_ab  # noqa: E402

CONF = """
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
PythonCache shm shmcb:run/shm(4M)
PythonCache file dbm:run/file
<Location /calls>
    SetHandler mod_python
    PythonHandler bench_cache::calls
</Location>
<Location /plain>
    SetHandler mod_python
    PythonHandler bench_cache::plain
</Location>
<Location /cached>
    SetHandler mod_python
    PythonHandler bench_cache::cached
</Location>
"""
HANDLERS = """
import json
import time

from mod_python import apache

SHM, FILE = apache.cache("shm"), apache.cache("file")
DICT = {"number": 5, "bytes": b"x" * 100, "text": {"name": "a text", "list": [1, 2, 3]}}
for cache in (SHM, FILE):
    for key, value in DICT.items():
        cache.set(key, value)

CALLS = {
    "a dict: d.get(key)": lambda: DICT.get("bytes"),
    "shmcb: get, an int": lambda: SHM.get("number"),
    "shmcb: get, 100 bytes": lambda: SHM.get("bytes"),
    "shmcb: get, a dict of JSON": lambda: SHM.get("text"),
    "shmcb: get, nothing": lambda: SHM.get("none"),
    "shmcb: set, 100 bytes": lambda: SHM.set("bytes", DICT["bytes"]),
    "shmcb: incr": lambda: SHM.incr("count"),
    "dbm: get, 100 bytes": lambda: FILE.get("bytes"),
    "dbm: incr": lambda: FILE.incr("count"),
}


def calls(req):
    count = int(req.args)
    told = {}
    for name, call in CALLS.items():
        many = range(count // 20 if name.startswith("dbm") else count)
        begun = time.thread_time()
        for _ in many:
            call()
        told[name] = (time.thread_time() - begun) / len(many) * 1e6
    req.write(json.dumps(told))
    return apache.OK


def plain(req):
    req.write("5")
    return apache.OK


def cached(req):
    req.write(str(SHM.get("number")))
    return apache.OK
"""


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20_000)
    options = parser.parse_args()
    need_ab("cache.py")
    costs = defaultdict(list)
    with Httpd(CONF, modules=("socache_dbm",)) as httpd:
        httpd.handler("bench_cache.py", HANDLERS)
        for _ in range(options.rounds):
            for name, cost in json.loads(httpd.get(f"/calls?{options.calls}").text).items():
                costs[name].append(cost)
            for name, path in {"a page": "/plain", "a page with a get of shmcb": "/cached"}.items():
                costs[name].append(measure(httpd, path, options.calls))
    medians = {name: statistics.median(found) for name, found in costs.items()}
    base = medians["a dict: d.get(key)"]
    for name, cost in medians.items():
        print(f"{name:32} {cost:9.2f} us {cost / base:9.1f} x a dict")
    print(f"a page with a get is {medians['a page with a get of shmcb'] / medians['a page']:.2f} x a page without")


if __name__ == "__main__":
    main()
