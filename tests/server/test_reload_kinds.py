"""Handlers of all phases and kinds are reloaded, and so are filters; each when a module that it imports has changed."""

import time
from collections.abc import Callable

import pytest

from httpd import Httpd, WithoutPath

MPMS = ("event", "prefork")
SERVER = WithoutPath
PHASES = {
    "PostReadRequest": "postreadrequesthandler",
    "Trans": "transhandler",
    "HeaderParser": "headerparserhandler",
    "Init": "inithandler",
    "Access": "accesshandler",
    "Authen": "authenhandler",
    "Authz": "authzhandler",
    "Type": "typehandler",
    "Fixup": "fixuphandler",
    "Log": "loghandler",
    "Cleanup": "cleanuphandler",
}
SERVER_ONLY = ("PostReadRequest", "Trans")


def lines(names: set[str]) -> str:
    return "".join(f"    Python{name}Handler ${{HANDLERS}}/{name}.py\n" for name in PHASES if name in names)


CONF = f"""
Listen 127.0.0.1:${{PHASES_PORT}}
<VirtualHost *:${{PHASES_PORT}}>
{lines({*SERVER_ONLY})}
    <Location />
        AuthType Basic
        AuthName reload
        Require valid-user
{lines(PHASES.keys() - {*SERVER_ONLY})}
    </Location>
</VirtualHost>
Listen 127.0.0.1:${{LINES_PORT}}
<VirtualHost *:${{LINES_PORT}}>
    PythonConnectionHandler ${{HANDLERS}}/lines.py
</VirtualHost>
Listen 127.0.0.1:${{PARKED_PORT}}
<VirtualHost *:${{PARKED_PORT}}>
    PythonConnectionHandler ${{HANDLERS}}/parked.py
</VirtualHost>
PythonPath "sys.path + ['${{HANDLERS}}/path']"
PythonInputFilter ${{HANDLERS}}/upper.py UPPER
PythonOutputFilter ${{HANDLERS}}/lower.py::Lower.outputfilter LOWER
<Location /added>
    SetHandler mod_python
    PythonHandler adds
</Location>
<Location /filtered>
    SetHandler mod_python
    PythonHandler echo
    SetInputFilter UPPER
    SetOutputFilter LOWER
</Location>
<Location /class>
    SetHandler mod_python
    PythonHandler classes::Page.show
</Location>
<Location /door>
    Require python door::is_open
</Location>
<Location /imports>
    SetHandler mod_python
    PythonHandler imports
</Location>
"""
PHASE = """
import part_{name}
def {function}(req):
    with open("{state}/{name}", "a") as file:
        file.write(f"{{part_{name}.value}}\\n")
    if "{name}" == "Authen":
        req.user = "alice"
    return 0 if "{name}" in ("Access", "Authen", "Authz", "Log", "Cleanup") else -1
"""


def until(ask: Callable[[], object], wanted: object) -> None:
    """Ask until the answer is the wanted one."""
    end = time.monotonic() + 20
    while (answer := ask()) != wanted:
        assert time.monotonic() < end, answer
        time.sleep(0.02)


def test_handlers_of_all_phases(httpd: Httpd) -> None:
    httpd.write("x", "the file")
    for name, function in PHASES.items():
        httpd.handler(f"part_{name}.py", "value = 0\n")
        httpd.handler(f"{name}.py", PHASE.format(name=name, function=function, state=httpd.state))

    def last() -> dict[str, str]:
        headers = {"Authorization": "Basic YWxpY2U6YWxpY2U="}
        response = httpd.request("GET", "/x", headers=headers, port=httpd.port_of("PHASES_PORT"))
        assert response.text == "the file"
        files = {name: httpd.state / name for name in PHASES}
        texts = {name: file.read_text() if file.exists() else "" for name, file in files.items()}
        return {name: ["", *text.split()][-1] for name, text in texts.items()}

    wanted = dict.fromkeys(PHASES, "0")
    until(last, wanted)
    for number, name in enumerate(PHASES, 1):
        httpd.handler(f"part_{name}.py", f"value = {number}\n")
        wanted[name] = f"{number}"
    until(last, wanted)
    for name, function in PHASES.items():
        source = PHASE.format(name=name, function=function, state=httpd.state)
        httpd.handler(f"{name}.py", source.replace(".value}", ".value + 100}"))
    until(last, {name: f"{int(value) + 100}" for name, value in wanted.items()})


LINES = """
import part_lines
def connectionhandler(conn):
    while line := conn.readline():
        conn.write(b"%d " % part_lines.value + line)
    return 0
"""
PARKED = """
import part_lines
async def connectionhandler(conn):
    while line := await conn.readline():
        await conn.write(b"%d " % part_lines.value + line)
"""


@pytest.mark.parametrize(("name", "source"), [("lines", LINES), ("parked", PARKED)])
def test_connection_handlers(httpd: Httpd, name: str, source: str) -> None:
    httpd.handler("part_lines.py", "value = 1\n")
    httpd.handler(f"{name}.py", source)
    port = httpd.port_of(f"{name.upper()}_PORT")

    def ask() -> bytes:
        return httpd.raw(b"line\n", port=port, half_close=True)

    until(ask, b"1 line\n")
    with httpd.connect(port) as kept, kept.makefile("rb") as answers:
        kept.sendall(b"one\n")
        assert answers.readline() == b"1 one\n"
        httpd.handler("part_lines.py", "value = 22\n")
        until(ask, b"22 line\n")
        # A connection keeps its handler.
        kept.sendall(b"two\n")
        assert answers.readline() == b"1 two\n"
    httpd.handler(f"{name}.py", source.replace("%d ", "new %d "))
    until(ask, b"new 22 line\n")


