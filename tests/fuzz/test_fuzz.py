"""A few seconds of each fuzzer, with the same seeds each time; scripts/fuzz goes on with others.

What fails prints its seed: `scripts/fuzz PART --seed N` has it again.
"""

import pytest

from fuzz import bench
from fuzz.run import PARTS, round_of

SECONDS = 3
SEED = 20_000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mpm", ["event", "prefork"])
@pytest.mark.parametrize("name", PARTS)
def test_nothing_that_is_generated_breaks_httpd(name: str, mpm: str) -> None:
    tally = round_of(name, SEED, cases=60, seconds=SECONDS, mpm=mpm)
    assert tally.fault is None, tally.fault
    assert tally.cases > 1


@pytest.mark.parametrize("seed", range(4))  # each has another kind of filters
def test_generated_filters_pass_on_what_they_read(seed: int) -> None:
    count, fault = bench.apart(SEED + seed, 100, seconds=100)
    assert fault is None, fault
    assert count == 100
