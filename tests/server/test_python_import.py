"""PythonImport: the order of its lines, the interpreters that they are for, and `required`."""

import contextlib
import re
import time
from collections import Counter

import pytest

from httpd import Httpd, ServerError

MPMS = ("event", "prefork")
INTERPRETER = None
CONF = """
PythonOption state ${STATE}
SetHandler mod_python
PythonHandler start_imports
PythonImport start_imports::first main_interpreter
Listen 127.0.0.1:${ONE_PORT}
<VirtualHost *:${ONE_PORT}>
    ServerName one.example
    PythonImport start_imports::second
</VirtualHost>
Listen 127.0.0.1:${TWO_PORT}
<VirtualHost *:${TWO_PORT}>
    ServerName two.example
    PythonInterpreter shared
    PythonImport start_imports::third Required
    PythonImport start_imports::first elsewhere required
</VirtualHost>
PythonImport start_imports::third
"""


def test_lines_run_in_their_order_and_each_in_its_interpreter(httpd: Httpd) -> None:
    assert httpd.get("/").text == "up"
    lines = (httpd.state / "imports").read_text().splitlines()
    order = ["first main_interpreter", "second one.example", "third shared", "first elsewhere", "third localhost"]
    if httpd.mpm == "event":
        assert lines[:5] == order
    else:  # Several children write at the same time.
        assert set(Counter(lines)) == set(order)
        assert lines[0] == order[0]


@pytest.mark.parametrize(
    "line", ["PythonImport", "PythonImport a b c", "PythonImport a required c", 'PythonImport a ""']
)
def test_other_arguments_are_refused(line: str) -> None:
    httpd = Httpd(line)
    said = httpd.configtest().stderr
    httpd.stop()
    assert "PythonImport: takes a module, and optionally the name of an interpreter and the word required" in said


NEEDED = """
PythonOption state ${STATE}
PythonInterpreter main_interpreter
SetHandler mod_python
PythonHandler start_imports
PythonImport start_imports::needed main_interpreter required
PythonImport start_imports::second main_interpreter
"""
REFUSED = r"PythonImport start_imports::needed main_interpreter required \(\S+:6\) says required, so this child"


@pytest.mark.parametrize("left", ["", "a thread"])
@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_httpd_stops_if_what_is_required_fails_as_it_starts(mpm: str, left: str) -> None:
    httpd = Httpd(f"{NEEDED}PythonShutdownTimeout 1\n", beside=__file__, mpm=mpm, allow=[".*"])
    (httpd.state / "down").write_text(left)
    try:
        with pytest.raises(ServerError) as failed:
            httpd.start()
            httpd.wait_for_log("AH00050", timeout=30)
            raise ServerError(httpd.error_text())
        said = str(failed.value)
        assert re.search(REFUSED, said)
        assert "OSError: the database is down" in said
        assert "AH00050" in said
        assert not (httpd.state / "imports").exists(), "lines behind it are not run"
        ends = time.monotonic() + 30
        while httpd.alive():
            assert time.monotonic() < ends, "httpd does not stop"
            time.sleep(0.05)
    finally:
        with contextlib.suppress(ServerError):  # It has ended by itself, with a status that says so.
            httpd.stop()


def test_a_child_that_lacks_what_is_required_is_tried_again_with_a_pause() -> None:
    conf = f"{NEEDED}StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\nMaxConnectionsPerChild 1\n"
    with Httpd(conf, beside=__file__, mpm="prefork", allow=[REFUSED, "the database is down"]) as httpd:
        assert httpd.get("/").text == "up"
        httpd.get("/")
        (httpd.state / "down").touch()
        began = time.monotonic()
        ends = began + 60
        while len(re.findall(REFUSED, httpd.log())) < 3:
            assert time.monotonic() < ends, "no child was tried"
            time.sleep(0.05)
        refused, seconds = len(re.findall(REFUSED, httpd.log())), time.monotonic() - began
        assert refused <= seconds + 3
        assert httpd.alive()
        (httpd.state / "down").unlink()
        assert httpd.get("/").text == "up"
