"""A few seconds of each fuzzer, with the same seeds each time; scripts/fuzz goes on with others.

What fails prints its seed: `scripts/fuzz PART --seed N` has it again.
"""

import pytest

from tests.fuzz import bench
from tests.fuzz.run import PARTS, round_of

CASES, SECONDS = 20, 30  # whichever ends first: some seconds, on a machine that has nothing else to do
SEED = 20_000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mpm", ["event", "prefork"])
@pytest.mark.parametrize("name", PARTS)
def test_nothing_that_is_generated_breaks_httpd(name: str, mpm: str) -> None:
    tally = round_of(name, SEED, cases=CASES, seconds=SECONDS, mpm=mpm)
    assert tally.fault is None, tally.fault
    assert tally.cases > 0


@pytest.mark.parametrize("seed", range(4))  # each has another kind of filters
def test_generated_filters_pass_on_what_they_read(seed: int) -> None:
    count, fault = bench.apart(SEED + seed, 100, seconds=110)
    assert fault is None, fault
    assert count == 100
