"""Which interpreter serves the phases of a request: one, from the phase on in which httpd knows its sections."""

import json
from typing import Any

import pytest

from httpd import Httpd

INTERPRETER = None
MPMS = ("event", "prefork")
PHASES = ("HeaderParser", "Access", "Authen", "Authz", "Type", "Fixup", "")
LISTS = """
    SetHandler mod_python
    AuthType X
    Require valid-user
    PythonHeaderParserHandler interpreter_phases::tell
    PythonAccessHandler interpreter_phases::tell
    PythonAuthenHandler interpreter_phases::user
    PythonAuthzHandler interpreter_phases::user
    PythonTypeHandler interpreter_phases::tell
    PythonFixupHandler interpreter_phases::tell
    PythonHandler interpreter_phases
    PythonLogHandler interpreter_phases::tell
    PythonCleanupHandler interpreter_phases::tell
"""
EARLY = """
    PythonPostReadRequestHandler interpreter_phases::tell
    PythonTransHandler interpreter_phases::tell
"""
CONF = f"""
<Location /plain>{LISTS}</Location>
<Location /early>{LISTS}</Location>

Listen 127.0.0.1:${{EARLY_PORT}}
<VirtualHost *:${{EARLY_PORT}}>
    ServerName early.example
    DocumentRoot ${{HTDOCS}}
    {EARLY}
    <Location /plain>{LISTS}</Location>
    <Location /named>
        PythonInterpreter named
        {LISTS}
    </Location>
    <Directory ${{HTDOCS}}/in>
        PythonInterpreter named-%{{SERVER}}-%{{DIRECTORY}}
        {LISTS}
    </Directory>
    <Directory ${{HTDOCS}}/each>
        PythonInterpPerDirectory On
        PythonOption elsewhere ${{HTDOCS}}/in/page
        {LISTS}
        PythonFixupHandler interpreter_phases::elsewhere
    </Directory>
    <Directory ${{HTDOCS}}/sections>
        PythonInterpPerDirective On
        {LISTS}
    </Directory>
    <Directory ${{HTDOCS}}/sections/inner>
        PythonHandler interpreter_phases
    </Directory>
</VirtualHost>

Listen 127.0.0.1:${{RULE_PORT}}
<VirtualHost *:${{RULE_PORT}}>
    ServerName rule.example
    DocumentRoot ${{HTDOCS}}
    PythonInterpreter "%{{SERVER}} %{{DIRECTORY}}"
    {EARLY}
    <Location />{LISTS}</Location>
</VirtualHost>
"""


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    for name in ("plain", "in/page", "in/deep/page", "each/a/page", "each/b/page", "sections/inner/page"):
        httpd.write(name, "")


def ask(httpd: Httpd, path: str, port: str = "EARLY_PORT") -> dict[str, Any]:
    answer = httpd.request("GET", path, port=httpd.port_of(port))
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.text)
    return found


def ran(*interpreters: str) -> list[str]:
    """The lines about all phases up to the content handler, by the interpreters of early and late ones."""
    *early, late = interpreters
    phases = ["PostReadRequest", "Trans"][: len(early)]
    return [f"Python{phase}Handler in {name}" for phase, name in zip(phases, early, strict=True)] + [
        f"Python{phase}Handler in {late}" for phase in PHASES
    ]


def test_without_a_directive_it_is_the_server_in_all_phases(httpd: Httpd) -> None:
    found = ask(httpd, "/plain", "PORT")
    assert found["ran"] == ran("localhost")
    assert (found["interpreter"], found["first"]) == ("localhost", "PythonHeaderParserHandler")
    assert (found["main_server"], found["config"]) == (["localhost", 0], None)
    for phase in ("Log", "Cleanup"):
        httpd.wait_for_log(f"ran Python{phase}Handler in localhost$")


def test_one_req_for_all_phases_of_a_server(httpd: Httpd) -> None:
    found = ask(httpd, "/plain")
    assert found["ran"] == ran("early.example", "early.example", "early.example")
    assert (found["first"], found["server"]) == ("PythonPostReadRequestHandler", "early.example")
    assert found["main_server"] == ["localhost", 0]


def test_a_location_decides_from_translation_on(httpd: Httpd) -> None:
    found = ask(httpd, "/named")
    assert found["ran"] == ran("early.example", "named", "named")
    assert (found["first"], found["config"]) == ("PythonTransHandler", "named")
    for phase in ("Log", "Cleanup"):
        httpd.wait_for_log(f"ran Python{phase}Handler in named$")


def test_a_directory_decides_as_soon_as_it_is_known(httpd: Httpd) -> None:
    for folder in ("in", "in/deep"):
        found = ask(httpd, f"/{folder}/page")
        name = f"named-early.example-{httpd.htdocs}/{folder}/"
        assert found["ran"] == ran("early.example", "early.example", name)
        # No object crosses: what the early phases have set is not on this interpreter's req.
        assert (found["first"], found["interpreter"]) == ("PythonHeaderParserHandler", name)
        assert found["config"] == "named-%{SERVER}-%{DIRECTORY}"
        httpd.wait_for_log(f"ran PythonCleanupHandler in {name}$")


def test_another_file_does_not_change_the_choice(httpd: Httpd) -> None:
    for folder in ("each/a", "each/b"):
        name = f"{httpd.htdocs}/{folder}/"
        expected = ran("early.example", "early.example", name)
        assert ask(httpd, f"/{folder}/page")["ran"] == [*expected[:-1], f"PythonFixupHandler in {name}", expected[-1]]
        for phase in ("Log", "Cleanup"):
            httpd.wait_for_log(f"ran Python{phase}Handler in {name}$")


def test_one_line_for_a_whole_server(httpd: Httpd) -> None:
    for folder in ("in", "each/a", "each/b"):
        name = f"rule.example {httpd.htdocs}/{folder}/"
        found = ask(httpd, f"/{folder}/page", "RULE_PORT")
        assert found["ran"] == ran("rule.example", "rule.example", name)


def test_each_directive_has_its_own(httpd: Httpd) -> None:
    found = ask(httpd, "/sections/inner/page")
    outer, inner = f"{httpd.htdocs}/sections/", f"{httpd.htdocs}/sections/inner/"
    assert found["ran"][2:] == [*ran(outer)[:-1], f"PythonHandler in {inner}"]
    assert (found["first"], found["interpreter"]) == ("PythonHandler", inner)
