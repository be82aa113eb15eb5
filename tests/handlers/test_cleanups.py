"""What runs at the end of a request, and of a child."""

import re

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
<Location /only>
    PythonCleanupHandler request_ends
</Location>
<Location /all>
    SetHandler mod_python
    PythonHandler request_ends
    PythonCleanupHandler request_ends
</Location>
<Location /other>
    SetHandler mod_python
    PythonInterpreter other
    PythonHandler request_ends
    PythonCleanupHandler request_ends
</Location>
<Location /list>
    PythonCleanupHandler request_ends request_ends::declining request_ends
</Location>
<Location /failing>
    PythonCleanupHandler request_ends::failing request_ends
</Location>
<Location /fails>
    SetHandler mod_python
    PythonHandler request_ends::fails
</Location>
<Location /wrong>
    SetHandler mod_python
    PythonHandler request_ends::wrong
</Location>
<Location /child>
    SetHandler mod_python
    PythonHandler request_ends::child
</Location>
"""


def told(httpd: Httpd, path: str, last: str = "cleanup handler") -> list[str]:
    httpd.get(path)
    httpd.wait_for_log(last)
    return re.findall(r"\] (cleanup .*|declining)", httpd.log())


def test_a_cleanup_handler_runs_where_nothing_else_of_python_does(httpd: Httpd) -> None:
    httpd.write("only/file", "")
    assert told(httpd, "/only/file") == ["cleanup handler, PythonCleanupHandler, no word, 200"]


def test_a_cleanup_handler_runs_for_a_request_that_fails(httpd: Httpd) -> None:
    assert told(httpd, "/only/missing") == ["cleanup handler, PythonCleanupHandler, no word, 404"]


def test_cleanups_run_backwards_and_before_the_handler(httpd: Httpd) -> None:
    for path in ("/all", "/other"):
        httpd.check_log()
        assert told(httpd, path) == [
            f"cleanup None, None, {path}",
            f"cleanup ('a', 'tuple'), None, {path}",
            f"cleanup first, None, {path}",
            "cleanup handler, PythonCleanupHandler, kept, 200",
        ]


def test_cleanup_lists_go_on_after_ok_only(httpd: Httpd) -> None:
    assert told(httpd, "/list", "declining") == ["cleanup handler, PythonCleanupHandler, no word, 404", "declining"]


def test_w39_a_cleanup_that_fails_is_logged_with_its_traceback(httpd: Httpd) -> None:
    httpd.expect(r"cleanup fails.*raise LookupError.*LookupError: in a cleanup with data")
    assert httpd.get("/fails").status == 200


def test_b7_a_cleanup_handler_that_fails_ends_its_list(httpd: Httpd) -> None:
    httpd.expect(r"PythonCleanupHandler request_ends::failing \(\S+:\d+\) failed .*LookupError: at the very end")
    httpd.get("/failing")
    httpd.wait_for_log("at the very end")
    assert "cleanup handler" not in httpd.log()


def test_what_cannot_be_called_is_refused(httpd: Httpd) -> None:
    assert httpd.get("/wrong").text == "register_cleanup() takes a function to call, not str"


def test_server_cleanups_run_when_the_child_ends() -> None:
    for mpm in MPMS:
        with Httpd(CONF, beside=__file__, mpm=mpm) as httpd:
            httpd.get("/child")
            httpd.graceful()
            httpd.wait_for_log("child ends: two(.|\n)*child ends: one", timeout=15)
            httpd.get("/only/x")  # the next child is there, and can be stopped
