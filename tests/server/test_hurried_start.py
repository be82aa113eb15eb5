"""An interpreter is made soon while a thread computes: its making asks for the GIL without waiting for its turn."""

import sys
import threading
import time

import pytest

from httpd import Httpd

pytestmark = pytest.mark.alone

CONF = """
ServerLimit 1
StartServers 1
ThreadsPerChild 4
MaxRequestWorkers 4
# Long: the making lets go of the GIL some hundred times.
PythonSwitchInterval 0.05
SetHandler mod_python
PythonHandler hurried
<LocationMatch "^/(other|again)">
    PythonInterpreter other
</LocationMatch>
<Location "/again">
    PythonHandler hurried_again
</Location>
"""
HANDLER = """
import os, sys, time

def handler(req):
    req.write(str(sys.getswitchinterval()), 0)
    if req.args:
        end = time.monotonic() + 20
        while time.monotonic() < end and not os.path.exists(req.args):
            look = time.monotonic() + 0.5
            while time.monotonic() < look:
                pass
    return 0
"""


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="no thread asks there; each wait takes half of the interval")
def test_an_interpreter_is_made_soon_beside_a_burner(httpd: Httpd) -> None:
    for name in ("hurried", "hurried_again"):
        httpd.handler(f"{name}.py", HANDLER)
    httpd.get("/")
    over = httpd.folder / "over"
    burner = threading.Thread(target=lambda: httpd.get(f"/?{over}"))
    burner.start()
    time.sleep(0.2)
    making_and_import, only_import = (_time_of(httpd, path) for path in ("/other", "/again"))
    assert burner.is_alive()
    over.touch()
    burner.join()
    # The import of a handler waits for its turns each time, for one to four seconds. If the making did, too, it would
    # take more than 15 s.
    assert making_and_import < only_import + 6
    assert float(httpd.get("/").text) == pytest.approx(0.05)


def _time_of(httpd: Httpd, path: str) -> float:
    begin = time.monotonic()
    assert httpd.get(path).status == 200
    return time.monotonic() - begin
