"""Without a directive, each virtual host has an interpreter that is called as its ServerName."""

import pytest

from httpd import Httpd
from versions import VERSIONS, ask

MPMS = ("event", "prefork")
MODULES = ("vhost_alias",)
INTERPRETER = None
# The one certificate is for localhost.
ALLOW_LOG = ("AH01909: tls.example:443",)
# More than PythonMaxInterpreters allows for other names.
MANY = 101
HOST = """
<VirtualHost *:${{MANY_PORT}}>
    ServerName many{0}.example
    SetHandler mod_python
    PythonHandler interpreter_names
</VirtualHost>
"""
CONF = """
<IfModule !mpm_prefork_module>
    ServerLimit 1
    ThreadsPerChild 16
    MaxRequestWorkers 16
</IfModule>
<IfModule mpm_prefork_module>
    StartServers 1
    ServerLimit 1
    MaxRequestWorkers 1
</IfModule>
PythonOutputFilter interpreter_names NAMES
<LocationMatch ^/(?<name>names|twin|unknown)>
    SetHandler mod_python
    PythonHandler interpreter_names
    SetOutputFilter NAMES
</LocationMatch>
<Location /twin>
    PythonHandler twin
</Location>

Listen 127.0.0.1:${A_PORT}
Listen 127.0.0.1:${B_PORT}
<VirtualHost *:${A_PORT}>
    ServerName a.example
    ServerAlias alias.example *.a.example
    PythonPath "['${HANDLERS}/a', '${HANDLERS}'] + sys.path"
</VirtualHost>
<VirtualHost *:${A_PORT}>
    ServerName b.example:8443
    PythonPath "['${HANDLERS}/b', '${HANDLERS}'] + sys.path"
</VirtualHost>
<VirtualHost *:${B_PORT}>
    ServerName b.example
    PythonPath "['${HANDLERS}/b', '${HANDLERS}'] + sys.path"
    <Location /joined>
        SetHandler mod_python
        PythonInterpreter main_interpreter
        PythonHandler interpreter_names
    </Location>
</VirtualHost>

Listen 127.0.0.1:${UNNAMED_PORT}
<VirtualHost *:${UNNAMED_PORT}>
</VirtualHost>

# The first one is the address's.
Listen 127.0.0.1:${LINE_PORT}
<VirtualHost *:${LINE_PORT}>
    ServerName line.example
    PythonConnectionHandler interpreter_names
</VirtualHost>
<VirtualHost *:${LINE_PORT}>
    ServerName other.example
    PythonConnectionHandler interpreter_names
</VirtualHost>
Listen 127.0.0.1:${TLS_LINE_PORT}
<VirtualHost *:${TLS_LINE_PORT}>
    ServerName tls.example
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
    PythonConnectionHandler interpreter_names
</VirtualHost>
<VirtualHost *:${TLS_LINE_PORT}>
    ServerName localhost
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
    PythonConnectionHandler interpreter_names
</VirtualHost>
Listen 127.0.0.1:${FILTERED_PORT}
<VirtualHost *:${FILTERED_PORT}>
    ServerName filtered.example
    PythonOutputFilter of_connections OUT kind=connection
</VirtualHost>

Listen 127.0.0.1:${ALIAS_PORT}
<VirtualHost *:${ALIAS_PORT}>
    ServerName all.example
    UseCanonicalName Off
    VirtualDocumentRoot ${HTDOCS}/%0
    SetHandler mod_python
    PythonHandler interpreter_names
    <Location /each>
        PythonInterpreter %{DIRECTORY}
    </Location>
</VirtualHost>
Listen 127.0.0.1:${MANY_PORT}
""" + "".join(HOST.format(number) for number in range(MANY))
OF_CONNECTIONS = """
from mod_python import apache


async def outputfilter(filter):
    yield f"{apache.interpreter} ".encode()
    async for chunk in filter:
        yield chunk
"""


@pytest.fixture(autouse=True)
def _twins(httpd: Httpd) -> None:
    for name in "ab":
        source = (
            f"count = 0\n\n\ndef handler(req):\n    global count\n    count += 1\n    req.write(f'{name} {{count}}\\n')"
        )
        httpd.handler(f"{name}/twin.py", f"{source}\n    return 0\n")


def get(httpd: Httpd, path: str, host: str, port: str = "A_PORT") -> str:
    answer = httpd.request("GET", path, headers={"Host": host}, port=httpd.port_of(port))
    assert answer.status == 200
    return answer.text


def test_it_is_the_configured_name_and_no_clients_word(httpd: Httpd) -> None:
    for host in ("a.example", "A.Example", "alias.example", "x.a.example", "made-up.example"):
        assert get(httpd, "/names", host) == "a.example\nfilter: a.example\n"
    assert get(httpd, "/names", "b.example") == "b.example\nfilter: b.example\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_main_server_has_its_own_on_each_version_of_http(httpd: Httpd, version: str) -> None:
    if version == "2" and httpd.mpm == "prefork":
        pytest.skip("mod_http2 serves none there")
    assert ask(httpd, version, "/names").text == "localhost\nfilter: localhost\n"


def test_a_server_without_a_name_has_that_of_the_main_one(httpd: Httpd) -> None:
    assert get(httpd, "/names", "a.example", "UNNAMED_PORT") == "localhost\nfilter: localhost\n"


def test_two_hosts_with_a_module_of_one_name_each_run_their_own(httpd: Httpd) -> None:
    seen = [get(httpd, "/twin", host).split()[:2] for host in ("a.example", "b.example") * 2]
    assert [name for name, _ in seen] == ["a", "b"] * 2
    (_, first), _, (_, third), _ = seen
    assert int(third) == int(first) + 1


def test_two_hosts_of_one_name_share_it(httpd: Httpd) -> None:
    before = int(get(httpd, "/twin", "b.example").split()[1])
    assert get(httpd, "/twin", "b.example", "B_PORT").split()[:2] == ["b", str(before + 1)]


def test_a_section_joins_the_main_interpreter(httpd: Httpd) -> None:
    assert get(httpd, "/joined", "b.example", "B_PORT") == "main_interpreter\n"


def test_connections_have_that_of_their_address(httpd: Httpd) -> None:
    assert httpd.raw(b"", port=httpd.port_of("LINE_PORT")) == b"line.example"
    # Whatever name the client asks for in TLS: localhost here.
    assert httpd.raw(b"", port=httpd.port_of("TLS_LINE_PORT"), tls=True) == b"tls.example"
    httpd.handler("of_connections.py", OF_CONNECTIONS)
    answer = httpd.raw(b"GET /none HTTP/1.0\r\n\r\n", port=httpd.port_of("FILTERED_PORT"))
    assert answer.startswith(b"filtered.example HTTP/1.1 404 ")


def test_one_host_for_many_sites(httpd: Httpd) -> None:
    for site in ("x.example", "y.example"):
        httpd.write(f"{site}/each/page", "")
        assert get(httpd, "/page", site, "ALIAS_PORT") == "all.example\n"
        assert get(httpd, "/each/page", site, "ALIAS_PORT") == f"{httpd.htdocs}/{site}/each/\n"


def test_no_number_of_hosts_is_too_many(httpd: Httpd) -> None:
    for number in range(MANY):
        host = f"many{number}.example"
        assert get(httpd, "/", host, "MANY_PORT") == f"{host}\n"
