"""The first requests of a child: a module is run by one thread, and nobody decides by one that is not complete."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
CLIENTS = 8
RESTARTS = 24
# Each way to name a module, with a directory of its own.
WAYS = {
    "file": "PythonAccessHandler ${HTDOCS}/file/guard.py",
    "file-module": "PythonHandlerModule ${HTDOCS}/file-module/guard.py",
    "name": "PythonPath \"['${HTDOCS}/name'] + sys.path\"\nPythonAccessHandler guard_by_name",
    "name-module": "PythonPath \"['${HTDOCS}/name-module'] + sys.path\"\nPythonHandlerModule guard_module_by_name",
    "tilde": "PythonAccessHandler ~/guard",
    "tilde-module": "PythonHandlerModule ~/guard.py",
    "folder": "PythonAccessHandler guard",
    "folder-module": "PythonHandlerModule guard",
    "htaccess": "AllowOverride All",
    "htaccess-module": "AllowOverride All",
}
# The same for what httpd's own access control asks.
WAYS |= {
    "require": "Require python guard::met",
    "require-path": "Require python ${HTDOCS}/require-path/guard.py::met",
    "provider": "AuthType Basic\nAuthName x\nAuthBasicProvider python\nPythonAuthProvider guard\nRequire valid-user",
}
HTACCESS = {"htaccess": "PythonAccessHandler guard\n", "htaccess-module": "PythonHandlerModule ./guard.py\n"}
CONF = """
<Directory ${HTDOCS}/filter>
    PythonOutputFilter ~/late.py MARK
    PythonInputFilter ~/late.py TAKE
    SetOutputFilter MARK
    SetInputFilter TAKE
    SetHandler mod_python
    PythonHandler ~/late.py
    PythonFixupHandler ~/late.py
    PythonLogHandler ~/late.py
    PythonCleanupHandler ~/late.py
</Directory>
<Directory ${HTDOCS}/broken>
    PythonHandlerModule ~/broken.py
</Directory>
Listen 127.0.0.1:${LINE_PORT}
<VirtualHost *:${LINE_PORT}>
    PythonConnectionHandler ${STATE}/line.py
</VirtualHost>
"""
CONF += "".join(f"<Directory ${{HTDOCS}}/{way}>\n{lines}\n</Directory>\n" for way, lines in WAYS.items())
GUARD = """
import builtins, time
time.sleep(0.02)
if {fails} and not hasattr(builtins, "{name}"):
    setattr(builtins, "{name}", True)
    raise OSError("the database is not up yet")
def accesshandler(req):
    return 403
def met(req):
    return False
def check_password(req, user, password):
    return False
"""
REFUSED = {"provider": 401}
SERVER = WithoutPath


def at_once(call: Callable[[], Any]) -> list[Any]:
    """What a call gives to each of several clients, who call at the same time."""
    barrier = threading.Barrier(CLIENTS)

    def one(_: int) -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(one, range(CLIENTS)))


def test_nobody_is_let_in_by_a_module_that_is_being_imported(httpd: Httpd) -> None:
    seen: Counter[int] = Counter()
    httpd.expect("OSError: the database is not up yet")
    httpd.allow("AH01630: client denied", "AH01617: user ann: authentication failure")
    for restart in range(RESTARTS):
        fails, ways = restart % 4 >= 2, [*WAYS][restart % 2 :: 2]
        for way in ways:
            httpd.write(f"{way}/secret", "the secret")
            module = {"name": "guard_by_name", "name-module": "guard_module_by_name"}.get(way, "guard")
            httpd.write(f"{way}/{module}.py", GUARD.format(fails=fails, name=f"tried {way}"))
            if way in HTACCESS:
                httpd.write(f"{way}/.htaccess", HTACCESS[way])
        httpd.graceful()
        for way in ways:
            # All clients are the first to need its module.
            refused = REFUSED.get(way, 403)
            for answer in at_once(partial(httpd.get, f"/{way}/secret", {"Authorization": "Basic YW5uOnNlY3JldA=="})):
                assert answer.status in ((refused, 500) if fails else (refused,)), (restart, way, answer)
                seen[answer.status] += 1
    assert set(seen) == {401, 403, 500}


def test_a_module_whose_import_fails_is_an_error_each_time_until_it_is_mended(httpd: Httpd) -> None:
    httpd.write("broken/secret", "the secret")
    httpd.write("broken/broken.py", "raise LookupError('the module is broken')\n")
    for times in range(1, 4):
        assert httpd.get("/broken/secret").status == 500
        # The first phase in a section; and the last one, which needs the module as well.
        for phase in ("PythonInitHandler", "PythonCleanupHandler"):
            httpd.wait_for_log(rf"(?s)({phase} \S+broken.py .*?LookupError: the module is broken.*?){{{times}}}")
    httpd.allow("the module is broken")
    httpd.write("broken/broken.py", "def accesshandler(req):\n    return 403\n")
    assert httpd.get("/broken/secret").status == 403


LATE = """
import os, time
print(f"late.py runs in {os.getpid()}")
time.sleep(0.1)

def handler(req):
    req.write(f"got {req.read().decode()}", 0)
    return 0
def fixuphandler(req):
    return 0
def loghandler(req):
    print(f"logged {req.args}")
    return 0
def cleanuphandler(req):
    print(f"cleaned {req.args}")
    return 0
def outputfilter(filter):
    while data := filter.read():
        filter.write(data.upper())
def inputfilter(filter):
    while data := filter.read():
        filter.write(data + b"!")
"""


def test_a_module_runs_once_for_all_that_it_serves(httpd: Httpd) -> None:
    httpd.write("filter/late.py", LATE)
    httpd.write("filter/x", "")
    httpd.graceful()
    answers = at_once(lambda: httpd.request("POST", f"/filter/x?{threading.get_ident()}", b"body"))
    assert [answer.text for answer in answers] == ["GOT BODY!"] * CLIENTS
    for what in ("logged", "cleaned"):
        httpd.wait_for_log(rf"(?s)({what} \d+\b.*){{{CLIENTS}}}")
    runs = Counter(line.partition("late.py runs in ")[2] for line in httpd.log().splitlines() if "late.py runs" in line)
    assert runs and set(runs.values()) == {1}, runs


def test_connections_wait_for_their_handler(httpd: Httpd) -> None:
    source = "import time\ntime.sleep(0.1)\ndef connectionhandler(conn):\n    conn.write(b'served')\n    return 0\n"
    httpd.state.joinpath("line.py").write_text(source)
    httpd.graceful()
    port = httpd.port_of("LINE_PORT")
    assert at_once(lambda: httpd.raw(b"", port=port, half_close=True)) == [b"served"] * CLIENTS
