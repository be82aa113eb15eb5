"""What pages of mod_python's packages cost httpd, beside mod_python 3.5, in one run.

By hand: target/venv/bin/python tests/bench/pages.py [--rounds N] [--only WORD]; needs ab (Debian: apache2-utils), and
mod_python 3.5 in target/mod_python-3.5, which scripts/setup --tests fetches. Shown is CPU time per request in
microseconds, the median of the rounds, which take turns; the server runs on one core and the load on another.

To add a page, add it to PAGES of tests/bench/pages_site.py.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from httpd import Httpd  # noqa: E402
from server import PROJECT  # noqa: E402
from tests.bench.cpu_time import measure, need_ab  # noqa: E402
from tests.bench.pages_site import CONF, PAGES  # noqa: E402

OLD = PROJECT / "target/mod_python-3.5/usr/lib"


class Site(Httpd):
    """A server with the pages, on core 0; `old`: with mod_python 3.5 in place of this one."""

    def __init__(self, *, old: bool) -> None:
        """Make its folder."""
        load = f'LoadModule python_module "{OLD}/apache2/modules/mod_python.so"\n' if old else ""
        super().__init__(load + CONF, with_python=not old)
        if old:
            shutil.copytree(OLD / "python3/dist-packages/mod_python", self.folder / "python/mod_python")
            subprocess.run(["chmod", "-R", "a+rX", self.folder / "python"], check=True)
        for page in PAGES:
            for path, text in page.files.items():
                self.write(path, text)

    def start(self) -> None:
        """Start it."""
        super().start()
        (child,) = self.children()
        subprocess.run(["taskset", "-a", "-c", "-p", "0", str(child)], check=True, capture_output=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="a part of the names of pages")
    arguments = parser.parse_args()
    need_ab("pages")
    if not OLD.exists():
        sys.exit(f"pages: {OLD} is missing: run scripts/setup --tests")
    pages = [page for page in PAGES if arguments.only in page.name]
    with ExitStack() as stack:
        sites = {old: stack.enter_context(Site(old=old)) for old in (False, True)}
        costs: dict[tuple[str, bool], list[float]] = {}
        for _ in range(arguments.rounds):
            for page in pages:
                for old, site in sites.items():
                    costs.setdefault((page.name, old), []).append(measure(site, page.path, page.requests))
        print(f"{'CPU time per request, in us':40} {'here':>9} {'3.5':>9} {'ratio':>6}")
        for page in pages:
            here, before = (statistics.median(costs[page.name, old]) for old in (False, True))
            print(f"{page.name:40} {here:9.1f} {before:9.1f} {here / before:6.2f}", flush=True)


if __name__ == "__main__":
    main()
