"""conn.authorize(): httpd's own authentication and authorization, for protocols that have none."""

import ast
import socket
import subprocess

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
MODULES = ("authn_dbm", "authn_anon", "authz_groupfile", "authz_dbm", "session", "session_cookie", "remoteip")
LOCATIONS = {
    "file/": "AuthBasicProvider file\nAuthUserFile ${STATE}/users\nRequire valid-user",
    "dbm/": "AuthBasicProvider dbm\nAuthDBMType SDBM\nAuthDBMUserFile ${STATE}/dbm\nRequire valid-user",
    "user/": "AuthBasicProvider file\nAuthUserFile ${STATE}/users\nRequire user ann",
    "group/": "AuthBasicProvider file\nAuthUserFile ${STATE}/users\nAuthGroupFile ${STATE}/groups\nRequire group staff",
    "two/": "AuthBasicProvider dbm file\nAuthDBMType SDBM\nAuthDBMUserFile ${STATE}/dbm\n"
    "AuthUserFile ${STATE}/users\nRequire valid-user",
    "digest/": "AuthType Digest\nRequire valid-user",
    "broken/": "AuthBasicProvider file\nAuthUserFile ${STATE}/nowhere\nRequire valid-user",
    "no-type/": "AuthType None\nRequire valid-user",
    "open/": "AuthType None\nRequire all granted",
    "granted/": "AuthBasicProvider file\nAuthUserFile ${STATE}/users\nRequire all granted",
    "denied/": "AuthType None\nRequire all denied",
    "ip/": "AuthType None\nRequire ip 127.0.0.1",
    "other-ip/": "AuthType None\nRequire ip 192.0.2.0/24",
    "either/": "AuthBasicProvider file\nAuthUserFile ${STATE}/users\nRequire ip 192.0.2.1\nRequire user bob",
    "both/": "AuthBasicProvider file\nAuthUserFile ${STATE}/users\n"
    "<RequireAll>\nRequire ip 127.0.0.1\nRequire user bob\n</RequireAll>",
    "env/": "AuthType None\nRequire env local",
    "tls/": "AuthType None\nRequire ssl",
    "certificate/": "AuthType None\nSSLVerifyClient require\nRequire all granted",
    "python/": "PythonAuthenHandler authorizing\nPythonCleanupHandler authorizing\nRequire valid-user",
    "too-late/": "PythonAccessHandler authorizing\nSetHandler mod_python\nPythonHandler authorizing\n"
    "Require all granted",
    "provider/": "AuthBasicProvider python\nPythonAuthProvider authorizing\nRequire valid-user",
    "rule/": "AuthBasicProvider file\nAuthUserFile ${STATE}/users\nRequire python authorizing::is_ann",
    "python-denied/": "PythonAuthenHandler authorizing\nRequire user ann",
}
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler authorizing::@
    LogLevel python:info
    RewriteEngine on
    RewriteOptions Inherit
</VirtualHost>
"""
TLS = """    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
</VirtualHost>
"""
CONF = (
    "SetEnvIf Remote_Addr ^127\\.0\\.0\\.1$ local\nRewriteEngine on\n"
    "RewriteRule ^/moved/ /file/ [R]\nRewriteRule ^/forbidden/ - [F]\n"
    + "".join(
        f'<Location "/{name}">\nAuthType Basic\nAuthName here\n{rules}\n</Location>\n'
        for name, rules in LOCATIONS.items()
    )
    + '<Directory "${HTDOCS}/folder">\nAuthType Basic\nAuthName there\nAuthUserFile ${STATE}/users\n'
    "Require valid-user\n</Directory>\n"
    + "".join(HOST.replace("@", name) for name in ("asks", "asks_here", "alive"))
    + HOST.replace("${@_PORT}", "${SECURE_PORT}").replace("@", "asks").replace("</VirtualHost>\n", TLS)
    + HOST.replace("@", "whoami").replace("</VirtualHost>", "    RemoteIPProxyProtocol On\n</VirtualHost>")
    + HOST.replace("${@_PORT}", "${TLS_PROXIED_PORT}")
    .replace("@", "whoami")
    .replace("</VirtualHost>\n", "    RemoteIPProxyProtocol On\n" + TLS)
)
REFUSED = r"AH016(14|15|17|18)|AH01630|AH01631|AH01797"


@pytest.fixture(autouse=True)
def users(httpd: Httpd) -> None:
    """Ann and Bob are users, Ann is staff, Dora is in a DBM; bad passwords are worth a line of mod_auth_basic's."""
    httpd.allow(REFUSED)
    if (httpd.state / "groups").exists():
        return
    for user, option in (("ann", "-cb"), ("bob", "-b")):
        password = "secret" if user == "ann" else "p\u00e4ss:word"
        subprocess.run(["htpasswd", option, httpd.state / "users", user, password], check=True, capture_output=True)
    subprocess.run(["htdbm", "-TSDBM", "-cb", httpd.state / "dbm", "dora", "deep"], check=True, capture_output=True)
    for path in httpd.state.iterdir():
        path.chmod(0o644)
    (httpd.state / "groups").write_text("staff: ann\n")


