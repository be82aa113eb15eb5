"""All directives: where they may stand, how they merge, and what the simple ones do."""

import json
import os
import signal
import subprocess
import time
from typing import Any

import pytest

from httpd import Httpd
from mod_python import _places

ON = """
    PythonAutoReload On
    PythonDebug On
    PythonEnablePdb On
    PythonInterpPerDirectory On
    PythonInterpPerDirective On
    PythonInterpreter here
"""
OVERRIDES = ["All", "FileInfo"]
INTERPRETER = None
CONF = f"""
SetHandler mod_python
PythonHandler directive_values
PythonOptimize Off
PythonHtaccess On
PythonDumpSignal Off
PythonImport imported_at_start named
PythonImport directive_values::imported main_interpreter
PythonImport directive_values::imported_too named
PythonImport no_such_module main_interpreter
PythonImport directive_values::failing main_interpreter
Listen 127.0.0.1:${{HOST_PORT}}
<VirtualHost *:${{HOST_PORT}}>
    DocumentRoot ${{HTDOCS}}
    PythonImport directive_values::imported of-the-host
    {ON}
    <Location /off>
        {ON.replace("On", "Off")}
    </Location>
</VirtualHost>
<Location /named>
    PythonInterpreter named
    PythonHandler directive_values::is_imported
</Location>
<Location /on>{ON}</Location>
<Directory ${{HTDOCS}}/directory>{ON}</Directory>
<Files "*.on">{ON}</Files>
<If "%{{QUERY_STRING}} == 'on'">{ON}</If>
<Directory ${{HTDOCS}}/per-directory>
    PythonInterpPerDirectory On
</Directory>
<Directory ${{HTDOCS}}/per-directive>
    PythonInterpPerDirective On
    PythonHandler directive_values
</Directory>
<Location /per-directive-location>
    PythonInterpPerDirective On
    PythonHandler directive_values
</Location>
<Directory ${{HTDOCS}}/extension>
    PythonHandler directive_values::extension
    PythonHandler directive_values::extension | .a .b.c
</Directory>
""" + "".join(
    f"<Directory ${{HTDOCS}}/ht-{name}>\nAllowOverride {name}\n</Directory>\n" for name in [*OVERRIDES, "None"]
)
# The lines of PythonImport that fail, at the start of each child.
FAIL = [
    r"PythonImport no_such_module \(\S+fragment.conf:10\) failed",
    r"PythonImport directive_values::failing .* failed",
]
ALLOW_LOG = [*FAIL, "PythonImport imported_at_start"]

IMPORTS = "\n".join(
    [
        *[
            "imported_at_start named",
            "directive_values::imported main_interpreter",
            "directive_values::imported_too named",
        ],
        *["no_such_module main_interpreter", "directive_values::failing main_interpreter"],
    ]
)
OF_THE_SERVER = {
    "PythonOptimize": "0",
    "PythonHtaccess": "1",
    "PythonDumpSignal": "0",
    "PythonImport": IMPORTS,
}
FLAGS = ["PythonAutoReload", "PythonDebug", "PythonEnablePdb", "PythonInterpPerDirectory", "PythonInterpPerDirective"]


@pytest.fixture
def told(httpd: Httpd) -> Any:
    """What a handler at a path tells."""

    def ask(path: str, port: str = "PORT") -> dict[str, Any]:
        answer = httpd.request("GET", path, port=httpd.port_of(port))
        assert answer.status == 200, answer.text
        found: dict[str, Any] = json.loads(answer.text)
        assert found["same"]
        return found

    return ask


def all_flags(value: str) -> dict[str, str]:
    return {**dict.fromkeys(FLAGS, value), "PythonInterpreter": "here", **OF_THE_SERVER}


def test_directives_of_a_server_hold_everywhere(told: Any) -> None:
    assert told("/x")["config"] == told("/x")["server"] == OF_THE_SERVER


def test_directives_of_a_virtual_host(told: Any) -> None:
    of_host = all_flags("1") | {"PythonImport": f"{IMPORTS}\ndirective_values::imported of-the-host"}
    found = told("/x", "HOST_PORT")
    assert found["config"] == found["server"] == of_host
    assert told("/off", "HOST_PORT")["config"] == of_host | dict.fromkeys(FLAGS, "0")


@pytest.mark.parametrize("path", ["/on", "/directory/x", "/x.on", "/x?on"])
def test_directives_of_sections(httpd: Httpd, told: Any, path: str) -> None:
    httpd.write("directory/x", "")
    found = told(path)
    assert found["config"] == all_flags("1")
    assert found["interpreter"] == "here"
    assert found["server"] == OF_THE_SERVER


