"""mod_wsgi beside mod_python: in its daemon, and embedded in the same children as far as both live to their end."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import neighbours
from httpd import Httpd

LOAD = neighbours.load("wsgi")
SITES = """
WSGIScriptAlias /named "${HANDLERS}/beside.wsgi"
WSGIScriptAlias /global "${HANDLERS}/beside.wsgi"
PythonOutputFilter wsgi_beside UPPER
<Directory "${HANDLERS}">
    Require all granted
</Directory>
<Location "/named">
    SetOutputFilter UPPER
</Location>
<Location "/global">
    WSGIApplicationGroup %{GLOBAL}
    PythonInterpreter other
    PythonFixupHandler wsgi_beside
    SetOutputFilter UPPER
</Location>
<Location "/main">
    SetHandler mod_python
    PythonHandler wsgi_beside
    PythonInterpreter main_interpreter
</Location>
<Location "/other">
    SetHandler mod_python
    PythonHandler wsgi_beside
    PythonInterpreter other
</Location>
"""
EMBEDDED = "WSGIDestroyInterpreter Off"
DAEMON = """
WSGIRestrictEmbedded On
WSGISocketPrefix run/wsgi
WSGIDaemonProcess apps processes=1 threads=4
WSGIProcessGroup apps
"""
SAID = r"wsgi:error\].* end of \w+ in \d+$"  # mod_wsgi takes sys.stdout of the interpreter that both share
PAGES = {
    "/main": "Python in main_interpreter\n",
    "/other": "Python in other\n",
    "/global": "WRITTEN BY WSGI\nIN ''\n",
    "/named": "WRITTEN BY WSGI\nIN 'LOCALHOST:{port}|/NAMED'\n",
}


@pytest.fixture(params=["embedded", "daemon"])
def lines(request: pytest.FixtureRequest) -> str:
    return EMBEDDED if request.param == "embedded" else DAEMON


@pytest.fixture(params=["event", "prefork"])
def mpm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["before", "after"])
def both(request: pytest.FixtureRequest, mpm: str, lines: str) -> Iterator[Httpd]:
    """A server with both modules; mod_wsgi is loaded before mod_python, or after it."""
    first = request.param == "before"
    conf = ("" if first else LOAD) + lines + SITES
    with Httpd(conf, beside=__file__, mpm=mpm, modules=["wsgi"] if first else [], allow=[SAID]) as httpd:
        yield httpd


def pages(httpd: Httpd) -> dict[str, str]:
    """The pages of both modules, asked for at the same time and several times."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda path: (path, httpd.get(path).text), [*PAGES] * 10))
    assert len(set(answers)) == len(PAGES)
    return dict(answers)


def test_both_serve_and_their_children_live_to_their_end(both: Httpd, lines: str) -> None:
    """The log is clean: no child aborts, be it at its end."""
    expected = {path: text.format(port=both.port) for path, text in PAGES.items()}
    assert pages(both) == expected
    old = set(both.children())
    both.graceful()
    assert pages(both) == expected
    assert set(both.children()) - old
    # Each interpreter is ended once, and the one that both share is.
    both.wait_for_log(r"\] end of other in \d+$", timeout=20)
    both.wait_for_log(r"\] end of main_interpreter in \d+$", timeout=20)
    if lines == EMBEDDED:
        both.wait_for_log(r"\] end of wsgi in \d+$", timeout=20)
    ends = re.findall(r"\] (end of .*)$", both.log(), re.MULTILINE)
    assert len(ends) == len(set(ends))


REFUSED = {
    "": "mod_wsgi is loaded, .*write WSGIRestrictEmbedded On",
    "<IfModule mod_wsgi.c>\nWSGIRestrictEmbedded Off\n</IfModule>": "write WSGIRestrictEmbedded On",
    DAEMON
    + "<Location /x>\nWSGIAuthUserScript /auth.wsgi\n</Location>": "WSGIAuthUserScript .*WSGIDestroyInterpreter Off",
}


@pytest.mark.parametrize("conf", REFUSED)
def test_a_mod_wsgi_that_would_end_our_python_is_refused(conf: str) -> None:
    httpd = Httpd(LOAD + conf)
    answer = httpd.configtest()
    httpd.stop()
    assert answer.returncode != 0
    assert re.search(REFUSED[conf], answer.stderr), answer.stderr
