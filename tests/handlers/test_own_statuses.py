"""A status that httpd does not know: `req.status`, a body, and `return apache.OK` send it."""

import pytest

import http1
from httpd import Httpd
from versions import ask

MPMS = ("event", "prefork")
NAMES = ["sets", "raises", "says", "changes"]
CONF = "".join(
    f"""
    <Location "/{name}">
        SetHandler mod_python
        PythonHandler own_statuses::{name}
    </Location>
    """
    for name in [*NAMES, "known"]
)
UNKNOWN = [299, 420, 499, 599, 600, 999]


def lines(httpd: Httpd, path: str) -> list[str]:
    """Return the status line of a path that is asked for twice on one connection, and its status on HTTP/2."""
    data = httpd.raw(http1.get(path) + http1.get(path, "Connection: close"))
    found = [line.decode() for line in data.split(b"\r\n") if b"HTTP/1.1 " in line]
    return [line[line.index("HTTP/1.1 ") + 9 :] for line in found]


@pytest.mark.parametrize("number", UNKNOWN)
@pytest.mark.parametrize("name", NAMES)
def test_a_status_that_httpd_does_not_know_is_sent(httpd: Httpd, name: str, number: int) -> None:
    line = f"{number} Own Words" if name == "says" else f"{number} Status {number}"
    assert lines(httpd, f"/{name}?{number}") == [line, line]
    if httpd.mpm == "event" and number < 600:
        assert ask(httpd, "2", f"/{name}?{number}").status == number


@pytest.mark.parametrize(("number", "line"), [(200, "200 OK"), (201, "201 Created"), (404, "404 Not Found")])
def test_a_status_that_httpd_knows_has_its_line(httpd: Httpd, number: int, line: str) -> None:
    for name in ("sets", "known"):
        assert lines(httpd, f"/{name}?{number}") == [line, line]
    assert http1.responses(httpd.raw(http1.get(f"/sets?{number}", "Connection: close")))[0].text == "line None"


def test_status_line_says_what_is_sent(httpd: Httpd) -> None:
    answer = http1.responses(httpd.raw(http1.get("/sets?499", "Connection: close")))[0]
    assert answer.text == "line 499 Status 499"
