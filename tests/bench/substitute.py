"""CPU time of filter.replace beside mod_substitute's `s/needle/thread/n`, in one run, on 1 MB of short lines.

By hand: target/venv/bin/python tests/bench/substitute.py [--rounds N]; needs ab (Debian: apache2-utils).
The budgets: with one word in 18 a hit (about 10,000), at most a fifth of mod_substitute's time per request; with 200
hits, at most half.
"""

import argparse
import random
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402
from tests.bench.cpu_time import measure, need_ab  # noqa: E402

CONF = """
ServerLimit 1
MaxRequestWorkers 16
MaxKeepAliveRequests 0
PythonOutputFilter bench_replace REPLACE
PythonOutputFilter mod_python.filters.replace SHIPPED
<Location /native/>
    SetOutputFilter SUBSTITUTE
    Substitute s/needle/thread/n
</Location>
<Location /replace/>
    SetOutputFilter REPLACE
</Location>
<Location /shipped/>
    SetOutputFilter SHIPPED
    PythonOption replace:needle thread
</Location>
"""
FILTER = """
async def outputfilter(filter):
    async for chunk in filter.replace({b"needle": b"thread"}):
        yield chunk
"""
WORDS = "the of and hay stack barn straw field wheat summer farmer wagon horse cart pitch fork".split()
BUDGETS = {10_000: 1 / 5, 200: 1 / 2}


def text(hits: int) -> bytes:
    """Return 1 MB of lines of about 60 bytes with about so many needles, always the same."""
    dice = random.Random(7)
    rate = 1 / 18 if hits == 10_000 else hits / (1 << 20) * 6
    lines: list[str] = []
    size = 0
    while size < 1 << 20:
        words = ["needle" if dice.random() < rate else dice.choice(WORDS) for _ in range(11)]
        lines.append(" ".join(words) + "\n")
        size += len(lines[-1])
    return "".join(lines).encode()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    need_ab("substitute")
    with Httpd(CONF) as httpd:
        httpd.handler("bench_replace.py", FILTER)
        for hits, budget in BUDGETS.items():
            body = text(hits)
            times: dict[str, float] = {}
            for name in ("plain", "native", "replace", "shipped"):
                httpd.write(f"{name}/{hits}.txt", body)
                expected = body if name == "plain" else body.replace(b"needle", b"thread")
                assert httpd.get(f"/{name}/{hits}.txt").body == expected
            for _ in range(rounds):
                for name in ("plain", "native", "replace", "shipped"):
                    once = measure(httpd, f"/{name}/{hits}.txt", 200)
                    times[name] = min(once, times.get(name, once))
            print(f"{body.count(b'needle')} hits in {len(body)} bytes:")
            for name, microseconds in times.items():
                ratio = microseconds / times["native"]
                print(f"  {name:8} {microseconds:9.0f} us  {ratio:6.3f} of mod_substitute (budget {budget:.2f})")


if __name__ == "__main__":
    main()
