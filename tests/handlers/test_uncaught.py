"""Exceptions that nobody catches, in threads and finalizers, are one entry of the error log each."""

import pytest

from httpd import Httpd

CONF = """
<Location "/main">
    SetHandler mod_python
    PythonHandler uncaught
</Location>
<Location "/other">
    SetHandler mod_python
    PythonInterpreter other
    PythonHandler uncaught
</Location>
"""
HANDLERS = """
import sys, threading
from mod_python import apache

def fail():
    raise KeyError("late")

class Finalized:
    def __del__(self):
        fail()

def thread():
    one = threading.Thread(target=fail, name="worker")
    one.start()
    one.join()

def exits():
    one = threading.Thread(target=sys.exit)
    one.start()
    one.join()

def handler(req):
    globals()[req.args]()
    req.write("answered")
    return apache.OK
"""


@pytest.fixture(autouse=True)
def _module(httpd: Httpd) -> None:
    httpd.handler("uncaught.py", HANDLERS)


@pytest.mark.parametrize("path", ["/main", "/other"])
def test_an_exception_that_ends_a_thread_is_one_entry(httpd: Httpd, path: str) -> None:
    httpd.expect(r"\[python:error\].* exception in thread worker\\nTraceback.*in fail\\n.*KeyError: 'late'$")
    assert httpd.get(f"{path}?thread").text == "answered"


@pytest.mark.parametrize("path", ["/main", "/other"])
def test_an_exception_of_a_finalizer_is_one_entry(httpd: Httpd, path: str) -> None:
    httpd.expect(r"\[python:error\].*\[client .*(?i:exception ignored in).*Finalized.__del__.*KeyError: 'late'$")
    assert httpd.get(f"{path}?Finalized").text == "answered"


def test_a_thread_that_exits_is_no_failure(httpd: Httpd) -> None:
    assert httpd.get("/main?exits").text == "answered"
