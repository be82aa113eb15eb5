"""req.prev, req.next and req.main: one object per request, usable while httpd works on one of them."""

import json

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


def test_objects_do_not_cross_interpreters(httpd: Httpd) -> None:
    # What Python of one interpreter has put on a request is not there in another one.
    httpd.expect("AttributeError: .*'mine'")
    httpd.allow("request_family::previous")
    httpd.get("/other/refused")