@pytest.mark.parametrize("override", OVERRIDES)
def test_file_info_admits_directives_in_htaccess(httpd: Httpd, told: Any, override: str) -> None:
    httpd.write(f"ht-{override}/x", "")
    httpd.write(f"ht-{override}/x.files", "")
    httpd.write(
        f"ht-{override}/.htaccess",
        f'{ON}PythonOption a 1\n<Files "*.files">\nPythonOption a 2\n</Files>\n'
        "<If \"%{QUERY_STRING} == 'if'\">\nPythonOption a 3\n</If>\n",
    )
    found = told(f"/ht-{override}/x")
    assert (found["config"], found["options"]) == (all_flags("1"), {"a": "1"})
    assert told(f"/ht-{override}/x.files")["options"] == {"a": "2"}
    assert told(f"/ht-{override}/x?if")["options"] == {"a": "3"}


def test_no_override_ignores_htaccess(httpd: Httpd, told: Any) -> None:
    httpd.write("ht-None/x", "")
    httpd.write("ht-None/.htaccess", "PythonOption a 1\nnonsense\n")
    assert told("/ht-None/x")["options"] == {}


@pytest.mark.parametrize(
    "line",
    [
        *["PythonTransHandler m", "PythonPostReadRequestHandler m", "PythonConnectionHandler m"],
        *["PythonImport m main_interpreter", "PythonOptimize On", "PythonInputFilter m X", "PythonOutputFilter m X"],
    ],
)
def test_what_htaccess_may_not_have(httpd: Httpd, line: str) -> None:
    httpd.write("ht-All/not/x", "")
    httpd.write("ht-All/not/.htaccess", f"{line}\n")
    httpd.expect(rf"ht-All/not/.htaccess: {line.split()[0]} not allowed here")
    assert httpd.get("/ht-All/not/x").status == 500


def test_interpreters_of_directories_and_directives(httpd: Httpd, told: Any) -> None:
    for path in ("per-directory/a/x", "per-directive/a/x"):
        httpd.write(path, "")
    assert told("/per-directory/a/x")["interpreter"] == f"{httpd.htdocs}/per-directory/a/"
    assert told("/per-directory/a/")["interpreter"] == f"{httpd.htdocs}/per-directory/a/"
    assert told("/per-directive/a/x")["interpreter"] == f"{httpd.htdocs}/per-directive/"
    assert told("/per-directive-location/x")["interpreter"] == "/per-directive-location"


def test_the_extension_is_told_where_it_chose_the_list(httpd: Httpd) -> None:
    for name, extension in (("x.a", ".a"), ("y.b.c", ".b.c"), ("x.c", "None"), ("x", "None")):
        httpd.write(f"extension/{name}", "")
        assert httpd.get(f"/extension/{name}").text == extension


def test_w40_imports_run_in_order_and_for_virtual_hosts() -> None:
    httpd = Httpd(CONF, beside=__file__)
    httpd.handler("imported_at_start.py", "print('imported_at_start is imported')\n")
    httpd.expect(*FAIL)
    with httpd:
        httpd.wait_for_log("imported in of-the-host")
        log = httpd.log()
        places = [
            log.index(text)
            for text in (
                "imported_at_start is imported",
                "imported in main_interpreter",
                "imported too in named",
                "No module named 'no_such_module'",
                "LookupError: at the start",
                "imported in of-the-host",
            )
        ]
        assert places == sorted(places)
        assert log.count("imported in main_interpreter") == 1
        assert httpd.get("/named").text == "True"


def test_w5_results_are_checked_with_python_optimize_too() -> None:
    conf = """
    PythonOptimize On
    SetHandler mod_python
    PythonHandler directive_values::optimize
    <Location /none>
        PythonHandler directive_values::none
    </Location>
    """
    with Httpd(conf, beside=__file__) as httpd:
        assert httpd.get("/").text == "1 None optimize"
        httpd.expect("directive_values::none gave NoneType")
        assert httpd.get("/none").status == 500


def test_handlers_run_under_pdb_in_one_process() -> None:
    conf = "PythonEnablePdb On\nSetHandler mod_python\nPythonHandler directive_values::debugged\n"
    httpd = Httpd(conf, beside=__file__)
    command = [str(_places.httpd()), "-f", str(httpd.folder / "httpd.conf"), "-D", "ONE_PROCESS"]
    environment = {"PYTHONPATH": str(httpd.folder / "python"), "PATH": os.environ["PATH"]}
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        ) as process:
            assert process.stdin and process.stdout
            try:
                wait_for_port(httpd)
                process.stdin.write(b"next\nanswer = 42\ncontinue\n")
                process.stdin.flush()
                assert httpd.get("/").text == "the answer is 42"
            finally:
                os.killpg(process.pid, signal.SIGKILL)  # mod_cgid's daemon, too
            assert b"directive_values.py" in process.stdout.read()
    finally:
        httpd.stop()


def wait_for_port(httpd: Httpd) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            return httpd.connect().close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
