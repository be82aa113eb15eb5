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
import resource, sys, threading
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

def without_descriptors():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    sys.modules.pop("traceback", None)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        thread()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

def without_module():
    sys.modules["traceback"] = None
    fail()

def with_module():
    del sys.modules["traceback"]

def half():
    raise ValueError("half \\ud800")

def halves():
    one = threading.Thread(target=half, name="halver")
    one.start()
    one.join()
    apache.log_error("logged \\ud83d\\ude00")
    print("printed \\ud800")
    half()

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
    title = r"(?i:exception ignored (in|while calling deallocator)):? <function Finalized.__del__ at 0x\w+>\\n"
    httpd.expect(rf"\[python:error\].*\[client .*{title}.*KeyError: 'late'$")
    assert httpd.get(f"{path}?Finalized").text == "answered"


WITHOUT_CODE = r"Traceback \(most recent call last\):\\n( +File \"[^\"]+\", line \d+, in \w+\\n)+KeyError: 'late'$"


@pytest.mark.parametrize("path", ["/main", "/other"])
def test_a_traceback_needs_no_descriptor(httpd: Httpd, path: str) -> None:
    """Python's module for tracebacks is imported when one is written first, which may be too late for it."""
    httpd.expect(r"\[python:error\].* exception in thread worker\\n" + WITHOUT_CODE)
    assert httpd.get(f"{path}?without_descriptors").text == "answered"


def test_a_traceback_of_a_handler_needs_no_module(httpd: Httpd) -> None:
    httpd.expect(r"\[python:error\].*uncaught.*" + WITHOUT_CODE)
    assert httpd.get("/main?without_module").status == 500
    httpd.get("/main?with_module")


def test_a_thread_that_exits_is_no_failure(httpd: Httpd) -> None:
    assert httpd.get("/main?exits").text == "answered"


def test_surrogates_are_escaped_and_cost_no_traceback(httpd: Httpd) -> None:
    trace = r"Traceback \S+ \S+ \S+ last\):\\n.* in half\\n.*ValueError: half \\\\ud800$"
    httpd.expect(
        rf"exception in thread halver\\n{trace}",
        r"\] logged \\\\ud83d\\\\ude00$",
        r"\] printed \\\\ud800$",
        rf"PythonHandler uncaught .* failed for \"GET /main\?halves HTTP/1.1\"\\n{trace}",
    )
    assert httpd.get("/main?halves").status == 500
