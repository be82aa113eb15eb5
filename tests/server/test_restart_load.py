"""Restarts and stops under load, in small numbers; tests/bench/restarts.py has the full ones."""

import os

import pytest

from tests.bench import restarts

pytestmark = pytest.mark.alone
ROUNDS = int(os.environ.get("MOD_PYTHON_RESTARTS", "3"))


@pytest.mark.parametrize("mpm", restarts.MPMS)
def test_no_request_fails_at_a_graceful_restart(mpm: str) -> None:
    done = restarts.restarts(mpm, 3, ROUNDS)
    assert done.requests >= ROUNDS * restarts.EACH
    assert done.failures == []
    assert done.killed == []
    assert done.growth() < 1024


@pytest.mark.parametrize("mpm", restarts.MPMS)
def test_no_request_of_an_application_fails_at_a_graceful_restart(mpm: str) -> None:
    done = restarts.restarts(mpm, 3, ROUNDS, restarts.APPLICATION)
    assert (done.failures, done.killed) == ([], [])
    assert done.requests >= ROUNDS * restarts.EACH


@pytest.mark.parametrize("mpm", restarts.MPMS)
def test_no_child_is_killed_at_a_stop(mpm: str) -> None:
    assert restarts.stops(mpm, 3, 1).killed == []


def test_no_waiting_request_fails_at_a_graceful_restart() -> None:
    done = restarts.restarts("event", 3, ROUNDS, restarts.WAITING)
    assert (done.failures, done.killed) == ([], [])
    assert done.requests >= ROUNDS * restarts.EACH


def test_requests_that_wait_at_a_graceful_restart_are_answered_in_the_time_of_handlers() -> None:
    assert restarts.waiting(2, 100) == {"200 b'right'": 180, "503": 20}
