"""The small form of tests/bench/sessions.py: sessions of 8 clients in each store, while children are killed."""

import pytest
from session_stores import SHARED, WithStores

from tests.bench import sessions

SERVER = WithStores
MPMS = ("event", "prefork")
CONF = sessions.CONF
SESSIONS = 60
KILLS = 2


@pytest.mark.parametrize("kind", SHARED)
def test_no_update_is_lost_and_no_session_unreadable(httpd: WithStores, kind: str) -> None:
    httpd.allow(sessions.OF_KILLS)
    found = sessions.Run(httpd, kind, KILLS).run(SESSIONS)
    assert found.faults == []
    assert found.sessions == SESSIONS
    assert found.killed == KILLS
