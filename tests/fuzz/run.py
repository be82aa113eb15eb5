"""Runs rounds of cases: each has a seed, a freshly booted httpd, and ends at the first fault."""

import argparse
import random
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from httpd import Httpd
from server import PROJECT
from tests.fuzz import bench, brigades, objects
from tests.fuzz import bytes as octets
from tests.fuzz.answers import Fault
from tests.fuzz.watch import Watch


class Part(NamedTuple):
    """One of the things that are fuzzed."""

    conf: str
    prepare: Callable[[Httpd], None]
    case: Callable[[Httpd, Watch, random.Random], str]


PARTS = {
    "objects": Part(objects.CONF, objects.prepare, objects.case),
    "brigades": Part(brigades.CONF, brigades.prepare, brigades.case),
    "bytes": Part(octets.CONF, octets.prepare, octets.case),
}
# What a word of the command line stands for; "bench" is brigades in the test double of httpd.
NAMES = {"objects": ["objects"], "brigades": ["bench", "brigades"], "bench": ["bench"], "bytes": ["bytes"]}
NAMES["all"] = ["objects", "bench", "brigades", "bytes"]
FOUND = PROJECT / "target/fuzz"


class Tally(NamedTuple):
    """What a round did."""

    cases: int
    fault: str | None


def round_of(
    name: str, seed: int, *, cases: int, seconds: float = float("inf"), mpm: str = "event", only: int | None = None
) -> Tally:
    """Run the cases of a seed until one fails, all are done or time is up.

    Args:
        name: of the part.
        seed: with the same seed, the same cases come in the same order.
        cases: how many.
        seconds: how long at most.
        mpm: of httpd.
        only: the number of a case to run alone; what others before it left behind may be missing then.
    """
    part = PARTS[name]
    deadline = time.monotonic() + seconds
    httpd = Httpd(part.conf, beside=__file__, mpm=mpm, allow=["."])
    number = 0
    try:
        part.prepare(httpd)
        httpd.start()
        watch = Watch(httpd)
        watch.check()
        for number in range(cases) if only is None else [only]:
            if time.monotonic() > deadline:
                break
            part.case(httpd, watch, random.Random(f"{name} {seed} {number}"))
        httpd.stop()
    except Exception as fault:
        kind = "" if isinstance(fault, Fault) else f"{type(fault).__name__}: "
        said = f"{name}, seed {seed}, case {number}, {mpm}: {kind}{fault}"
        FOUND.mkdir(parents=True, exist_ok=True)
        log = httpd.error_text() if httpd.error_log.exists() else ""
        (FOUND / f"{name}-{mpm}-{seed}-{number}.txt").write_text(f"{said}\n\n{log[-20000:]}", errors="backslashreplace")
        try:
            httpd.stop()
        except Exception as error:
            said += f"\nand at the stop: {str(error)[:500]}"
        return Tally(number + 1, said)
    return Tally(number + 1, None)


def rounds(asked: argparse.Namespace, name: str, seed: int) -> tuple[Tally, str]:
    """Run a round of one part; what it did, and how to have it again."""
    mpm = asked.mpm or ("prefork" if seed % 4 == 3 else "event")
    if name == "bench":
        return Tally(*bench.apart(seed, asked.cases * 5)), f"scripts/fuzz bench --seed {seed}"
    tally = round_of(name, seed, cases=asked.cases, mpm=mpm, only=asked.case)
    return tally, f"scripts/fuzz {name} --seed {seed} --mpm {mpm}"


def main() -> int:
    """Run what the command line says, and print how to have each fault again."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument(
        "part", nargs="?", default="all", choices=sorted(NAMES), help="what is fuzzed; all if not given"
    )
    parser.add_argument("--seed", type=int, help="of the first round; the next ones follow it")
    parser.add_argument("--case", type=int, help="run only this case of the seed")
    parser.add_argument("--cases", type=int, default=300, help="of a round, at most (300)")
    parser.add_argument("--minutes", type=float, default=0, help="how long; one round of each part if not given")
    parser.add_argument("--mpm", choices=["event", "worker", "prefork"], help="of httpd; event and prefork in turns")
    asked = parser.parse_args()
    begin = time.monotonic()
    seed = random.randrange(1 << 30) if asked.seed is None else asked.seed
    faults = cases = count = 0
    while count == 0 or time.monotonic() - begin < asked.minutes * 60:
        for name in NAMES[asked.part]:
            tally, again = rounds(asked, name, seed)
            cases += tally.cases
            if tally.fault:
                faults += 1
                print(f"{tally.fault}\nagain: {again}\n", flush=True)
        count, seed = count + 1, seed + 1
    print(f"{cases} cases of {count} rounds in {(time.monotonic() - begin) / 3600:.2f} h: {faults} faults", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
