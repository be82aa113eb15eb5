"""mod_python.publisher: the rules __auth__, __access__ and __auth_realm__."""

from base64 import b64encode

import pytest

from httpd import Httpd, Response

CONF = """
Alias "/pub" "${HANDLERS}"
<Directory "${HANDLERS}">
    Require all granted
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Directory>
<Location "/pub/published_checked">
    AuthType Token
    AuthName checked
    PythonAuthenHandler published_checked::authenhandler
    Require valid-user
</Location>
"""
MPMS = ("event", "prefork")
ALICE = "alice:wonderland"
BOB = "bob:builder"


def get(httpd: Httpd, path: str, credentials: str | bytes | None = None) -> Response:
    if isinstance(credentials, str):
        credentials = credentials.encode()
    headers = {} if credentials is None else {"Authorization": f"Basic {b64encode(credentials).decode()}"}
    answer = httpd.get(f"/pub/{path}", headers)
    assert b"secret" not in answer.body
    return answer


def status(httpd: Httpd, name: str, credentials: str | bytes | None = None) -> int:
    return get(httpd, f"published_rules/{name}", credentials).status


def test_what_is_mod_pythons_own_is_not_published(httpd: Httpd) -> None:
    assert get(httpd, "published_imports").text == "the page"
    assert get(httpd, "published_imports/own/mine").text == "mine"
    for path in (
        *(
            "cookie",
            "cookie/value",
            "headers",
            "headers/keys",
            "main_server",
            "main_server/defn_name",
            "method",
            "own/keys",
            "own/list",
        ),
        *("import_module?module_name=antigravity", "build_cgi_env", "config_tree", "log_error?message=x"),
        *("parse?filename=/etc/passwd", "redirect?location=http://evil.example/", "FieldStorage"),
    ):
        assert get(httpd, f"published_imports/{path}").status in {403, 404}, path


@pytest.mark.parametrize("name", ["by_dict", "by_function", "by_coroutine", "nested", "by_dict/inner"])
def test_passwords(httpd: Httpd, name: str) -> None:
    assert status(httpd, name, ALICE) == 200
    for wrong in (None, "alice:", "alice:wonderlan", "alice:wonderlandX", "Alice:wonderland", "eve:wonderland", ":"):
        assert status(httpd, name, wrong) == 401, wrong


def test_w124_a_password_is_a_str_or_bytes(httpd: Httpd) -> None:
    assert status(httpd, "by_dict", "bytes:raw") == 200
    assert status(httpd, "by_dict", "number:42") == 401
    for encoding in ("utf-8", "latin-1"):
        assert status(httpd, "by_dict", "Ö:ü:é".encode(encoding)) == 200


@pytest.mark.parametrize(
    ("name", "anybody"),
    [
        ("by_constant", 200),
        ("constants", 403),
        ("by_lambda", 401),
        ("by_false", 401),
        ("by_none", 401),
    ],
)
def test_constants_hold_for_whoever_has_a_name(httpd: Httpd, name: str, anybody: int) -> None:
    assert status(httpd, name) == status(httpd, name, ":password") == 401
    assert status(httpd, name, "eve:x") == anybody
    assert status(httpd, name, "alice:x") == (401 if name in ("by_false", "by_none") else 200)


def test_w123_the_challenge_has_one_form(httpd: Httpd) -> None:
    for credentials in (None, "eve:x"):
        for name, realm in {
            "by_dict": 'the \\"whole\\" site',
            "by_function": "functions",
            "attributes": "attributes",
            "nested": "nested",
        }.items():
            answer = get(httpd, f"published_rules/{name}", credentials)
            assert answer.headers.get_all("WWW-Authenticate") == [f'Basic realm="{realm}"']
    httpd.handler("no_realm.py", "__auth__ = 0\n")
    assert get(httpd, "no_realm").headers["WWW-Authenticate"] == 'Basic realm="unknown"'
    httpd.expect("ValueError: .*line")
    assert status(httpd, "realm_with_line") == 500


