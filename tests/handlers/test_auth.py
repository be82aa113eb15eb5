"""Python in authentication and authorization, beside httpd's own modules."""

import base64
import hashlib

import pytest

from httpd import Httpd, Response

MODULES = ["access_compat", "auth_digest"]
REALM = "the house"
PROTECTED = """
<Location /{name}>
    SetHandler mod_python
    PythonHandler users
    AuthType Basic
    AuthName "the house"
    AuthUserFile ${{STATE}}/users
    {lines}
</Location>
"""
PLACES = {
    "python": "Require valid-user\nPythonAuthenHandler users",
    "python-user": "Require user ann\nPythonAuthenHandler users",
    "own-type": "AuthType X\nRequire valid-user\nPythonAuthenHandler users::by_header",
    "no-user": "Require valid-user\nPythonAuthenHandler users::no_user",
    "declined": "Require valid-user\nPythonAuthenHandler users::decline",
    "httpd": "Require valid-user\nPythonAuthzHandler users::not_eve",
    "settled": "Require user nobody\nPythonAuthzHandler users::settle",
    "all": "Satisfy All\nRequire valid-user\nPythonAccessHandler users::inside_only",
    "any": "Satisfy Any\nRequire valid-user\nPythonAccessHandler users::inside_only",
    "compat": "Satisfy Any\nOrder deny,allow\nDeny from all\nRequire valid-user\nPythonAuthenHandler users",
    "required-any": "<RequireAny>\nRequire user eve\nRequire method PUT\n</RequireAny>\nPythonAuthenHandler users",
    "required-none": "<RequireAll>\nRequire valid-user\n<RequireNone>\nRequire user eve\n</RequireNone>\n</RequireAll>",
    "page": "Require valid-user\nPythonAuthenHandler users\nErrorDocument 401 /told",
    "digest": "AuthType Digest\nAuthUserFile ${{STATE}}/digests\nRequire valid-user\nPythonAuthzHandler users::not_eve",
    "digest-refused": "AuthType Digest\nRequire valid-user\nPythonAuthenHandler users::refuse",
}
CONF = (
    "".join(PROTECTED.format(name=name, lines=lines) for name, lines in PLACES.items()).replace("{{", "{")
    + """
<Location /told>
    SetHandler mod_python
    PythonHandler users::told
</Location>
"""
)
CONF += """
<Location /none>
    SetHandler mod_python
    PythonHandler users
    PythonAuthenHandler users::refuse
    PythonAuthzHandler users::refuse
</Location>
"""
CONF = CONF.replace("}}", "}")


@pytest.fixture(autouse=True)
def _users(httpd: Httpd) -> None:
    sha = {name: base64.b64encode(hashlib.sha1(word.encode()).digest()).decode() for name, word in USERS.items()}
    (httpd.state / "users").write_text("".join(f"{name}:{{SHA}}{word}\n" for name, word in sha.items()))
    md5 = {name: hashlib.md5(f"{name}:{REALM}:{word}".encode()).hexdigest() for name, word in USERS.items()}
    (httpd.state / "digests").write_text("".join(f"{name}:{REALM}:{word}\n" for name, word in md5.items()))


USERS = {"ann": "secret", "eve": "apple"}


def ask(httpd: Httpd, path: str, user: str | None = None, method: str = "GET") -> Response:
    word = base64.b64encode(f"{user}:{USERS.get(user or '', 'wrong')}".encode()).decode()
    return httpd.request(method, path, headers={"Authorization": f"Basic {word}"} if user else {})


def test_python_authenticates_before_mod_auth_basic(httpd: Httpd) -> None:
    assert ask(httpd, "/python", "ann").text == "ann by Basic"
    assert ask(httpd, "/python", "bob").status == 401
    httpd.allow("AH01631: user eve: authorization failure")
    assert ask(httpd, "/python-user", "eve").status == 401
    assert ask(httpd, "/python-user", "ann").status == 200


def test_w12_a_401_asks_for_a_user_as_the_auth_type_does(httpd: Httpd) -> None:
    assert ask(httpd, "/python").headers["WWW-Authenticate"] == 'Basic realm="the house"'
    assert ask(httpd, "/digest-refused").headers["WWW-Authenticate"].startswith('Digest realm="the house", nonce=')
    # What the handler has set stands, and is the only one.
    answer = ask(httpd, "/own-type")
    assert (answer.status, answer.headers.get_all("WWW-Authenticate")) == (401, ['X realm="by header"'])
    assert httpd.get("/own-type", {"X-User": "zoe"}).text == "zoe by X"


def test_w12_ok_without_a_user_is_500_and_told(httpd: Httpd) -> None:
    httpd.expect("a PythonAuthenHandler returned apache.OK and set no user: set req.user, or return")
    assert ask(httpd, "/no-user").status == 500


def test_declined_leaves_it_to_mod_auth_basic(httpd: Httpd) -> None:
    assert ask(httpd, "/declined", "ann").text == "ann by Basic"
    httpd.expect("AH01617: user bob|AH01618: user bob")
    assert ask(httpd, "/declined", "bob").status == 401


def test_python_authorizes_who_httpd_has_authenticated(httpd: Httpd) -> None:
    assert ask(httpd, "/httpd", "ann").text == "ann by Basic"
    assert ask(httpd, "/httpd", "eve").status == 403


def test_authorization_by_python_settles_it_before_require(httpd: Httpd) -> None:
    assert ask(httpd, "/settled", "ann").text == "ann by Basic"


def test_without_require_nobody_is_asked(httpd: Httpd) -> None:
    assert ask(httpd, "/none").text == "None by None"


def test_satisfy_all_and_any(httpd: Httpd) -> None:
    httpd.allow("AH01797|AH01618|AH01617")
    assert ask(httpd, "/all", "ann").status == 403
    assert ask(httpd, "/all?inside").status == 401
    assert ask(httpd, "/all?inside", "ann").text == "ann by Basic"
    assert ask(httpd, "/any?inside").text == "None by None"
    assert ask(httpd, "/any", "ann").text == "ann by Basic"
    assert ask(httpd, "/any").status == 401


def test_satisfy_any_with_allow_and_deny(httpd: Httpd) -> None:
    httpd.allow("AH01797")
    assert ask(httpd, "/compat", "ann").text == "ann by Basic"
    assert ask(httpd, "/compat").status == 401


def test_require_containers(httpd: Httpd) -> None:
    httpd.allow("AH01631")
    assert ask(httpd, "/required-any", "eve").text == "eve by Basic"
    assert ask(httpd, "/required-any", "ann").status == 401
    assert ask(httpd, "/required-any", method="PUT").status == 200
    assert ask(httpd, "/required-none", "ann").text == "ann by Basic"
    assert ask(httpd, "/required-none", "eve").status == 401


def test_an_error_document_by_python(httpd: Httpd) -> None:
    answer = ask(httpd, "/page")
    assert (answer.status, answer.text) == (401, "a page for 401")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="the house"'


def test_digest_authentication(httpd: Httpd) -> None:
    def curl(user: str) -> str:
        word = USERS.get(user, "wrong")
        return httpd.curl(
            "--digest", "-u", f"{user}:{word}", "-w", " %{http_code}", httpd.url("/digest")
        ).stdout.decode()

    assert curl("ann") == "ann by Digest 200"
    assert curl("eve").endswith(" 403")
    httpd.expect("AH0179.: user `?'?bob")
    assert curl("bob").endswith(" 401")
