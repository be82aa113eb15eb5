"""Access control in the style of 2005, as it is: Basic, Digest, groups, sessions, from .htaccess and from sections."""

import base64
import hashlib
import http.client
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from http1 import get, responses
from httpd import Httpd, Response

MPMS = ("event", "worker", "prefork")
CONF = """
<Directory "${HTDOCS}/house">
    AllowOverride All
    Options -Indexes
</Directory>
<Directory "${HTDOCS}/house/told">
    SetHandler mod_python
    PythonHandler basic_auth
</Directory>
<Location "/by-hand">
    SetHandler mod_python
    PythonHandler basic_auth::whoami
</Location>
<Location "/away">
    SetHandler mod_python
    PythonHandler basic_auth
    PythonAccessHandler basic_auth
    PythonOption auth.deny 10.0.0.1,127.0.0.1
</Location>
<Location "/digest">
    SetHandler mod_python
    PythonHandler digest_auth
    PythonAuthenHandler digest_auth
    PythonOption digest.users ${STATE}/digests
    PythonOption digest.lifetime 300
    AuthType Digest
    AuthName "The house"
    Require valid-user
</Location>
<Location "/digest/short">
    PythonOption digest.lifetime 0
</Location>
<Location "/front">
    ProxyPass http://127.0.0.1:${PORT}/digest disablereuse=on
</Location>
<Location "/members">
    SetHandler mod_python
    PythonHeaderParserHandler sessions
    PythonHandler sessions
    PythonOption sessions.path ${STATE}/sessions
</Location>
"""
CONF += """
<Location "/safe">
    SetHandler mod_python
    PythonHandler client_cert
    PythonAccessHandler client_cert
    PythonOption cert.names ann,localhost
</Location>
<Location "/safe/others">
    PythonOption cert.names ann
</Location>
Listen 127.0.0.1:${CERT_PORT}
<VirtualHost *:${CERT_PORT}>
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
    SSLVerifyClient optional_no_ca
</VirtualHost>
"""
HTACCESS = """
PythonAccessHandler basic_auth
PythonAuthenHandler basic_auth
PythonAuthzHandler basic_auth
PythonOption auth.users {state}/users
PythonOption auth.groups {state}/groups
AuthType Basic
AuthName "The house"
Require valid-user
"""
REALM = "The house"


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    if (httpd.htdocs / "house").exists():
        return
    (httpd.state / "users").write_text("# who lives here\nann:secret\nbob:a:b\njörg:größe\n", "utf-8")
    (httpd.state / "groups").write_text("staff: ann\nguests: bob\n")
    ha1 = hashlib.md5(f"ann:{REALM}:secret".encode()).hexdigest()
    (httpd.state / "digests").write_text(f"ann:{REALM}:{ha1}\nann:elsewhere:{ha1}\n")
    for name in ("users", "groups", "digests"):
        (httpd.state / name).chmod(0o644)
    httpd.write("house/.htaccess", HTACCESS.format(state=httpd.state))
    httpd.write("house/page.html", "a page of the house")
    httpd.write("house/staff/.htaccess", "PythonOption auth.group staff\n")
    httpd.write("house/staff/page.html", "a page of the staff")
    httpd.write("house/told/index.html", "")
    httpd.write("house/broken/.htaccess", "PythonOption auth.users /no/such/file\n")
    httpd.write("house/broken/page.html", "")


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_basic_from_htaccess(httpd: Httpd) -> None:
    asked = httpd.get("/house/page.html")
    assert (asked.status, asked.headers["WWW-Authenticate"]) == (401, 'Basic realm="The house"')
    assert httpd.get("/house/page.html", basic("ann", "secret")).text == "a page of the house"
    assert httpd.get("/house/page.html", basic("bob", "a:b")).text == "a page of the house"
    assert httpd.get("/house/page.html", basic("bob", "a")).status == 401
    assert httpd.get("/house/page.html", {"Authorization": "Basic"}).status == 401
    assert httpd.get("/house/page.html", {"Authorization": "Negotiate abc"}).status == 401
    assert httpd.get("/house/told/", basic("ann", "secret")).text == "ann by Basic in The house\nby basic_auth\n"


def test_groups(httpd: Httpd) -> None:
    assert httpd.get("/house/staff/page.html", basic("ann", "secret")).text == "a page of the staff"
    assert httpd.get("/house/staff/page.html", basic("bob", "a:b")).status == 403
    httpd.expect("No such file or directory: '/no/such/file'")
    assert httpd.get("/house/broken/page.html", basic("ann", "secret")).status == 500


def test_who_is_not_welcome(httpd: Httpd) -> None:
    assert httpd.get("/away").status == 403


