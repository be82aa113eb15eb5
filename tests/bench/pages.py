"""What pages of mod_python's packages cost httpd, beside mod_python 3.5, in one run.

By hand: target/venv/bin/python tests/bench/pages.py [--rounds N] [--instructions] [--only WORD] [--mpm prefork]; needs
ab (Debian: apache2-utils), and mod_python 3.5 in target/mod_python-3.5, which scripts/setup --tests fetches. Shown is
CPU time per request in microseconds, the median of the rounds, which take turns; the server runs on one core and the
load on another. Both have the same MPM, one child, kept connections, access log and modules.

The first page is a line that a handler in C writes: what httpd and the kernel take for any request. That is the larger
part of a small page, and no module for Python can save it. `least` is its share of what 3.5 takes, below which `ratio`
cannot come; the last column compares what is left of both without it.

With --instructions: thousands of instructions per request outside of the kernel, as tests/bench/cost.py has them, which
differ little from run to run, whatever else the machine does.

To add a page, add it to PAGES of tests/bench/pages_site.py.
"""

import argparse
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from tests.bench import cost  # noqa: E402
from tests.bench.cost_site import Row  # noqa: E402
from tests.bench.cpu_time import need_ab  # noqa: E402
from tests.bench.pages_site import CONF, FLOOR, PAGES  # noqa: E402


class Site(cost.Site):
    """A server with the pages."""

    def __init__(self, *, old: bool, counting: bool, mpm: str) -> None:
        """As `cost.Site`."""
        super().__init__(old=old, counting=counting, conf=CONF, mpm=mpm)
        self.allow("AH00180|AH00513|AH00515|AH00516")  # prefork has one connection for each child
        self.allow("dbm_cleanup", "object has no attribute 'first'")  # 3.5 cannot clean up on Python 3
        self.allow(r"^\s*$")  # 3.5's scanner of pages prints blanks of directives
        for page in PAGES:
            for path, text in page.files.items():
                self.write(path, text)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--instructions", action="store_true", help="count instructions instead of CPU time")
    parser.add_argument("--only", default="", help="a part of the names of pages")
    parser.add_argument("--mpm", default="event", choices=["event", "worker", "prefork"])
    arguments = parser.parse_args()
    need_ab("pages")
    if not cost.OLD_MODULE.exists():
        sys.exit(f"pages: {cost.OLD_MODULE} is missing: run scripts/setup --tests")
    pages = [page for page in PAGES if page is FLOOR or arguments.only in page.name]
    if arguments.mpm == "prefork":  # mod_python 3.5 divides by the number of connections that there can be, less one
        pages = [page for page in pages if not page.name.startswith("session")]
    counting = arguments.instructions
    with ExitStack() as stack:
        sites = {old: stack.enter_context(Site(old=old, counting=counting, mpm=arguments.mpm)) for old in (False, True)}
        costs: dict[tuple[str, bool], list[float]] = {}
        for _ in range(1 if counting else arguments.rounds):
            for page in pages:
                for old, site in sites.items():
                    row = Row(page.name, page.path, page.requests)
                    costs.setdefault((page.name, old), []).append(site.cost(row))
        what = "thousands of instructions per request" if counting else "CPU time per request, in us"
        print(f"{what:40} {'here':>9} {'3.5':>9} {'ratio':>6} {'least':>6} {'of Python':>9}")
        found = {key: statistics.median(values) for key, values in costs.items()}
        floor = statistics.mean(found[FLOOR.name, old] for old in (False, True))
        for page in pages:
            here, before = (found[page.name, old] for old in (False, True))
            line = f"{page.name:40} {here:9.1f} {before:9.1f} {here / before:6.2f}"
            rest = f"{floor / before:6.2f} {(here - floor) / (before - floor):9.2f}"
            print(line if page.name.startswith("without Python") else f"{line} {rest}", flush=True)


if __name__ == "__main__":
    main()
