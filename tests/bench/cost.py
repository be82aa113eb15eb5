"""What a request costs httpd with Python handlers and filters, beside the same in C and by mod_python 3.5, in one run.

By hand: target/venv/bin/python tests/bench/cost.py [--rounds N] [--instructions] [--only WORD]; needs ab (Debian:
apache2-utils). Shown is CPU time per request in microseconds, the median of the rounds, which take turns; the server
runs on one core and the load on another.

With --instructions: thousands of instructions per request outside of the kernel, counted by valgrind. They differ by
less than one in a hundred from run to run, whatever else the machine does; a byte that is copied counts as one, too.

mod_python 3.5 is that of target/mod_python-3.5, which scripts/setup --tests fetches; without it its column is empty.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

import probes  # noqa: E402
from httpd import Httpd  # noqa: E402
from server import PROJECT  # noqa: E402
from tests.bench import cost_site  # noqa: E402
from tests.bench.cost_site import GROUPS, Group, Row  # noqa: E402
from tests.bench.cpu_time import measure, need_ab, send  # noqa: E402

OLD = PROJECT / "target/mod_python-3.5/usr/lib"
OLD_MODULE = OLD / "apache2/modules/mod_python.so"
# The costs of rows, by path and whether mod_python 3.5 has served them.
Costs = dict[tuple[str, bool], list[float]]


class Site(Httpd):
    """A server with the pages of the rows. With `counting` it runs under valgrind, else on core 0."""

    def __init__(self, *, old: bool, counting: bool, conf: str | None = None, mpm: str = "event") -> None:
        """Make its folder; `old`: with mod_python 3.5 in place of this one; `conf` in place of the rows' own."""
        self._counting = counting
        self._at_once = 1 if mpm == "prefork" else 4  # its child serves one connection after the other
        bench = probes.load("bench") + "\n"
        if old:
            conf = f'{bench}LoadModule python_module "{OLD_MODULE}"\n{conf or cost_site.COMMON_CONF}'
        else:
            conf = bench + (conf or cost_site.CONF)
        super().__init__(conf, mpm=mpm, with_python=not old)
        if old:
            shutil.copytree(OLD / "python3/dist-packages/mod_python", self.folder / "python/mod_python")
            (self.folder / "python/bench_cost.py").write_text(cost_site.HANDLERS)
            subprocess.run(["chmod", "-R", "a+rX", self.folder / "python"], check=True)
        else:
            self.handler("bench_cost.py", cost_site.HANDLERS)
        for name in cost_site.FOLDERS:
            self.write(f"{name}/hello.txt", b"Hello\n")
            self.write(f"{name}/10k.txt", cost_site.SMALL)
            self.write(f"{name}/1m.txt", cost_site.LARGE)
        self.allow("something to say")

    def _command(self) -> list[str]:
        command = super()._command()
        if self._counting:
            command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={self.state}/count.%p", *command]
        return command

    def start(self) -> None:
        """Start it."""
        super().start()
        if not self._counting:
            (child,) = self.children()
            subprocess.run(["taskset", "-a", "-c", "-p", "0", str(child)], check=True, capture_output=True)

    def cost(self, row: Row) -> float:
        """Measure a row."""
        if not self._counting:
            return measure(self, row.path, row.requests, at_once=self._at_once, body=row.body)
        requests = max(20, row.requests // 100)
        send(self.url(row.path), 20, at_once=1, body=row.body)
        self.get("/bench-count?before")
        send(self.url(row.path), requests, at_once=1, body=row.body)
        self.get("/bench-count?after")
        counts = self.state.glob(f"count.{self.children()[0]}.*")
        newest = max(counts, key=lambda path: int(path.suffix[1:]))
        found = re.search(r"^(?:totals|summary): (\d+)", newest.read_text(), re.MULTILINE)
        assert found is not None, newest
        return int(found[1]) / requests / 1000


def show(group: Group, costs: Costs) -> None:
    """Print a group: what each row costs, and how that compares with the first one."""
    found = {key: statistics.median(values) for key, values in costs.items()}
    first = group.rows[0].path
    print(f"\n{group.title:40} {'here':>9} {'more':>8} {'ratio':>6}   {'3.5':>9} {'more':>8}")
    for row in group.rows:
        if (row.path, False) not in found:
            continue
        here, yardstick = found[row.path, False], found[first, False]
        line = f"  {row.name:38} {here:9.1f} {here - yardstick:8.1f} {here / yardstick:6.2f}"
        if (row.path, True) in found:
            old = found[row.path, True]
            line += f"   {old:9.1f} {old - found.get((first, True), yardstick):8.1f}"
        print(line, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--instructions", action="store_true", help="count instructions instead of CPU time")
    parser.add_argument("--only", default="", help="a part of the titles of groups, or of the names of rows")
    arguments = parser.parse_args()
    need_ab("cost")
    counting = arguments.instructions
    with ExitStack() as stack:
        sites = {False: stack.enter_context(Site(old=False, counting=counting))}
        if OLD_MODULE.exists():
            sites[True] = stack.enter_context(Site(old=True, counting=counting))
        else:
            print(f"no {OLD_MODULE}: the column of mod_python 3.5 is empty")
        for group in GROUPS:
            rows = group.chosen(arguments.only)
            costs: Costs = {}
            for _ in range(1 if counting else arguments.rounds):
                for row in rows:
                    for old, site in sites.items():
                        if row.has_peer or not old:
                            costs.setdefault((row.path, old), []).append(site.cost(row))
            if rows:
                show(group, costs)


if __name__ == "__main__":
    main()