def test_a_handler_that_asks_by_hand(httpd: Httpd) -> None:
    asked = httpd.get("/by-hand")
    assert (asked.status, asked.headers.get_all("WWW-Authenticate")) == (401, ['Basic realm="by hand"'])
    wrong = httpd.get("/by-hand", basic("ann", "x"))
    assert (wrong.status, wrong.text) == (401, "Wrong, ann.\n")
    assert wrong.headers["WWW-Authenticate"] == 'Basic realm="by hand"'
    assert httpd.get("/by-hand", basic("ann", "nna")).text == "Welcome, ann.\n"


def test_basic_on_a_kept_connection(httpd: Httpd) -> None:
    line = "Authorization: " + basic("ann", "secret")["Authorization"]
    data = get("/house/page.html") + get("/house/page.html", line) + get("/house/staff/page.html")
    data += get("/house/told/", line, "Connection: close")
    answers = responses(httpd.raw(data))
    assert [answer.status for answer in answers] == [401, 200, 401, 200]


def curl_digest(httpd: Httpd, path: str, *more: str | Path, user: str = "ann:secret") -> str:
    done = httpd.curl("--digest", "-u", user, "-w", " %{http_code}", *more, httpd.url(path))
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


class Digest:
    """A client of Digest authentication that does what it is told."""

    def __init__(self, httpd: Httpd, path: str) -> None:
        self.httpd, self.path, self.count = httpd, path, 0
        self.learn(httpd.get(path))

    def learn(self, asked: Response) -> None:
        """Take the nonce of a challenge."""
        assert asked.status == 401
        text = asked.headers["WWW-Authenticate"]
        assert text.startswith("Digest ")
        self.nonce = re.findall('nonce="([^"]*)"', text)[0]
        self.is_stale = "stale=true" in text

    def header(self, uri: str | None = None, password: str = "secret", nc: int | None = None) -> str:
        """Return the value of the header Authorization."""
        self.count += 1
        uri = uri or self.path
        number = f"{nc or self.count:08x}"
        ha1 = hashlib.md5(f"ann:{REALM}:{password}".encode()).hexdigest()
        ha2 = hashlib.md5(f"GET:{uri}".encode()).hexdigest()
        response = hashlib.md5(f"{ha1}:{self.nonce}:{number}:abc:auth:{ha2}".encode()).hexdigest()
        return (
            f'Digest username="ann", realm="{REALM}", nonce="{self.nonce}", uri="{uri}", nc={number}, '
            f'cnonce="abc", qop=auth, response="{response}"'
        )

    def get(self, uri: str | None = None, password: str = "secret", nc: int | None = None) -> Response:
        """GET the page."""
        return self.httpd.get(self.path, {"Authorization": self.header(uri, password, nc)})


def test_digest_for_curl(httpd: Httpd) -> None:
    assert curl_digest(httpd, "/digest/page") == "ann by Digest\n 200"
    assert curl_digest(httpd, "/digest/page?a=b%20c") == "ann by Digest\n 200"
    assert curl_digest(httpd, "/digest/page", user="ann:wrong").endswith(" 401")
    assert curl_digest(httpd, "/digest/page", user="eve:secret").endswith(" 401")
    assert curl_digest(httpd, "/digest/page", "-d", "x=1") == "ann by Digest\n3 bytes\n 200"


def test_digest_for_curl_with_a_large_body_and_behind_a_proxy(httpd: Httpd, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"x" * 300_000)
    for path in ("/digest/page", "/digest/page?q"):
        answer = curl_digest(httpd, path, "--data-binary", f"@{tmp_path / 'body'}")
        assert answer == "ann by Digest\n300000 bytes\n 200"
    # The proxy changes the path that the client has signed, which the handler refuses.
    assert curl_digest(httpd, "/front/page").endswith(" 400")


def test_digest_nonces(httpd: Httpd) -> None:
    client = Digest(httpd, "/digest/page")
    answer = client.get()
    assert answer.text == "ann by Digest\n"
    assert "nextnonce=" in answer.headers["Authentication-Info"]
    assert client.get("/digest/other").status == 400
    assert client.get(password="wrong").status == 401
    client.nonce = "1:abc"
    assert client.get().status == 401
    assert httpd.get("/digest/page", {"Authorization": 'Digest username="ann"'}).status == 400
    assert httpd.get("/digest/page", {"Authorization": "Digest"}).status == 400
    assert httpd.get("/digest/page", basic("ann", "secret")).status == 401


