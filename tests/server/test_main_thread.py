"""threading.main_thread() is the child's main thread in each interpreter, not one that serves requests."""

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler main_threads
<Location /other>
    PythonInterpreter other
</Location>
<Location /third>
    PythonInterpreter third
</Location>
"""


def test_the_main_thread_serves_no_requests(httpd: Httpd) -> None:
    """Before 3.13, CPython takes the thread for it that first imports threading in an interpreter."""
    seen = {httpd.get(path).text for path in ("/other", "/", "/third", "/other", "/third") * 5}
    assert len(seen) == 1  # there is one child
    ident, *words = seen.pop().split()
    assert int(ident) > 0
    assert words == ["MainThread", "True", "False", "1"]
