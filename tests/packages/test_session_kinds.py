"""Which kind of session Session.Session() makes without an option: one that all requests of a visitor find again."""

import json

import pytest

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
PythonOption mod_python.session.database_directory ${HTDOCS}/kept
"""
ONE_CHILD = "\nServerLimit 1\nMaxRequestWorkers 16\nMaxSpareThreads 16\n"


@pytest.mark.parametrize(
    ("mpm", "limits", "kind"),
    [("event", "", "DbmSession"), ("event", ONE_CHILD, "MemorySession"), ("prefork", "", "DbmSession")],
)
def test_w144_memory_is_for_one_child_with_threads(mpm: str, limits: str, kind: str) -> None:
    with Httpd(CONF + limits, beside=__file__, mpm=mpm) as httpd:
        folder = httpd.htdocs / "kept"
        folder.mkdir()
        folder.chmod(0o777)
        first = httpd.get("/call/session_pages/visit")
        assert json.loads(first.body)["kind"] == kind
        cookie = first.headers["Set-Cookie"].partition(";")[0]
        for visits in range(2, 6):
            found = json.loads(httpd.get("/call/session_pages/visit", {"Cookie": cookie}).body)
            assert found["data"] == {"visits": visits}
