"""Python in .htaccess: who may write it runs code as httpd, so the server's configuration has to allow it."""

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CLASSES = ["AuthConfig", "Indexes", "Limit", "Options", "FileInfo", "FileInfo AuthConfig", "All"]
LISTS = {
    "list-handler": "AllowOverrideList PythonHandler",
    "list-authen": "AllowOverride Indexes\nAllowOverrideList PythonAuthenHandler pythonhandlermodule",
    "list-filter": "AllowOverrideList PythonOutputFilter PythonHandler",
    "list-require": "AllowOverride AuthConfig\nAllowOverrideList Require",
    "nonfatal-require": "AllowOverride AuthConfig nonfatal=All",
    "nonfatal": "AllowOverride Indexes nonfatal=Override",
    "nonfatal-unknown": "AllowOverride Indexes nonfatal=Unknown",
}
CONF = """
PythonHtaccess On
SetHandler mod_python
PythonHandler hello
Listen 127.0.0.1:${OFF_PORT}
<VirtualHost *:${OFF_PORT}>
    PythonHtaccess Off
</VirtualHost>
"""
CONF += "".join(f"<Directory ${{HTDOCS}}/{n}>\nAllowOverride {name}\n</Directory>\n" for n, name in enumerate(CLASSES))
CONF += "".join(f"<Directory ${{HTDOCS}}/{name}>\n{lines}\n</Directory>\n" for name, lines in LISTS.items())
HELLO = (
    "def handler(req):\n    req.write('hello')\n    return 0\ndef other(req):\n    req.write('other')\n    return 0\n"
)
LINES = [
    *["PythonInitHandler hello::ok", "PythonHeaderParserHandler hello::ok", "PythonAccessHandler hello::ok"],
    *[
        "PythonTypeHandler hello::ok",
        "PythonFixupHandler hello::ok",
        "PythonHandler hello",
        "PythonLogHandler hello::ok",
    ],
    *["PythonCleanupHandler hello::ok", 'PythonPath "sys.path"', "PythonInterpreter main_interpreter"],
    *["PythonInterpPerDirectory Off", "PythonInterpPerDirective Off", "PythonAutoReload Off", "PythonDebug Off"],
    *["PythonEnablePdb Off", "PythonOption a b"],
]
FOR_USERS = [
    "PythonAuthenHandler hello::ok",
    "PythonAuthzHandler hello::ok",
    "PythonHandlerModule hello",
    "PythonAuthProvider hello",
]


@pytest.fixture(autouse=True)
def _module(httpd: Httpd) -> None:
    httpd.handler("hello.py", HELLO + "def ok(req):\n    return 0\ndef yes(req):\n    return True\n")


def status(httpd: Httpd, folder: str, line: str, port: str = "PORT") -> int:
    httpd.write(f"{folder}/.htaccess", f"{line}\n")
    return httpd.request("GET", f"/{folder}/x", port=httpd.port_of(port)).status


@pytest.mark.parametrize("line", LINES)
def test_python_needs_file_info(httpd: Httpd, line: str) -> None:
    name = line.split()[0]
    path = "sys.path + ['" + str(httpd.handlers) + "']"
    line = line.replace("sys.path", path)
    found = {one: status(httpd, str(n), line) for n, one in enumerate(CLASSES)}
    assert found == {one: 200 if "FileInfo" in one or one == "All" else 500 for one in CLASSES}
    httpd.expect(rf"/.htaccess: {name} not allowed here: it needs AllowOverride FileInfo, because")


@pytest.mark.parametrize("line", FOR_USERS)
def test_what_decides_about_users_needs_auth_config_too(httpd: Httpd, line: str) -> None:
    found = {one: status(httpd, str(n), line) for n, one in enumerate(CLASSES)}
    assert found == {one: 200 if one in ("FileInfo AuthConfig", "All") else 500 for one in CLASSES}
    httpd.expect(
        rf"/.htaccess: {line.split()[0]} not allowed here: it needs AllowOverride FileInfo AuthConfig, because"
    )


@pytest.mark.parametrize("line", [*LINES, *FOR_USERS])
def test_python_htaccess_off_refuses_it(httpd: Httpd, line: str) -> None:
    httpd.expect(
        rf"/.htaccess: {line.split()[0]} not allowed here: PythonHtaccess Off refuses Python in .htaccess files"
    )
    assert status(httpd, str(CLASSES.index("All")), line, "OFF_PORT") == 500


@pytest.mark.parametrize(
    "line", ['<Files "*">\n{}\n</Files>', '<If "true">\n{}\n</If>', "<IfModule mod_python.c>\n{}\n</IfModule>"]
)
def test_sections_of_a_htaccess_file_are_no_way_round(httpd: Httpd, line: str) -> None:
    httpd.expect("PythonAccessHandler not allowed here: it needs AllowOverride FileInfo", "PythonHtaccess Off")
    inside = line.format("PythonAccessHandler hello::ok")
    found = [status(httpd, str(CLASSES.index(one)), inside) for one in ("Indexes", "FileInfo")]
    assert [*found, status(httpd, str(CLASSES.index("All")), inside, "OFF_PORT")] == [500, 200, 500]


