"""req.prev, req.next and req.main: one object per request, usable while httpd works on one of them."""

import json
import time

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
<Location /refused>
    SetHandler mod_python
    PythonHandler request_family::refuse
    ErrorDocument 403 /why
</Location>
<Location /why>
    SetHandler mod_python
    PythonHandler request_family::previous
    PythonOption here yes
</Location>

<Directory ${HTDOCS}>
    Options Includes
    AddOutputFilter INCLUDES .shtml
</Directory>
<Location /page.shtml>
    PythonTypeHandler request_family::leave
</Location>
<Location /part>
    SetHandler mod_python
    PythonHandler request_family::part
</Location>

<Location /on-loop>
    SetHandler mod_python
    PythonLogHandler request_family::logs
</Location>
<Location /on-loop/refused>
    PythonHandler request_family::refuse
    ErrorDocument 403 /why-on-loop
</Location>
<Location /on-loop/redirected>
    PythonHandler request_family::redirect
</Location>
<Location /on-loop/redirected-there>
    PythonHandler request_family::redirect_on_loop
</Location>
<Location /why-on-loop>
    SetHandler mod_python
    PythonHandler request_family::previous_on_loop
    PythonOption here yes
</Location>
<Location /on-loop.shtml>
    PythonTypeHandler request_family::leave
    PythonLogHandler request_family::logs
</Location>
<Location /part-on-loop>
    SetHandler mod_python
    PythonHandler request_family::part_on_loop
</Location>
<Location /logged>
    SetHandler mod_python
    PythonHandler request_family::logged
</Location>

<Location /other>
    PythonInterpreter other
</Location>
<Location /other/refused>
    SetHandler mod_python
    PythonHandler request_family::refuse
    ErrorDocument 403 /why-else
</Location>
<Location /why-else>
    SetHandler mod_python
    PythonHandler request_family::previous
</Location>
"""


def test_a_redirected_request_sees_the_one_before(httpd: Httpd) -> None:
    answer = httpd.get("/refused?x")
    assert answer.status == 403
    assert json.loads(answer.text) == {
        "prev": ["/refused", 403, "left by the refusing handler", "yes"],
        "next": True,
        "same": True,
        "main": None,
        "write": {},
    }


def test_subrequests_share_their_main_request(httpd: Httpd) -> None:
    httpd.write("page.shtml", '<!--#include virtual="/part" -->' * 2)
    left = "left by /page.shtml"
    assert httpd.get("/page.shtml").text == f"[/page.shtml 1 False {left}][/page.shtml 2 False {left}]"


def logged(httpd: Httpd, text: str, times: int) -> None:
    """Wait until log handlers have seen a request so often; they run behind its response."""
    if httpd.mpm == "prefork":
        return  # its children have a list each
    deadline = time.monotonic() + 5
    while (found := json.loads(httpd.get("/logged").text).count(text)) < times:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


@pytest.mark.parametrize("path", ["refused", "redirected", "redirected-there"])
def test_a_handler_on_asyncios_loop_sees_the_request_before_it(httpd: Httpd, path: str) -> None:
    for _ in range(3):
        answer = httpd.get(f"/on-loop/{path}")
        assert json.loads(answer.text) == {
            "prev": [f"/on-loop/{path}", 403, "left by the refusing handler", "yes"],
            "next": True,
            "same": True,
            "main": None,
            "write": {},
        }
    logged(httpd, f"/on-loop/{path} /why-on-loop", 3)


def test_subrequests_on_asyncios_loop_share_their_main_request(httpd: Httpd) -> None:
    httpd.write("on-loop.shtml", '<!--#include virtual="/part-on-loop" -->' * 2)
    left = "left by /on-loop.shtml"
    for _ in range(3):
        assert httpd.get("/on-loop.shtml").text == f"[/on-loop.shtml 1 False {left}][/on-loop.shtml 2 False {left}]"
    logged(httpd, "/on-loop.shtml None", 3)


def test_objects_do_not_cross_interpreters(httpd: Httpd) -> None:
    # What Python of one interpreter has put on a request is not there in another one.
    httpd.expect("AttributeError: .*'mine'")
    httpd.allow("request_family::previous")
    httpd.get("/other/refused")
