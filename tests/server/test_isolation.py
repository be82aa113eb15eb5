"""Eight interpreters of virtual hosts, and of directories: never mixed under load, memory flat, no child dies."""

import pytest

from httpd import Httpd
from tests.bench.isolation import CONF as PLACES
from tests.bench.isolation import prepare, run

INTERPRETER = None
CONF = PLACES
# All 100,000: target/venv/bin/python tests/bench/isolation.py --requests 100000
REQUESTS = 10_000


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["hosts", "directories"])
def test_each_place_has_its_own_modules_and_versions(httpd: Httpd, kind: str) -> None:
    prepare(httpd)
    children = httpd.children()
    outcome = run(httpd, kind, REQUESTS)
    assert outcome.wrong == []
    assert sum(outcome.answered.values()) == REQUESTS
    # Each interpreter has counted its own requests, each of them once.
    assert outcome.answered == outcome.highest
    assert outcome.grown < 2048
    assert httpd.children() == children