def test_credentials_that_cannot_be_read(httpd: Httpd) -> None:
    for value, expected in {
        "Basic !!!": 400,
        "Basic": 400,
        "Basic YWxpY2U": 400,
        f"Basic {b64encode(b'alice').decode()}": 400,
        "Basic é": 400,
        f"bASIC {b64encode(ALICE.encode()).decode()}": 200,
        "Bearer YWxpY2U6d29uZGVybGFuZA==": 401,
        'Digest username="alice"': 401,
        "": 401,
    }.items():
        answer = httpd.get("/pub/published_rules/by_dict", {"Authorization": value})
        assert answer.status == expected, value
    assert httpd.get("/pub/published/hello", {"Authorization": "Basic !!!"}).status == 200


@pytest.mark.parametrize("kind", ["list", "tuple", "set", "function", "keys", "deque"])
def test_access(httpd: Httpd, kind: str) -> None:
    assert status(httpd, f"access_{kind}", ALICE) == 200
    assert status(httpd, f"access_{kind}", BOB) == 403
    assert status(httpd, f"access_{kind}") == status(httpd, f"access_{kind}", "alice:x") == 401


def test_access_by_a_constant_and_alone(httpd: Httpd) -> None:
    assert (status(httpd, "access_true", BOB), status(httpd, "access_false", ALICE)) == (200, 403)
    assert (status(httpd, "access_alone"), status(httpd, "access_alone", "bob:x")) == (403, 403)
    assert status(httpd, "closed") == status(httpd, "wrapped") == status(httpd, "wrapped", ALICE) == 403


@pytest.mark.parametrize("rule", ["raises", "access_raises", "broken"])
def test_a_rule_that_fails_lets_nobody_in(httpd: Httpd, rule: str) -> None:
    httpd.expect("KeyError: 'a rule that fails'" if rule != "broken" else "LookupError: no rule to be had")
    assert status(httpd, rule, ALICE) == 500


@pytest.mark.parametrize("rule", ["generates", "access_generates"])
def test_a_rule_that_decides_nothing_lets_nobody_in(httpd: Httpd, rule: str) -> None:
    httpd.expect("TypeError: a rule of the publisher returns true or false, and this one returns a generator")
    assert status(httpd, rule, ALICE) == 500


def test_a_rule_may_answer_by_itself(httpd: Httpd) -> None:
    answer = get(httpd, "published_rules/redirects", ALICE)
    assert (answer.status, answer.headers["Location"]) == (302, "/login")
    assert status(httpd, "access_coroutine", ALICE) == 403


@pytest.mark.parametrize("name", ["with_dict", "with_variable", "with_choice", "with_two"])
def test_a_rule_in_a_function_that_cannot_be_read_lets_nobody_in(httpd: Httpd, name: str) -> None:
    rule = "__auth__" if name in ("with_dict", "with_variable") else "__access__"
    httpd.expect(rf"TypeError: {rule} in the function {name} of .*write below the function: {name}.{rule} = ")
    assert status(httpd, name, ALICE) == 500


def test_a_parameter_is_no_rule(httpd: Httpd) -> None:
    assert get(httpd, "published_rules/with_parameter?__access__=1").text == "a field 1"


ODD = "filter map iterator text bytes class declined number float".split()


@pytest.mark.parametrize("rule", [*(f"{kind}_{name}" for kind in ("access", "auth") for name in ODD), "auth_list"])
def test_a_value_that_can_be_no_rule_lets_nobody_in(httpd: Httpd, rule: str) -> None:
    httpd.expect("TypeError: (__access__|__auth__) of the publisher cannot be a |TypeError: a rule of the publisher is")
    assert status(httpd, f"odd_{rule}", ALICE) == status(httpd, f"odd_{rule}", ALICE) == 500


@pytest.mark.parametrize("result", ["filter", "map", "iterator", "declined", "number"])
def test_a_result_that_is_no_decision_lets_nobody_in(httpd: Httpd, result: str) -> None:
    httpd.expect("TypeError: a rule of the publisher (is|returns) true or false")
    assert status(httpd, f"odd_result_{result}", ALICE) == 500