def test_digest_nonces_that_are_used_twice(httpd: Httpd) -> None:
    """On one connection, and so in one process."""
    client = Digest(httpd, "/digest/page")
    lines = [f"Authorization: {client.header(nc=number)}" for number in (1, 2, 2, 7, 1)]
    data = b"".join(get("/digest/page", line) for line in lines) + get("/digest/page", "Connection: close")
    answers = responses(httpd.raw(data))
    assert [answer.status for answer in answers] == [200, 200, 401, 200, 401, 401]
    assert "stale=true" in answers[2].headers["WWW-Authenticate"]
    assert "stale=true" not in answers[5].headers["WWW-Authenticate"]


def test_digest_nonces_that_are_too_old(httpd: Httpd) -> None:
    client = Digest(httpd, "/digest/short")
    time.sleep(1.1)
    answer = client.get()
    assert answer.status == 401
    client.learn(answer)
    assert client.is_stale
    # With a wrong password nobody is told that only the nonce is old.
    client.learn(client.get(password="wrong"))
    assert not client.is_stale


def test_digest_on_many_threads(httpd: Httpd) -> None:
    def ask(_: int) -> str:
        return Digest(httpd, "/digest/page").get().text

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(24))) == {"ann by Digest\n"}


def test_a_client_with_a_certificate(httpd: Httpd) -> None:
    def curl(path: str, *more: str | Path, port: str = "CERT_PORT") -> str:
        url = f"https://localhost:{httpd.port_of(port)}{path}"
        done = httpd.curl("-w", "%{http_code}", *more, url)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    mine = ("--cert", httpd.certificate, "--key", httpd.folder / "key.pem")
    assert curl("/safe/page", *mine) == "localhost by Certificate over TLSv1.3\n200"
    assert curl("/safe/others/page", *mine).endswith("403")
    assert curl("/safe/page").endswith("403")
    assert curl("/safe/page", port="TLS_PORT").endswith("403")
    assert httpd.get("/safe/page").status == 403


class Visitor:
    """A browser with cookies."""

    def __init__(self, httpd: Httpd) -> None:
        self.httpd, self.cookie = httpd, ""

    def ask(self, path: str = "/members/", method: str = "GET", body: bytes | None = None) -> Response:
        """Send a request with the cookie, and keep the one of the answer."""
        answer = self.httpd.request(method, path, body, {"Cookie": self.cookie} if self.cookie else {})
        if answer.headers["Set-Cookie"]:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        return answer


def test_a_session_over_requests_and_children(httpd: Httpd) -> None:
    visitor = Visitor(httpd)
    assert "<form" in visitor.ask().text
    assert re.fullmatch("visit=[0-9a-f]{32}", visitor.cookie)
    first = visitor.cookie
    answer = visitor.ask("/members/login", "POST", b"name=Ann+B%C3%A9")
    assert (answer.status, answer.headers["Location"]) == (302, "/members/?for=Ann%20B%C3%A9")
    assert [visitor.ask().text for _ in range(3)] == [f"Visit {n} of Ann Bé\n" for n in (3, 4, 5)]
    assert visitor.cookie == first
    assert "Expires" in visitor.ask().headers
    assert "<form" in Visitor(httpd).ask().text


def test_a_session_ends(httpd: Httpd) -> None:
    visitor = Visitor(httpd)
    visitor.ask("/members/login", "POST", b"name=bob")
    assert visitor.ask().text.endswith(" of bob\n")
    assert "<form" in visitor.ask("/members/logout").text
    assert "<form" in visitor.ask().text


def test_sessions_of_many_at_once(httpd: Httpd) -> None:
    visitor = Visitor(httpd)
    visitor.ask("/members/login", "POST", b"name=ann")

    def ask(_: int) -> str:
        return Visitor.ask(visitor).text

    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(ask, range(16)))
    # Each visit is counted once: the lock of the session is held to the end of the request.
    assert texts == {f"Visit {n} of ann\n" for n in range(2, 18)}


def test_a_session_on_a_kept_connection(httpd: Httpd) -> None:
    connection = http.client.HTTPConnection("localhost", httpd.port, timeout=10)
    cookie = ""
    for number in range(4):
        connection.request("GET", "/members/", headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        answer.read()
        cookie = cookie or answer.headers["Set-Cookie"].split(";")[0]
        assert answer.status == 200, number
    connection.close()


def test_a_session_of_requests_that_do_not_wait_for_each_other(httpd: Httpd) -> None:
    """The first request ends, and gives the lock back, when its response is sent; httpd holds that back."""
    visitor = Visitor(httpd)
    visitor.ask("/members/login", "POST", b"name=zoe")
    line = f"Cookie: {visitor.cookie}"
    data = get("/members/", line) * 4 + get("/members/", line, "Connection: close")
    assert [answer.text for answer in responses(httpd.raw(data))] == [f"Visit {n} of zoe\n" for n in range(2, 7)]
