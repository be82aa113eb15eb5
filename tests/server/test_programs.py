"""Programs that Python code starts have no blocked signals, on any MPM."""

import json

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
CONF = """
SetHandler mod_python
PythonHandler call_by_path
PythonInterpreter main_interpreter
<LocationMatch "/sub$">
    PythonInterpreter sub
</LocationMatch>
"""


@pytest.mark.parametrize("interpreter", ["", "/sub"])
@pytest.mark.parametrize("way", ["popen", "shell", "kept_descriptors", "spawned_process", "posix_spawn", "system"])
def test_a_program_ends_by_sigterm(httpd: Httpd, way: str, interpreter: str) -> None:
    ended, before, after = json.loads(httpd.get(f"/call/programs/{way}{interpreter}").text)
    assert ended == "SIGTERM"
    assert before == after
    assert ("SIGTERM" in before) == (httpd.mpm != "prefork")


def test_nothing_at_all_is_blocked_in_a_program(httpd: Httpd) -> None:
    (blocked,) = json.loads(httpd.get("/call/programs/blocked").text)
    assert int(blocked, 16) == 0
