"""What names interpreters: the configuration and its file system, never a client; and no more than are allowed."""

import pytest

from httpd import Httpd
from versions import VERSIONS, ask

MPMS = ("event", "prefork")
MODULES = ("proxy", "proxy_http")
INTERPRETER = None
CONF = """
ServerLimit 1
StartServers 1
# One is that of the server, localhost.
PythonMaxInterpreters 4
<IfModule mpm_prefork_module>
    ServerLimit 4
    StartServers 2
    MaxRequestWorkers 4
</IfModule>
<IfModule !mpm_prefork_module>
    MaxRequestWorkers 16
</IfModule>
PythonOutputFilter interpreter_names NAMES
PythonInputFilter interpreter_names BODY
Listen 127.0.0.1:${BACKEND_PORT}
<VirtualHost *:${BACKEND_PORT}>
    SetHandler mod_python
    PythonHandler interpreter_names
</VirtualHost>
ProxyPass /p http://127.0.0.1:${BACKEND_PORT}
<Location /p>
    PythonInterpPerDirectory On
    SetOutputFilter NAMES
</Location>
<Location /unmapped>
    PythonInterpPerDirectory On
    SetHandler mod_python
    PythonOption mod_python.location_shortcut On
    PythonHandler interpreter_names
</Location>
<Directory ${HTDOCS}/each>
    PythonInterpPerDirectory On
    SetHandler mod_python
    PythonHandler interpreter_names
</Directory>
<Directory ${HTDOCS}/plain>
    PythonInterpPerDirectory On
    SetOutputFilter NAMES
</Directory>
<Location /main>
    SetHandler mod_python
    PythonHandler interpreter_names
</Location>
Listen 127.0.0.1:${NAMED_PORT}
<VirtualHost *:${NAMED_PORT}>
    PythonInterpreter of_connections
    PythonConnectionHandler interpreter_names
</VirtualHost>
Listen 127.0.0.1:${FILTERED_PORT}
<VirtualHost *:${FILTERED_PORT}>
    PythonInterpreter of_filters
    PythonOutputFilter interpreter_names OUT kind=connection
</VirtualHost>
"""
TOO_MANY = "interpreter '.*' would be one too many: this child has 4 besides main_interpreter: .*PythonMaxInterpreters"


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_proxied_url_makes_up_names_none(httpd: Httpd, version: str) -> None:
    if version == "2" and httpd.mpm == "prefork":
        pytest.skip("mod_http2 serves none there")
    for number in range(6):
        answer = ask(httpd, version, f"/p/d{number}/x")
        assert (answer.status, answer.text) == (200, "localhost\nfilter: localhost\n")


def test_directories_that_are_not_there_name_none(httpd: Httpd) -> None:
    httpd.write("each/x", "")
    paths = [f"/each/made/up{number}/x" for number in range(6)] + [f"/each{'/' * number}y" for number in range(1, 6)]
    assert {httpd.get(path).text for path in paths} == {f"{httpd.htdocs}/each/\n"}
    # httpd looks for no file at all.
    assert {httpd.get(f"/unmapped/up{number}/x").text for number in range(6)} == {"localhost\n"}


def test_a_maximum(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("each child has its own")
    for number in range(6):
        httpd.write(f"each/{number}/x", "")
    statuses = [httpd.get(f"/each/{number}/x").status for number in range(6)]
    # One is that of the test before.
    assert statuses.count(200) in (2, 3)
    assert statuses == sorted(statuses)
    assert set(statuses) == {200, 503}
    assert httpd.get("/each/0/x").text == f"{httpd.htdocs}/each/0/\n"
    assert httpd.get("/main").status == 200
    httpd.expect(f"no Python for this request: {TOO_MANY}")
    httpd.allow(TOO_MANY)


def test_a_maximum_for_filters_and_connections(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("each child has its own")
    httpd.allow(TOO_MANY)
    for number in range(4):
        httpd.write(f"plain/{number}/x.txt", "")
        answer = httpd.get(f"/plain/{number}/x.txt")
    assert answer.status == 503
    assert httpd.raw(b"", port=httpd.port_of("NAMED_PORT")) == b""
    httpd.expect(f"no Python for this filter: {TOO_MANY}", f"no Python for this connection: {TOO_MANY}")


def test_a_maximum_for_filters_of_connections(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("each child has its own")
    httpd.allow(TOO_MANY)
    for number in range(4):
        httpd.get(f"/plain/{number}/x.txt")
    assert httpd.raw(b"GET /none HTTP/1.0\r\n\r\n", port=httpd.port_of("FILTERED_PORT")) == b""
    httpd.expect(r"\[client .*no Python for this filter: interpreter 'of_filters' would be one too many")
