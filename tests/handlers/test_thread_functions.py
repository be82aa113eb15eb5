"""What a handler sets for its thread alone does not reach the next request on that thread."""

import json

from httpd import Httpd

MPMS = ("prefork", "worker")
CONF = """
StartServers 1
ServerLimit 1
<IfModule mpm_prefork_module>
    MinSpareServers 1
    MaxSpareServers 1
    MaxRequestWorkers 1
</IfModule>
<IfModule !mpm_prefork_module>
    ThreadsPerChild 1
    MaxRequestWorkers 1
    MinSpareThreads 1
    MaxSpareThreads 1
</IfModule>
SetHandler mod_python
PythonHandler call_by_path
PythonInterpreter main_interpreter
<Location "/call/thread_functions/leaves_by_phase">
    PythonFixupHandler thread_functions::fixup
</Location>
PythonImport thread_functions::profile_main_thread profiled
<Location "/call/thread_functions/profiled">
    PythonInterpreter profiled
</Location>
"""
CLEAN = [None, None, 28, None]


def test_nothing_is_left_to_the_next_request(httpd: Httpd) -> None:
    thread, *found = json.loads(httpd.get("/call/thread_functions/looks").text)
    assert found == CLEAN
    assert json.loads(httpd.get("/call/thread_functions/leaves").text) == [thread]
    assert json.loads(httpd.get("/call/thread_functions/looks").text) == [thread, *CLEAN]


def test_a_later_phase_has_the_context_and_no_trace_function(httpd: Httpd) -> None:
    """The context of decimal is one of contextvars, which are the request's."""
    assert json.loads(httpd.get("/call/thread_functions/leaves_by_phase").text)[1:] == [None, None, 3, "set"]


def test_an_exception_for_a_request_that_is_over_reaches_no_other(httpd: Httpd) -> None:
    (thread,) = json.loads(httpd.get("/call/thread_functions/asks_for_exception").text)
    httpd.wait_for_log("the exception was sent to 1 thread")
    for _ in range(3):
        assert json.loads(httpd.get("/call/thread_functions/looks").text) == [thread, *CLEAN]


def test_what_python_import_sets_for_the_main_thread_stays(httpd: Httpd) -> None:
    is_main_thread = httpd.mpm == "prefork"
    for _ in range(2):
        assert json.loads(httpd.get("/call/thread_functions/profiled").text) == [is_main_thread]
