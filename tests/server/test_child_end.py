"""The end of a child: what apache.register_cleanup left is called."""

import json
import os
import signal
import time

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
SetHandler mod_python
PythonHandler call_by_path
<Location "/call/child_end/register/sub">
    PythonInterpreter sub
</Location>
"""


@pytest.mark.parametrize(("path", "interpreter"), [("", "main_interpreter"), ("/sub", "sub")])
def test_w39_cleanups_of_a_child(httpd: Httpd, path: str, interpreter: str) -> None:
    error, pid = json.loads(httpd.get(f"/call/child_end/register{path}").text)
    assert error.startswith("ValueError: register_cleanup() takes a function to call")
    end = rf"python:error\] \[pid {pid}[^]]*\] "
    httpd.expect(
        rf"{end}end of {pid}: None$",
        rf"{end}end of {pid}: \('one', 'tuple'\)$",
        rf"{end}end of {pid}: {interpreter}$",
        rf"{end}cleanup .*\\nTraceback \(most recent call last\):\\n.*\\nValueError: at the end: last words$",
    )
    httpd.graceful()
    httpd.wait_for_log(f"end of {pid}: None$")
    log = httpd.log()
    assert log.index(f": {interpreter}\n") < log.index("last words\n") < log.index("'tuple')\n")


@pytest.mark.parametrize(
    ("how", "last"),
    [
        ("sleeps", "python:error.* end of {pid}: asleep$"),
        ("reads", "python:error.* end of {pid}: waiting$"),
        ("works", "python:error.* end of {pid}: at work$"),
    ],
)
def test_a_child_that_is_told_to_end_ends(httpd: Httpd, how: str, last: str) -> None:
    if httpd.mpm != "prefork":
        pytest.skip("only prefork's children end by a signal")
    with httpd.connect() as client:
        request = f"POST /call/child_end/{how} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
        client.sendall(request.encode())
        pid = int(httpd.wait_for_log(rf"\[pid (\d+)[^]]*\] .*\] {how}$")[1])
        os.kill(pid, signal.SIGTERM)
        httpd.expect(last.format(pid=pid))
        if how != "reads":
            httpd.expect(rf"\[python:notice\] \[pid {pid}:.*its thread was still at work")
        deadline = time.monotonic() + 5
        while pid in httpd.children():
            assert time.monotonic() < deadline, "it goes on"
            time.sleep(0.02)
    assert ("still at work" in httpd.log()) == (how != "reads")
    assert "exit signal" not in httpd.log()
    assert httpd.get("/call/apache_functions/paths").status == 200