def test_filters_of_both_directions(httpd: Httpd) -> None:
    echo = "def handler(req):\n    req.write(req.read())\n    return 0\n"
    upper = "import part_filters\ndef inputfilter(filter):\n    if (data := filter.read()) is None:\n"
    upper += "        filter.close()\n    else:\n        filter.write(data + part_filters.input)\n"
    lower = "import part_filters\nclass Lower:\n    def __init__(self, filter): pass\n"
    lower += "    def outputfilter(self, filter):\n        if (data := filter.read()) is None:\n"
    lower += "            filter.close()\n        else:\n            filter.write(data + part_filters.output)\n"
    httpd.handler("path/echo.py", echo)
    httpd.handler("upper.py", upper)
    httpd.handler("lower.py", lower)

    def ask() -> str:
        return httpd.request("POST", "/filtered", body=b"body").text

    for value in (1, 22, 333):
        httpd.handler("part_filters.py", f"input = b' in {value}' \noutput = b' out {value}'\n")
        until(lambda: f"in {value} out {value}" in ask(), True)  # noqa: B023
    httpd.handler("upper.py", upper.replace("part_filters.input", "b' new'"))
    until(lambda: "body new out 333" in ask(), True)
    httpd.handler("lower.py", lower.replace("part_filters.output", "b' new'"))
    until(lambda: "body new new" in ask(), True)


def test_a_module_that_answers_to_all_names_can_be_replaced(httpd: Httpd) -> None:
    """What only ``__getattr__`` answers need not be there in a new version, which has what is called."""
    shut = "def is_open(req):\n    return False\n"
    name = "def __getattr__(name):\n    if name != 'is_open' and {some}:\n        raise AttributeError(name)\n"
    name += "    return lambda req: True\n"
    httpd.allow("AH01630")
    httpd.write("door", "in")
    httpd.handler("path/door.py", shut)
    until(lambda: httpd.get("/door").status, 403)
    for some in (True, False):
        httpd.handler("path/door.py", name.format(some=some))
        until(lambda: httpd.get("/door").status, 200)
        httpd.handler("path/door.py", shut)
        # No child of prefork may have an open door left.
        until(lambda: {httpd.get("/door").status for _ in range(60)}, {403})
    # What the module itself has must be there.
    httpd.allow("door.py has no 'is_open', as the one in use has", "door.py' contains no 'is_open'")
    httpd.handler("path/door.py", "is_shut = None\n")
    end = time.monotonic() + 20
    while "has no 'is_open'" not in httpd.log():
        assert time.monotonic() < end
        # A child of prefork may have had no version before.
        assert httpd.get("/door").status in ((403,) if httpd.mpm == "event" else (403, 500))


STARTED = """
PythonPath "sys.path + ['${HANDLERS}/path']"
PythonImport started::start main_interpreter required
SetHandler mod_python
PythonHandler uses_started
"""


def test_what_python_import_names(httpd: Httpd) -> None:
    """The module is reloaded for handlers that import it, and its function is not called again."""
    page = "import started\ndef handler(req):\n    req.write(f'{started.value} {started.calls}')\n    return 0\n"
    started = "from mod_python import apache\nvalue = {value}\ncalls = apache.kept('calls', list)\n"
    started += "def start():\n    calls.append(value)\n"
    server = WithoutPath(STARTED, beside=__file__, mpm=httpd.mpm)
    server.handler("path/uses_started.py", page)
    server.handler("path/started.py", started.format(value=1))
    with server:
        until(lambda: server.get("/").text, "1 [1]")
        server.handler("path/started.py", started.format(value=22))
        until(lambda: server.get("/").text, "22 [1]")


def test_handlers_that_a_handler_adds(httpd: Httpd) -> None:
    adds = "def handler(req):\n    req.add_handler('PythonHandler', 'added::second')\n    return 0\n"
    added = "def second(req):\n    req.write('{value}')\n    return 0\n"
    httpd.handler("path/adds.py", adds)
    httpd.handler("path/added.py", added.format(value=1))
    until(lambda: httpd.get("/added").text, "1")
    httpd.handler("path/added.py", added.format(value=22))
    until(lambda: httpd.get("/added").text, "22")


def test_methods_of_classes(httpd: Httpd) -> None:
    page = "class Page:\n    def __init__(self, req): self.value = {value}\n"
    page += "    def show(self, req):\n        req.write(str(self.value))\n        return 0\n"
    httpd.handler("path/classes.py", page.format(value=1))
    until(lambda: httpd.get("/class").text, "1")
    httpd.handler("path/classes.py", page.format(value=22))
    until(lambda: httpd.get("/class").text, "22")


def test_what_import_module_returns(httpd: Httpd) -> None:
    """Each request asks for the newest version, or for that which is there."""
    page = "from mod_python import apache\ndef handler(req):\n"
    page += "    module = apache.import_module('asked', autoreload=req.args == 'new')\n"
    page += "    req.write(str(module.value))\n    return 0\n"
    httpd.handler("path/imports.py", page.replace("'asked'", "'as' + 'ked'"))
    httpd.handler("path/asked.py", "value = 1\n")
    until(lambda: httpd.get("/imports?new").text, "1")
    httpd.handler("path/asked.py", "value = 22\n")
    time.sleep(0.3)
    assert httpd.get("/imports?old").text in ("1", "22")
    until(lambda: httpd.get("/imports?new").text, "22")
