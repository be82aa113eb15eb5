"""mpm-itk, which forks a process for each connection of a child of prefork: Python goes on in it, threads or not."""

import os
import time
from collections.abc import Iterator

import pytest

import neighbours
from httpd import Httpd

LOAD = neighbours.load("mpm_itk")
CONF = f"""
{LOAD}
<IfModule !mpm_itk_module>
    Require all denied
</IfModule>
PythonImport itk_threads main_interpreter
<Location "/main">
    SetHandler mod_python
    PythonHandler itk_pages
    PythonInterpreter main_interpreter
</Location>
<Location "/other">
    SetHandler mod_python
    PythonHandler itk_pages
    PythonInterpreter other
</Location>
<Location "/secret">
    SetHandler mod_python
    PythonHandler itk_pages
    PythonAccessHandler itk_pages
</Location>
PythonOutputFilter itk_pages UPPER
PythonOutputFilter itk_pages::slow SLOW time=0.2
<Location "/main/upper">
    SetOutputFilter UPPER
</Location>
<Location "/main/slow">
    SetOutputFilter SLOW
</Location>
ScriptAlias /cgi "${{CGI_BIN}}/hello"
<Location "/user">
    SetHandler mod_python
    PythonHandler itk_pages::user
    AssignUserID www-data nogroup
</Location>
Listen 127.0.0.1:${{ECHO_PORT}}
<VirtualHost *:${{ECHO_PORT}}>
    PythonInterpreter main_interpreter
    PythonConnectionHandler itk_pages::echo
</VirtualHost>
"""


@pytest.fixture(params=["sleep", "busy", "none"])
def itk(request: pytest.FixtureRequest) -> Iterator[Httpd]:
    httpd = Httpd(CONF, beside=__file__, mpm="prefork", env={"THREAD": request.param})
    httpd.cgi("hello", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nfrom cgi\\n'\n")
    begin = time.monotonic()
    with httpd:
        yield httpd
        begin = time.monotonic()
    assert time.monotonic() - begin < 5, "no process had to be killed"


def test_each_connection_has_a_process_with_python(itk: Httpd) -> None:
    children = set(itk.children())
    pids, numbers = set(), set()
    for path in ["/main", "/other"] * 4:
        name, pid, number = itk.get(path).text.split()
        assert name == {"/main": "main_interpreter", "/other": "other"}[path]
        pids.add(int(pid))
        numbers.add(number)
    assert len(pids) == 8 and not pids & children
    assert len(numbers) == 8, "random numbers differ"
    assert itk.get("/main/upper").text.startswith("MAIN_INTERPRETER ")
    assert itk.get("/secret").status == 403
    assert itk.raw(b"one\ntwo\n", port=itk.port_of("ECHO_PORT"), half_close=True) == b"ONE\nTWO\n"
    assert itk.get("/cgi").text == "from cgi\n"


def test_threads_of_ours_start_in_the_process(itk: Httpd) -> None:
    itk.expect("FilterTimeout", "filter SLOW")
    assert itk.get("/main/slow").status == 500


def test_cleanups_of_the_child_are_left_to_it(itk: Httpd) -> None:
    """mpm-itk ends its processes without the cleanups of any module."""
    assert itk.get("/main").status == 200
    time.sleep(0.2)
    assert "cleanup of the child" not in itk.log()
    itk.graceful()
    itk.wait_for_log("cleanup of the child")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
def test_handlers_run_as_the_user_of_the_site(itk: Httpd) -> None:
    assert itk.get("/user").text == "www-data nogroup\n"


def test_imports_for_other_interpreters_are_left_out() -> None:
    httpd = Httpd(LOAD + "PythonImport itk_pages other", beside=__file__, mpm="prefork")
    httpd.expect("PythonImport itk_pages .* is left out: with mpm-itk, only main_interpreter")
    with httpd:
        assert httpd.get("/nothing").status == 404
