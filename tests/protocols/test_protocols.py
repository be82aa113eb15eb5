"""PythonProtocol: protocols that peers ask for by name, in TLS (ALPN) or with an HTTP request's Upgrade."""

import ast
import socket
import ssl
import subprocess
import time

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
# The certificate is for localhost.
ALLOW_LOG = (r"AH01909: other.example",)
TLS = """
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
"""
CONF = f"""
RequestReadTimeout handshake=5 header=1
PythonGracefulTimeout 1
PythonProtocol plain named_protocols::plain
PythonProtocol talks named_protocols::talks
PythonProtocol counts named_protocols::counts
PythonProtocol idles named_protocols::idles
PythonProtocol fails named_protocols::fails
PythonProtocol declines named_protocols::declines
PythonProtocol declines-later named_protocols::declines_later
PythonProtocol slash/1 named_protocols::talks
PythonProtocol unlisted named_protocols::plain
PythonProtocol certificate named_protocols::certificate
Protocols h2 http/1.1 plain talks slash/1 counts idles fails declines declines-later certificate

<Location "/members">
    AuthType Basic
    AuthName members
    AuthUserFile "${{HTDOCS}}/passwords"
    Require valid-user
</Location>

Listen 127.0.0.1:${{ALPN_PORT}}
<VirtualHost *:${{ALPN_PORT}}>
    ServerName localhost
    {TLS}
    SSLVerifyClient optional_no_ca
    Timeout 2
</VirtualHost>
<VirtualHost *:${{ALPN_PORT}}>
    ServerName other.example
    {TLS}
    Protocols http/1.1 talks unlisted
    PythonProtocol talks named_protocols::elsewhere
    Timeout 4
</VirtualHost>

Listen 127.0.0.1:${{SHARED_PORT}}
<VirtualHost *:${{SHARED_PORT}}>
    PythonConnectionHandler named_protocols::undecided
</VirtualHost>
Listen 127.0.0.1:${{SECURE_PORT}}
<VirtualHost *:${{SECURE_PORT}}>
    {TLS}
    PythonConnectionHandler named_protocols::undecided
</VirtualHost>
"""


def alpn(
    httpd: Httpd, *names: str, port: str = "ALPN_PORT", server: str = "localhost", certificate: bool = False
) -> ssl.SSLSocket:
    """A connection whose client offers these protocols."""
    context = ssl.create_default_context(cafile=httpd.certificate)
    context.check_hostname = False
    context.set_alpn_protocols(names)
    if certificate:
        context.load_cert_chain(httpd.certificate, httpd.folder / "key.pem")
    plain = socket.create_connection(("127.0.0.1", httpd.port_of(port)), 10)
    return context.wrap_socket(plain, server_hostname=server)


def upgrade(httpd: Httpd, token: str, path: str = "/", *headers: str, port: str = "PORT") -> socket.socket:
    """A connection on which a request has asked for a protocol."""
    client = socket.create_connection(("127.0.0.1", httpd.port_of(port)), 10)
    lines = [f"GET {path} HTTP/1.1", "Host: x", f"Upgrade: {token}", "Connection: Upgrade", *headers, "", ""]
    client.sendall("\r\n".join(lines).encode())
    return client


def until(client: socket.socket, end: bytes) -> bytes:
    """What comes up to and with `end`, and nothing more."""
    data = b""
    while not data.endswith(end):
        data += client.recv(1)
        assert data, "closed"
    return data


def rest(client: socket.socket) -> bytes:
    """All until the end."""
    data = b""
    while chunk := client.recv(1 << 16):
        data += chunk
    return data


SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\n"


@pytest.mark.parametrize(
    ("name", "hello"), [("plain", b"plain named_protocols::plain localhost\n"), ("talks", b"talks localhost\n")]
)
def test_p16_alpn(httpd: Httpd, name: str, hello: bytes) -> None:
    with alpn(httpd, "nonsense", name, "http/1.1") as client:
        # `Protocols` has http/1.1 first.
        assert client.selected_alpn_protocol() == "http/1.1"
    with alpn(httpd, "nonsense", name) as client:
        assert client.selected_alpn_protocol() == name
        assert client.recv(100) == hello
        client.sendall(b"one\ntwo\n")
        assert until(client, b"TWO\n") == b"ONE\nTWO\n"


def test_p16_alpn_with_openssl(httpd: Httpd) -> None:
    place = f"127.0.0.1:{httpd.port_of('ALPN_PORT')}"
    command = ["openssl", "s_client", "-quiet", "-alpn", "talks", "-connect", place]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"talks localhost\n"
        client.kill()


def test_p16_names_that_are_not_listed_are_not_chosen(httpd: Httpd) -> None:
    with alpn(httpd, "unlisted", "http/1.1") as client:
        assert client.selected_alpn_protocol() == "http/1.1"
    with alpn(httpd, "Talks", "http/1.1") as client:
        assert client.selected_alpn_protocol() == "http/1.1"
    httpd.write("a.txt", b"a")
    with upgrade(httpd, "unlisted", "/a.txt", "Connection: close") as client:
        assert rest(client).startswith(b"HTTP/1.1 200 ")


