"""Statuses that providers raise, beside modules with hooks and rules of their own, and after restarts."""

import base64
from collections.abc import Iterator

import pytest

import probes
from httpd import Httpd, Response

BASIC = """
    AuthType Basic
    AuthName "the house"
    AuthBasicProvider python
    PythonAuthProvider refusing
"""
FORM = BASIC.replace("Basic", "Form")
CONF = f"""
{probes.load("authz_probe")}
<Location />
    SetHandler mod_python
    PythonHandler refusing
</Location>
<Location /rule>
    Require python refusing::rule
</Location>
<Location /user>
    {BASIC}
    Require valid-user
</Location>
<Location /both>
    {BASIC}
    <RequireAll>
        Require valid-user
        Require probe
        Require python refusing::rule
    </RequireAll>
</Location>
<Location /failing>
    PythonAuthProvider refusing
    <RequireAll>
        Require python refusing::rule
        Require probe fails
    </RequireAll>
</Location>
<Location /lenient>
    {BASIC}
    AuthBasicAuthoritative Off
    Require valid-user
</Location>
<Location /in>
    SetHandler form-login-handler
    {FORM}
    Require all granted
    Session On
    SessionCookieName session path=/
</Location>
"""
REFUSING = """
from mod_python import apache

def rule(req):
    if (req.args or "").isdecimal():
        raise apache.SERVER_RETURN(int(req.args))
    return True

def check_password(req, user, password):
    if password.isdecimal():
        raise apache.SERVER_RETURN(int(password))
    return password == "secret"

def handler(req):
    req.write("come in")
    return apache.OK
"""
MODULES = ["auth_form", "request", "session", "session_cookie"]


@pytest.fixture(params=[False, True], ids=["behind httpd's modules", "before them"])
def server(request: pytest.FixtureRequest) -> Iterator[Httpd]:
    """A server that loads mod_python behind or before mod_authz_core."""
    with Httpd(CONF, modules=MODULES, python_first=request.param, allow=["AH01[68]"]) as server:
        server.handler("refusing.py", REFUSING)
        yield server


def ask(httpd: Httpd, path: str, password: str = "", **headers: str) -> Response:
    word = base64.b64encode(f"ann:{password}".encode()).decode()
    named = {f"X-{name.capitalize()}": value for name, value in headers.items()}
    return httpd.get(path, named | ({"Authorization": f"Basic {word}"} if password else {}))


def login(httpd: Httpd, password: str) -> int:
    body = f"httpd_username=ann&httpd_password={password}".encode()
    return httpd.request("POST", "/in", body, {"Content-Type": "application/x-www-form-urlencoded"}).status


def expect_statuses(httpd: Httpd) -> None:
    for status in (401, 403, 429, 503):
        assert ask(httpd, f"/rule?{status}").status == status
        assert ask(httpd, "/user", str(status)).status == status
        assert ask(httpd, f"/both?{status}", "secret").status == status
        assert ask(httpd, "/lenient", str(status)).status == status
        assert login(httpd, str(status)) == status
    assert [ask(httpd, path, "secret").text for path in ("/rule", "/user", "/both", "/lenient")] == ["come in"] * 4
    assert ask(httpd, "/user").status == 401


def test_statuses_are_the_same_after_each_restart(server: Httpd) -> None:
    expect_statuses(server)
    for _ in range(5):
        server.graceful()
        expect_statuses(server)


def test_hooks_of_other_modules_keep_their_places(server: Httpd) -> None:
    assert ask(server, "/rule").headers["X-Probe"] == "first"  # mod_authz_core lets them in
    assert ask(server, "/rule?403").headers["X-Probe"] == "first"
    assert ask(server, "/user", "secret").headers["X-Probe"] == "first, last, first"  # first without the user
    answer = ask(server, "/rule?503", refuse="429")
    assert (answer.status, answer.headers["X-Probe"]) == (429, "first")


def test_a_failure_of_another_module_stays_one(server: Httpd) -> None:
    assert ask(server, "/failing").status == 500
    assert ask(server, "/failing", ask="403").status == 500  # of which its caller has made nothing
    assert ask(server, "/failing?503", ask="403").status == 503