def test_other_directives_are_none_of_its_business(httpd: Httpd) -> None:
    assert status(httpd, str(CLASSES.index("All")), "Header set X-Other yes", "OFF_PORT") in (200, 404)


def test_the_extensions_of_mod_mime_are_its_own_business(httpd: Httpd) -> None:
    lines = "AddHandler mod_python .x\nRemoveHandler .y"
    assert status(httpd, str(CLASSES.index("All")), lines, "OFF_PORT") == 200
    httpd.expect("/.htaccess: AddHandler not allowed here$")
    assert status(httpd, str(CLASSES.index("Indexes")), lines) == 500
    httpd.expect("AH02295: AddHandler in .htaccess forbidden by AllowOverride", "AH02295: RemoveHandler")
    assert status(httpd, "nonfatal", lines) == 200


def test_allow_override_list_names_directives(httpd: Httpd) -> None:
    assert status(httpd, "list-handler", "PythonHandler hello::other") == 200
    assert httpd.get("/list-handler/x").text == "other"
    assert status(httpd, "list-authen", "PythonAuthenHandler hello::ok\nPythonHandlerModule hello") == 200
    httpd.expect(
        "list-handler/.htaccess: PythonAccessHandler not allowed here", "list-authen/.htaccess: PythonHandler not"
    )
    assert status(httpd, "list-handler", "PythonAccessHandler hello::ok") == 500
    assert status(httpd, "list-authen", "PythonHandler hello::other") == 500
    httpd.expect("PythonHandler not allowed here: PythonHtaccess Off")
    assert status(httpd, "list-handler", "PythonHandler hello::other", "OFF_PORT") == 500


def test_filters_are_not_declared_in_htaccess_by_a_list_either(httpd: Httpd) -> None:
    httpd.expect("PythonOutputFilter not allowed here: it may stand in the server's configuration only, whatever")
    assert status(httpd, "list-filter", "PythonOutputFilter hello HELLO") == 500
    assert status(httpd, "list-filter", "PythonHandler hello::other") == 200


def test_nonfatal_override_ignores_what_is_not_allowed(httpd: Httpd) -> None:
    httpd.expect("python:warn.*PythonHandler not allowed here: it needs AllowOverride FileInfo, .*; ignored")
    assert status(httpd, "nonfatal", "PythonHandler hello::other") == 200
    assert httpd.get("/nonfatal/x").text == "hello"
    httpd.expect("nonfatal-unknown/.htaccess: PythonHandler not allowed here")
    assert status(httpd, "nonfatal-unknown", "PythonHandler hello::other") == 500


REQUIRE = "Require python hello::yes"


def test_require_python_needs_file_info_and_auth_config(httpd: Httpd) -> None:
    found = {one: status(httpd, str(n), REQUIRE) for n, one in enumerate(CLASSES)}
    assert found == {one: 200 if one in ("FileInfo AuthConfig", "All") else 500 for one in CLASSES}
    httpd.expect(
        "/.htaccess: Require python not allowed here: it needs AllowOverride FileInfo AuthConfig, because it can run",
        "/.htaccess: Require not allowed here",  # httpd itself, where AuthConfig is missing
    )
    assert status(httpd, str(CLASSES.index("AuthConfig")), "Require all granted") == 200


@pytest.mark.parametrize("folder", ["list-require", "nonfatal-require"])
def test_no_list_of_names_lets_require_run_code(httpd: Httpd, folder: str) -> None:
    # Nor is the line ignored: it would guard nothing then.
    httpd.expect(f"{folder}/.htaccess: Require python not allowed here: it needs AllowOverride FileInfo AuthConfig")
    assert status(httpd, folder, REQUIRE) == 500


@pytest.mark.parametrize("around", ["RequireAny", "RequireAll"])
def test_require_python_stands_outside_of_containers(httpd: Httpd, around: str) -> None:
    httpd.expect("/.htaccess: Require python not allowed here: httpd does not tell which AllowOverride holds inside")
    for folder in ("AuthConfig", "All"):
        assert status(httpd, str(CLASSES.index(folder)), f"<{around}>\n{REQUIRE}\n</{around}>") == 500
    assert status(httpd, str(CLASSES.index("All")), f'<Files "*">\n{REQUIRE}\n</Files>') == 200
    httpd.expect("/.htaccess: Require python not allowed here: it needs AllowOverride FileInfo AuthConfig")
    assert status(httpd, str(CLASSES.index("AuthConfig")), f'<Files "*">\n{REQUIRE}\n</Files>') == 500


def test_python_htaccess_off_refuses_require_python(httpd: Httpd) -> None:
    httpd.expect("/.htaccess: Require python not allowed here: PythonHtaccess Off refuses Python in .htaccess files")
    assert status(httpd, str(CLASSES.index("All")), REQUIRE, "OFF_PORT") == 500
    assert status(httpd, str(CLASSES.index("All")), "Require all granted", "OFF_PORT") == 200