def ask(httpd: Httpd, *questions: tuple[object, ...], port: str = "asks_PORT", tls: bool = False) -> list[object]:
    """What a handler is told, on one connection."""
    with httpd.connect(httpd.port_of(port), tls=tls) as client:
        lines = client.makefile("rb")
        answers = []
        for question in questions:
            client.sendall(f"{question!r}\n".encode())
            answers.append(ast.literal_eval(lines.readline().decode()))
        return answers


ANSWERS = [
    ("/file/", "ann", "secret", "ann"),
    ("/file/", "bob", "p\u00e4ss:word", "bob"),
    ("/file/", "ann", "wrong", None),
    ("/file/", "ann", "", None),
    ("/file/", "eve", "secret", None),
    ("/file/", "", "", None),
    ("/file/below?and=query", "ann", "secret", "ann"),
    ("/file/../open/", "ann", "wrong", ""),
    ("/dbm/", "dora", "deep", "dora"),
    ("/dbm/", "ann", "secret", None),
    ("/two/", "dora", "deep", "dora"),
    ("/two/", "ann", "secret", "ann"),
    ("/user/", "ann", "secret", "ann"),
    ("/user/", "bob", "p\u00e4ss:word", None),
    ("/group/", "ann", "secret", "ann"),
    ("/group/", "bob", "p\u00e4ss:word", None),
    ("/denied/", "ann", "secret", None),
    # Nobody is asked who they are: whatever they say, they are nobody.
    ("/open/", "ann", "wrong", ""),
    ("/granted/", "ann", "wrong", ""),
    ("/ip/", "ann", "wrong", ""),
    ("/env/", "ann", "wrong", ""),
    ("/nowhere/", "ann", "wrong", ""),
    ("/other-ip/", "ann", "secret", None),
    ("/either/", "bob", "p\u00e4ss:word", "bob"),
    ("/either/", "ann", "secret", None),
    ("/both/", "bob", "p\u00e4ss:word", "bob"),
    ("/both/", "ann", "secret", None),
    ("/folder/", "ann", "secret", "ann"),
    ("/folder/", "ann", "wrong", None),
    ("/moved/", "ann", "secret", None),
    ("/forbidden/", "ann", "secret", None),
    ("/tls/", "ann", "secret", None),
    ("/python/", "guido", "pythonic", "python-guido"),
    ("/python/", "ann", "secret", None),
    ("/provider/", "guido", "pythonic", "guido"),
    ("/provider/", "guido", "secret", None),
    ("/rule/", "ann", "secret", "ann"),
    ("/rule/", "ann", "wrong", None),
    ("/rule/", "bob", "p\u00e4ss:word", None),
    ("/python-denied/", "guido", "pythonic", None),
]


@pytest.mark.parametrize("handler", ["asks", "asks_here"])
def test_authorize(httpd: Httpd, handler: str) -> None:
    """What a GET of the location would be answered; on one connection, one after the other."""
    (httpd.htdocs / "folder").mkdir(exist_ok=True)
    httpd.allow("AH01614|AH00027|AH01796|AH01617", "401 after a part of the response was sent: it is cut")
    answers = ask(httpd, *(question[:3] for question in ANSWERS), port=f"{handler}_PORT")
    assert answers == [question[3] for question in ANSWERS]


def test_authorize_is_what_http_says(httpd: Httpd) -> None:
    """The same answers as to real requests."""
    (httpd.htdocs / "folder").mkdir(exist_ok=True)
    httpd.allow("AH01276")
    for uri, user, password, answer in ANSWERS:
        # Python's own has written something by then.
        if ".." not in uri and not uri.startswith("/python"):
            done = httpd.curl("-o", "/dev/null", "-w", "%{http_code}", "-u", f"{user}:{password}", httpd.url(uri))
            status = int(done.stdout)
            is_let_in = status in {200, 404} or (status == 403 and answer is not None)
            assert is_let_in == (answer is not None), (uri, user, done.stdout)


def test_authorize_nobody(httpd: Httpd) -> None:
    assert ask(httpd, ("/ip/",), ("/other-ip/",), ("/file/",), ("/open/", None, None)) == ["", None, None, ""]


def test_authorize_names_that_would_be_taken_for_others(httpd: Httpd) -> None:
    """A colon ends a name in Basic, a NUL ends a text in C: bob:p is not bob with a longer password."""
    hostile = [("bob:p\u00e4ss", "word"), ("ann\0", "secret"), ("ann", "secret\0"), ("ann", "secret\0junk")]
    assert ask(httpd, *(("/file/", *pair) for pair in hostile)) == [None] * len(hostile)
    bytes_ = [("/file/", b"ann", b"secret"), ("/file/", b"\xff", b"\xfe"), ("/file/", "ann\r\nX: y", "secret")]
    assert ask(httpd, *bytes_) == ["ann", None, None]


