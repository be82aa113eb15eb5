"""A million requests over all phases, and what the child's memory does meanwhile.

By hand: target/venv/bin/python tests/bench/phases.py [requests] [--mpm worker]; needs ab (Debian: apache2-utils).
Ends with 1 if the child grew by more than 2 MB after the first tenth.
"""

import argparse
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402
from soak import CONF, soak  # noqa: E402

MOST_GROWTH = 2 * 1024


def main() -> int:
    """Soak as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requests", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--mpm", default="event", choices=["event", "worker"])
    options = parser.parse_args()
    with Httpd(CONF, mpm=options.mpm) as httpd:
        seen = soak(httpd, options.requests)
        for sample in seen.samples:
            print(f"{sample.requests:9,} requests: {sample.memory:7,} KiB")
    print(f"{options.requests / seen.seconds:,.0f} requests a second, {seen.growth():,} KiB more after the first tenth")
    return int(seen.growth() > MOST_GROWTH)


if __name__ == "__main__":
    sys.exit(main())
