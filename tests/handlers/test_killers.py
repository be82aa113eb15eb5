"""What ended mod_python's child is an exception, or just works."""

import json

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
SetHandler mod_python
PythonHandler call_by_path
"""


def test_w31_none_of_the_seven_ends_the_child(httpd: Httpd) -> None:
    before = set(httpd.children())
    seen = json.loads(httpd.get("/call/request_methods/killers").text)
    assert seen["del"] == "AttributeError: attribute 'filename' cannot be deleted"
    assert seen["internal_redirect"] == "TypeError: expected str or bytes, not NoneType"
    assert seen["setdefault"] == "'default'[('missing', 'default')]"
    assert seen["connection.hlist"] == "None"
    assert seen["hlist"] == "True"
    httpd.write("ten", "0123456789")
    assert httpd.get("/call/request_methods/killer_sendfile").text == "456789 6"
    httpd.get("/call/request_methods/late")
    httpd.wait_for_log("without a phase: [A-Z]")
    assert "exit signal" not in httpd.log()
    assert before <= set(httpd.children())
