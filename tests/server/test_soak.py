"""Many requests over all phases leave the child as large as it was."""

from httpd import Httpd
from soak import CONF, soak

REQUESTS = 100_000
# What allocators of 16 threads may still come to; a leak of 40 bytes a request would show.
MOST_GROWTH = 3 * 1024


def test_a_hundred_thousand_requests_over_all_phases_leave_memory_flat() -> None:
    with Httpd(CONF) as httpd:
        seen = soak(httpd, REQUESTS)
        assert seen.growth() < MOST_GROWTH, seen