@pytest.mark.parametrize("kind", ["access", "auth", "result"])
def test_a_status_is_the_answer(httpd: Httpd, kind: str) -> None:
    answer = get(httpd, f"published_rules/odd_{kind}_status", ALICE)
    assert (answer.status, "WWW-Authenticate" in answer.headers) == (401, True)
    assert status(httpd, f"odd_{kind}_forbidden", ALICE) == 403


@pytest.mark.parametrize(
    "name",
    "cached cached_wrapper partial partial_of_cached partial_of_attributed wrapping inheriting calling calling/method "
    "calling_attributed calling_static".split(),
)
def test_what_wraps_a_function_keeps_its_rules(httpd: Httpd, name: str) -> None:
    assert status(httpd, name, ALICE) == status(httpd, name) == 403


def test_what_wraps_others_without_an_end_lets_nobody_in(httpd: Httpd) -> None:
    httpd.expect("TypeError: the rules of a Endless cannot be read")
    assert status(httpd, "endless", ALICE) == 500


def test_access_looks_at_the_user_that_httpd_has_checked(httpd: Httpd) -> None:
    def user(path: str, token: str, credentials: str | None = None) -> tuple[int, str]:
        headers = {"X-Token": token}
        if credentials:
            headers["Authorization"] = f"Basic {b64encode(credentials.encode()).decode()}"
        answer = httpd.get(f"/pub/published_checked/{path}", headers)
        return answer.status, answer.text if answer.status == 200 else ""

    assert httpd.get("/pub/published_checked/listed").status == 401
    for path in ("listed", "called", "held/inner"):
        assert user(path, "alice") == user(path, "alice", "eve:x") == (200, "for alice")
        assert user(path, "eve")[0] == user(path, "eve", ALICE)[0] == 403
    assert user("constant", "eve", ALICE)[0] == 403
    assert user("constant", "alice", "eve:x") == (200, "for alice")
    assert user("both", "eve", ALICE) == (200, "for eve")
    assert user("both", "alice", BOB)[0] == 403
    assert user("both", "alice")[0] == 401
    assert httpd.get("/pub/published_checked/listed", {"X-Token": "alice", "Authorization": "Basic !"}).status == 200


def test_rules_on_functions_and_methods(httpd: Httpd) -> None:
    assert get(httpd, "published_rules/attributes", ALICE).text == "hello alice Basic"
    assert status(httpd, "attributes", BOB) == 403
    for name in ("guarded", "attribute"):
        assert get(httpd, f"published_rules/methods/{name}", ALICE).text == "method for alice"
        assert status(httpd, f"methods/{name}", BOB) == 403
        assert status(httpd, f"methods/{name}") == 401


def test_each_rule_on_the_way_must_be_met(httpd: Httpd) -> None:
    assert get(httpd, "published_rules/outer/room/inner", ALICE).text == "inner for alice"
    assert status(httpd, "outer", BOB) == 200
    answer = get(httpd, "published_rules/outer/room", BOB)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="inner"')
    assert get(httpd, "published_rules/outer/room").headers["WWW-Authenticate"] == 'Basic realm="outer"'


def test_rules_of_a_module_come_first(httpd: Httpd) -> None:
    assert get(httpd, "published_members", ALICE).text == "hello alice"
    for name in ("", "/nowhere", "/_hidden", "/index", "/nobody"):
        answer = get(httpd, f"published_members{name}")
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="members"')
    assert get(httpd, "published_members/nobody", ALICE).status == 403
    assert get(httpd, "published_members/nowhere", ALICE).status == 404


def test_the_user_is_in_the_access_log_and_stays_out_of_others(httpd: Httpd) -> None:
    assert get(httpd, "published_rules/by_dict/inner", ALICE).text == "inner for alice"
    assert get(httpd, "published_rules/attributes", BOB).status == 403
    assert get(httpd, "published/hello").text == "hello nobody plainly"
