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
# Long: the making lets go of the GIL some hundred times, and the import of a handler in it some twenty times more.
PythonSwitchInterval 0.05
SetHandler mod_python
PythonHandler hurried
<Location "/other">
    PythonInterpreter other
</Location>
"""
HANDLER = """
import sys, time

def handler(req):
    req.write(str(sys.getswitchinterval()), 0)
    if req.args:
        end = time.monotonic() + float(req.args)
        while time.monotonic() < end:
            pass
    return 0
"""


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="no thread asks there; each wait takes half of the interval")
def test_an_interpreter_is_made_soon_beside_a_burner(httpd: Httpd) -> None:
    httpd.handler("hurried.py", HANDLER)
    httpd.get("/")
    burner = threading.Thread(target=lambda: httpd.get("/?8"))
    burner.start()
    time.sleep(0.2)
    begin = time.monotonic()
    httpd.get("/other")
    took = time.monotonic() - begin
    assert burner.is_alive()
    burner.join()
    assert took < 4
    assert float(httpd.get("/").text) == pytest.approx(0.05)
