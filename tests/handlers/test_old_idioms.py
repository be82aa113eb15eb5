"""What programs for mod_python 3 ask for besides the interface: names, texts and results."""

import base64
import json

import pytest

from http1 import get, responses
from httpd import Httpd
from mod_python.version import version

MPMS = ("event", "prefork")
HANDLERS = ["names", "sets_user", "adds_nothing", "refused", "body", "wraps", "catches", "plain"]
CONF = """
Timeout 1
LogLevel python:info
SetHandler mod_python
PythonOutputFilter old_idioms TYPE
""" + "".join(f"<Location /{name}>\nPythonHandler old_idioms::{name}\n</Location>\n" for name in HANDLERS)
CONF += """
<Location /filter>
    PythonHandler old_idioms::plain
    SetOutputFilter TYPE
</Location>
<Location /login>
    PythonHandler old_idioms::login
    AuthType Basic
    AuthName "old idioms"
    Require all granted
</Location>
<Location /early>
    PythonFixupHandler old_idioms::adds_nothing_early
</Location>
Listen 127.0.0.1:${LIMIT_PORT}
<VirtualHost *:${LIMIT_PORT}>
    Timeout 30
    RequestReadTimeout body=1
</VirtualHost>
"""
CONF += "".join(
    f"<Location /debug-{name}>\nPythonHandler old_idioms::{name}\nPythonDebug On\n</Location>\n"
    for name in ("body", "wraps", "catches")
)


def test_types_have_the_names_of_mod_python_3(httpd: Httpd) -> None:
    """Programs compare repr(type(req)), and find a name between quotes in it."""
    told = json.loads(httpd.get("/names").text)
    names = ["request", "server", "conn", "table", "finfo", "hlist"]
    assert told["types"] == [f"<class 'mp_{name}'>" for name in names]
    assert told["modules"] == ["builtins"]
    assert told["own"]
    assert httpd.get("/filter").text == "plain<class 'mp_filter'>"


def test_the_version_and_escape(httpd: Httpd) -> None:
    told = json.loads(httpd.get("/names").text)
    assert told["version"] == [version] * 3
    assert told["escaped"] == ["&lt;a href=&quot;x&quot;&gt;&#x27;&amp;", "&lt;'&amp;", "&lt;'&amp;"]


@pytest.mark.parametrize("coding", ["latin-1", "utf-8"])
def test_credentials_in_both_codings(httpd: Httpd, coding: str) -> None:
    """RFC 7617, 2.1: unless the server says more, a client chooses the coding."""
    for pair in ("bj\xf6rn:\xe9\xe8\xa3", "j\xfcrgen:", ":\xe9", "plain:text"):
        value = base64.b64encode(pair.encode(coding)).decode()
        user, _, password = pair.partition(":")
        answer = httpd.get("/login", {"Authorization": f"Basic {value}"})
        assert answer.text == ascii((password, user))
    assert httpd.get("/login").text == ascii((None, None))


def test_the_users_name(httpd: Httpd) -> None:
    """What is set as a text comes back, and so do the bytes of Latin-1."""
    assert httpd.get("/sets_user?'bj%5Cxf6rn'".replace("%5C", "\\")).text == ascii("bj\xf6rn")
    assert httpd.get("/sets_user?b'bj\\xf6rn'").text == ascii("bj\xf6rn")
    assert httpd.get("/sets_user?b'bj\\xc3\\xb6rn'").text == ascii("bj\xf6rn")


def test_an_empty_name_fails_when_it_is_called(httpd: Httpd) -> None:
    """For a later phase that is after the response, as in mod_python 3."""
    empty = "failed for .*ValueError: Empty module name"
    httpd.expect(rf"PythonLogHandler  \(req.add_handler\(\)\) {empty}")
    assert httpd.get("/adds_nothing?PythonLogHandler").text == "no exception"
    httpd.expect(rf"PythonHandler  \(req.add_handler\(\)\) {empty}")
    assert httpd.get("/early").status == 500
    assert httpd.get("/adds_nothing?PythonFixupHandler").status == 500
    httpd.expect("ValueError: PythonFixupHandler is over for this request")


def test_other_names_are_refused_at_once(httpd: Httpd) -> None:
    first, second = httpd.get("/refused").text.splitlines()
    assert first.startswith("ValueError: 'a b' does not name a handler: write module or module::function")
    assert second.startswith("ValueError: '::f' does not name a handler")


def upload(httpd: Httpd, path: str, framing: str, port: int | None = None) -> bytes:
    """All that comes for a request whose body stops in the middle."""
    part = {"length": "Content-Length: 10\r\n\r\nabc", "chunks": "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}[
        framing
    ]
    return httpd.raw(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{part}".encode(), port=port)


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("debug", ["", "debug-"], ids=["", "debug"])
def test_a_body_that_does_not_come(httpd: Httpd, debug: str, framing: str) -> None:
    """One answer, with the status for it, and nothing behind it. PythonDebug shows where the handler was."""
    (only,) = responses(upload(httpd, f"/{debug}body", framing))
    assert (only.status, only.headers["Connection"]) == (408, "close")
    assert (b"req.write(req.read())" in only.body, b"TimeoutError: the client sent" in only.body) == (bool(debug),) * 2
    httpd.wait_for_log("python:info.*old_idioms::body: the request's body did not come: TimeoutError: the client")
    (only,) = responses(upload(httpd, f"/{debug}catches", framing))
    assert (only.status, only.body) == (200, b"too slow")
    httpd.expect("ValueError: no upload")
    (only,) = responses(upload(httpd, f"/{debug}wraps", framing))
    assert (only.status, b"Traceback" in only.body) == (500, bool(debug))


@pytest.mark.parametrize("debug", ["", "debug-"], ids=["", "debug"])
def test_a_body_that_mod_reqtimeout_ends(httpd: Httpd, debug: str) -> None:
    (only,) = responses(upload(httpd, f"/{debug}body", "length", httpd.port_of("LIMIT_PORT")))
    assert (only.status, only.headers["Connection"]) == (408, "close")


@pytest.mark.parametrize("debug", ["", "debug-"], ids=["", "debug"])
def test_a_body_that_does_not_come_behind_a_part_of_the_response(httpd: Httpd, debug: str) -> None:
    head, _, body = upload(httpd, f"/{debug}body?late", "length").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b"7\r\na part \r\n"
    httpd.wait_for_log("python:info.*old_idioms::body: the request's body did not come: TimeoutError: the client")


def test_the_connection_ends_behind_such_a_body(httpd: Httpd) -> None:
    """The rest of a body that comes late is no request."""
    with httpd.connect() as client:
        client.sendall(b"POST /debug-body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        stream = client.makefile("rb")
        assert stream.readline().startswith(b"HTTP/1.1 408 ")
        client.sendall(get("/plain"))
        assert b"HTTP/1.1" not in stream.read()