def test_p16_the_handler_is_that_of_the_virtual_host(httpd: Httpd) -> None:
    with alpn(httpd, "talks", server="other.example") as client:
        assert client.recv(100) == b"elsewhere other.example 4\n"
    with alpn(httpd, "unlisted", server="other.example") as client:
        assert client.recv(100) == b"unlisted named_protocols::plain other.example\n"


def test_p16_names_with_a_version_are_for_tls(httpd: Httpd) -> None:
    """A slash is no part of a token: httpd takes no notice of such an Upgrade field."""
    with alpn(httpd, "slash/1") as client:
        assert client.recv(100) == b"slash/1 localhost\n"
    httpd.write("a.txt", b"a")
    with upgrade(httpd, "slash/1", "/a.txt", "Connection: close") as client:
        assert rest(client).startswith(b"HTTP/1.1 200 ")


def test_p1_http_goes_on_beside_it(httpd: Httpd) -> None:
    httpd.write("a.txt", b"a")
    with alpn(httpd, "http/1.1") as client:
        client.sendall(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert rest(client).endswith(b"\r\n\r\na")
    if httpd.mpm != "prefork":
        url = f"https://localhost:{httpd.port_of('ALPN_PORT')}/a.txt"
        assert httpd.curl("--http2", "-w", "%{http_version}", url).stdout == b"a2"


@pytest.mark.parametrize("token", ["plain", "talks", "nonsense, TALKS", "talks, plain"])
def test_p16_upgrade(httpd: Httpd, token: str) -> None:
    name = b"plain" if "plain" in token else b"talks"
    with upgrade(httpd, token) as client:
        head = until(client, b"\r\n\r\n")
        assert head.startswith(SWITCHED)
        assert b"\r\nUpgrade: " + name + b"\r\nConnection: Upgrade\r\n" in head
        assert until(client, b"\n").startswith(name + b" ")
        client.sendall(b"one\ntwo\n")
        assert until(client, b"TWO\n") == b"ONE\nTWO\n"
        client.shutdown(socket.SHUT_WR)
        # No byte of HTTP comes behind it.
        assert rest(client) == b""


def test_p16_upgrade_with_data_right_behind_the_request(httpd: Httpd) -> None:
    with httpd.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: talks\r\nConnection: upgrade\r\n\r\none\n")
        assert until(client, b"ONE\n").endswith(b"\ntalks localhost\nONE\n")


def test_p16_upgrade_with_curl(httpd: Httpd) -> None:
    done = httpd.curl("-i", "-H", "Connection: Upgrade", "-H", "Upgrade: counts", "--max-time", "5", httpd.url("/"))
    assert done.stdout.replace(b"\r", b"").endswith(b"Connection: Upgrade\n\n0\n1\n2\n"), done


def test_p16_an_upgraded_connection_is_logged_once_and_closed(httpd: Httpd) -> None:
    line = "101 GET /counted HTTP/1.1\n"
    with upgrade(httpd, "counts", "/counted") as client:
        assert rest(client).endswith(b"0\n1\n2\n")
    deadline = time.monotonic() + 5
    while line not in httpd.access_log.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert httpd.access_log.read_text().count(line) == 1


def test_p16_requests_with_a_body_stay_http(httpd: Httpd) -> None:
    httpd.write("a.txt", b"a")
    head = b"GET /a.txt HTTP/1.1\r\nHost: x\r\nUpgrade: talks\r\nConnection: Upgrade, close\r\n"
    for tail in (b"Content-Length: 2\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"):
        assert httpd.raw(head + tail).startswith(b"HTTP/1.1 200 ")
    empty = httpd.raw(head.replace(b", close", b"") + b"Content-Length: 0\r\n\r\n", half_close=True)
    assert empty.startswith(SWITCHED)


def test_an_upgrade_needs_what_its_location_asks_for(httpd: Httpd) -> None:
    httpd.write("passwords", subprocess.check_output(["htpasswd", "-nb", "ann", "secret"]).strip() + b"\n")
    with upgrade(httpd, "talks", "/members") as client:
        assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 401 ")
    with upgrade(httpd, "talks", "/members", "Authorization: Basic YW5uOnNlY3JldA==") as client:
        assert until(client, b"\r\n\r\n").startswith(SWITCHED)
        assert until(client, b"\n") == b"talks localhost\n"


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_p1_http_on_a_port_with_a_handler_can_still_upgrade(httpd: Httpd, tls: bool) -> None:
    """One port: a protocol that is sniffed, HTTP, and a protocol that is asked for there."""
    port = httpd.port_of("SECURE_PORT" if tls else "SHARED_PORT")
    request = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: talks\r\nConnection: upgrade\r\n\r\n"
    with httpd.connect(port, tls=tls) as client:
        client.sendall(request)
        assert until(client, b"\r\n\r\n").startswith(SWITCHED)
        assert until(client, b"\n").startswith(b"talks ")
        client.sendall(b"one\n")
        assert until(client, b"\n") == b"ONE\n"
    with httpd.connect(port, tls=tls) as client:
        client.sendall(b"HELO")
        assert until(client, b"\n") == b"http/1.1\n"


@pytest.mark.parametrize("way", ["alpn", "upgrade"])
@pytest.mark.parametrize("name", ["declines", "declines-later"])
def test_p1_what_was_agreed_upon_cannot_be_declined(httpd: Httpd, name: str, way: str) -> None:
    httpd.expect(rf"PythonProtocol {name} .*declined what its peer has agreed to: {name}, not HTTP: closed")
    with alpn(httpd, name) if way == "alpn" else upgrade(httpd, name) as client:
        client.sendall(b"x")
        assert rest(client).split(b"\r\n\r\n")[-1] == b""


@pytest.mark.parametrize("way", ["alpn", "upgrade"])
def test_p17_exceptions_name_the_protocol(httpd: Httpd, way: str) -> None:
    place = rf"PythonProtocol fails named_protocols::fails \({httpd.folder}/.*:\d+\)"
    httpd.expect(rf"{place} failed\\nTraceback .*ValueError: in the middle$")
    with alpn(httpd, "fails") if way == "alpn" else upgrade(httpd, "fails") as client:
        client.sendall(b"x\n")
        assert rest(client).split(b"\r\n\r\n")[-1] == b""


@pytest.mark.parametrize("way", ["alpn", "upgrade"])
def test_p19_request_timeouts_do_not_cut_a_protocol_they_know_nothing_of(httpd: Httpd, way: str) -> None:
    with alpn(httpd, "idles") if way == "alpn" else upgrade(httpd, "idles") as client:
        if way == "upgrade":
            until(client, b"\r\n\r\n")
        for _ in range(4):
            client.sendall(b"a")
            time.sleep(0.4)
        client.sendall(b"\n")
        assert until(client, b"\n") == b"aaaa\n"


def test_p2_handlers_that_speak_over_time(httpd: Httpd) -> None:
    with alpn(httpd, "counts") as client:
        assert rest(client) == b"0\n1\n2\n"


def test_what_is_agreed_upon_in_tls_waits_without_a_thread(httpd: Httpd) -> None:
    """More connections than there are threads for (32): each is served."""
    if httpd.mpm != "event":
        pytest.skip("a thread each")
    httpd.allow("HTTP is about to starve")
    clients = []
    for _ in range(60):
        clients.append(alpn(httpd, "idles"))
        clients[-1].sendall(b"x\n")  # at once, since Timeout here is short
    for client in clients:
        assert client.recv(10) == b"x\n"
        client.close()


@pytest.mark.parametrize("way", ["alpn", "upgrade"])
def test_p6_p11_a_graceful_restart_ends_it(httpd: Httpd, way: str) -> None:
    if httpd.mpm == "worker":
        pytest.skip("as on prefork")
    with alpn(httpd, "idles") if way == "alpn" else upgrade(httpd, "idles") as client:
        client.sendall(b"x\n")
        assert until(client, b"x\n").endswith(b"x\n")
        begin = time.monotonic()
        httpd.graceful()
        assert rest(client) == b""
        # PythonGracefulTimeout
        assert time.monotonic() - begin < 4


def test_the_client_certificate_can_be_seen(httpd: Httpd) -> None:
    def told(certificate: bool) -> tuple[object, ...]:
        with alpn(httpd, "certificate", certificate=certificate) as client:
            return tuple(ast.literal_eval(rest(client).decode()))

    assert told(certificate=False) == (1, "TLSv1.3", "NONE", "", "localhost", "")
    assert told(certificate=True) == (1, "TLSv1.3", "FAILED:self-signed certificate", "CN=localhost", "localhost", "")
    with upgrade(httpd, "certificate") as client:
        assert rest(client).endswith(b"(0, '', '', '', '', '')")


def test_p16_a_name_that_no_server_lists_fails_configtest(httpd: Httpd) -> None:
    fragment = httpd.folder / "fragment.conf"
    conf = fragment.read_text()
    try:
        fragment.write_text(conf.replace("Protocols http/1.1 talks unlisted", "Protocols http/1.1 talks"))
        said = httpd.configtest()
    finally:
        fragment.write_text(conf)
    assert said.returncode != 0
    line = next(at for at, text in enumerate(conf.splitlines(), 1) if text.startswith("PythonProtocol unlisted"))
    assert f"{fragment}:{line}: PythonProtocol unlisted: no server where this holds names unlisted" in said.stderr
    assert "write Protocols unlisted http/1.1" in said.stderr