def test_authorize_says_when_it_cannot_tell(httpd: Httpd) -> None:
    httpd.expect("AH01620.*nowhere", "AH00027.*/no-type/", "AH01796.*AuthType Digest")
    answers = ask(httpd, *((f"/{name}/", "ann", "secret") for name in ("broken", "no-type", "digest")))
    assert [str(answer).split(" (")[0] for answer in answers] == [
        "RuntimeError: httpd could not decide about /broken/",
        "RuntimeError: httpd could not decide about /no-type/",
        "RuntimeError: httpd could not decide about /digest/",
    ]


def test_authorize_wrong_arguments(httpd: Httpd) -> None:
    path = "ValueError: a location is a path from its first slash, quoted as in a URL: '/mail'"
    wrong = ["", "mail", "/a b", "/a\r\nX: y", "http://x/", "*", "/a#b"]
    assert ask(httpd, *((uri,) for uri in wrong)) == [path] * len(wrong)
    pair = "TypeError: authorize() takes a user and a password, or neither"
    assert ask(httpd, ("/", "ann"), ("/", None, "x"), ("/", 3, "x"), ("/\0",)) == [
        pair,
        pair,
        "TypeError: expected str or bytes, not int",
        "ValueError: a NUL in a text for httpd",
    ]
    httpd.expect("AH10244")
    assert ask(httpd, ("/%zz", "ann", "x")) == [None]


def test_authorize_leaves_nothing_behind(httpd: Httpd) -> None:
    """Handlers that write, read, note and close do so to a connection that leads nowhere."""
    logged = httpd.access_log.read_text()
    assert ask(httpd, ("/python/", "guido", "pythonic")) == ["python-guido"]
    httpd.wait_for_log("let go of /python/")
    with httpd.connect(httpd.port_of("alive_PORT")) as client:
        lines = client.makefile("rb")
        for _ in range(3):
            client.sendall(b"ann secret\nann wrong\n")
            assert [lines.readline(), lines.readline()] == [b"ann True\n", b"None True\n"]
    assert httpd.access_log.read_text() == logged


@pytest.mark.parametrize("way", ["return", "raise"])
def test_who_is_refused_too_late_is_refused(httpd: Httpd, way: str) -> None:
    """A handler that says no after a part of the response was sent: nothing that follows may run."""
    said = "403 after a part of the response was sent: it is cut" if way == "return" else "ValueError: refused"
    httpd.expect(said)
    # The body is cut.
    assert httpd.curl(httpd.url(f"/too-late/?{way}")).returncode != 0
    assert ask(httpd, (f"/too-late/?{way}", "ann", "secret")) == [None]
    assert "let in" not in httpd.log()


@pytest.mark.alone
def test_authorize_leaves_no_memory_behind(httpd: Httpd) -> None:
    """A connection may live for days, and ask every second."""
    with httpd.connect(httpd.port_of("asks_PORT")) as client:
        lines = client.makefile("rb")
        # This child only: prefork starts and ends others meanwhile.
        client.sendall(b"pid\n")
        pid = int(lines.readline())

        def many(count: int) -> int:
            for _ in range(count):
                client.sendall(b"('/open/', 'ann', 'secret')\n" * 20)
                for _ in range(20):
                    assert lines.readline() == b"''\n"
            return httpd.memory(pid).now

        before = many(25)
        assert many(50) - before < 1000  # KiB


def test_authorize_with_tls(httpd: Httpd) -> None:
    """Locations see the connection's TLS; one that wants more of it than was agreed upon is refused, as in HTTP/2."""
    httpd.allow("ssl-renegotiate-forbidden|AH02", "access to .* failed")
    questions = [("/tls/", "ann", "secret"), ("/file/", "ann", "secret"), ("/certificate/",), ("/file/", "bob", "x")]
    assert ask(httpd, *questions, port="SECURE_PORT", tls=True) == ["", "ann", None, None]
    assert ask(httpd, ("/certificate/",)) == [""]


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_authorize_behind_a_proxy(httpd: Httpd, tls: bool) -> None:
    """mod_remoteip's PROXY protocol: its header is not the protocol's, and the address in it is what counts."""
    port = httpd.port_of("TLS_PROXIED_PORT" if tls else "whoami_PORT")

    def told(header: bytes) -> bytes:
        client = socket.create_connection(("127.0.0.1", port), 10)
        client.sendall(header)
        if tls:
            client = httpd._tls.wrap_socket(client, server_hostname="localhost")
        with client:
            client.sendall(b"hello\n")
            return client.recv(1000)

    assert told(b"PROXY TCP4 127.0.0.1 127.0.0.1 4000 80\r\n") == b"('127.0.0.1', '127.0.0.1', True) '' b'hello\\n'\n"
    assert told(b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\n") == b"('127.0.0.1', '192.0.2.7', True) None b'hello\\n'\n"
