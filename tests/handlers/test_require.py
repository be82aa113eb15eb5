"""Require python: functions beside httpd's own rules, in RequireAny, RequireAll and RequireNone."""

import base64
import itertools
import re
from concurrent.futures import ThreadPoolExecutor

import decisions
import pytest

from httpd import Httpd, Response, ServerError

MPMS = ("event", "prefork")
USERS = {"ann": "secret", "eve": "apple"}
PLACE = """
<Location "/{name}">
    SetHandler mod_python
    PythonHandler guards::page
    {lines}
</Location>
"""
BASIC = 'AuthType Basic\nAuthName "the house"\nAuthBasicProvider python\nPythonAuthProvider guards\n'
PLACES = {
    "group": BASIC + "Require python guards::in_group editors admins",
    "group-forbids": BASIC + "AuthzSendForbiddenOnFailure On\nRequire python guards::in_group editors",
    "quoted": BASIC + "Require python guards::in_group 'no group' \"editors\"",
    "path": BASIC + "Require python ${HANDLERS}/guards.py::in_group editors",
    "userless": "Require python guards::inside",
    "userless-with-type": BASIC + "Require python guards::inside",
    "explicit": BASIC + "Require python guards::explicit",
    "explicit-without-type": "Require python guards::explicit",
    "any": BASIC + "<RequireAny>\nRequire python guards::inside\nRequire user eve\n</RequireAny>",
    "all": BASIC + "<RequireAll>\nRequire python guards::inside\nRequire valid-user\n</RequireAll>",
    "none": BASIC
    + "<RequireAll>\nRequire valid-user\n<RequireNone>\nRequire python guards::in_group editors\n</RequireNone>\n"
    "</RequireAll>",
    "not": BASIC + "<RequireAll>\nRequire valid-user\nRequire not python guards::in_group editors\n</RequireAll>",
    "odd": "Require python guards::odd",
    "odd-not": "<RequireAll>\nRequire all granted\nRequire not python guards::odd\n</RequireAll>",
    "odd-any": "<RequireAny>\nRequire python guards::odd\nRequire all granted\n</RequireAny>",
    "missing": "Require python guards::nothing",
    "no-module": "Require python guards_that_are_not_there::f",
    "outer": "Require python guards::inside",
    "outer/merged": "AuthMerging And\nRequire method GET",
    "outer/either": "AuthMerging Or\nRequire method PUT",
    "outer/alone": "Require all granted",
    "alias": BASIC + "Require editors",
    "handler": BASIC + "Require python guards::odd raise\nPythonAuthzHandler users::settle",
    "key": "Require python guards::by_key",
    "form": "Require python guards::by_form",
    "session": "Require python guards::by_session\nPythonHandler guards::waits\n"
    "PythonOption mod_python.session.session_type FileSession\n"
    "PythonOption mod_python.session.database_directory ${HTDOCS}\nPythonOption mod_python.session.lock_timeout 0.2",
    "odd-with-type": BASIC + "Require python guards::odd",
    "late": "Require python guards::late\nPythonInterpreter another\nPythonAuthProvider guards::desk",
    "marked": "Require python guards::marks\nPythonHandler guards::marked",
    "debug": "Require python guards::odd raise\nPythonDebug On",
    "error-page": "Require python guards::inside\nErrorDocument 403 /told",
}
CONF = """
<AuthzProviderAlias python editors "guards::in_group editors">
    PythonOption editors yes
</AuthzProviderAlias>
<Location /status>
    SetHandler server-status
</Location>
<Location /told>
    SetHandler mod_python
    PythonHandler users::told
</Location>
<Directory ${HTDOCS}/listed>
    Options Indexes Includes
    IndexOptions FancyIndexing
    AddOutputFilter INCLUDES .shtml
    Require all granted
    <Files "*.txt">
        Require python guards::not_secret
    </Files>
</Directory>
<Directory ${HTDOCS}/by-name>
    Options MultiViews
    DirectoryIndex secret.txt
    Require python guards::not_secret
</Directory>
""" + "".join(PLACE.format(name=name, lines=lines) for name, lines in PLACES.items())
DENIED = "AH01630: client denied by server configuration"


def ask(httpd: Httpd, path: str, user: str | None = None, method: str = "GET") -> Response:
    word = base64.b64encode(f"{user}:{USERS.get(user or '', 'x')}".encode()).decode()
    return httpd.request(method, path, headers={"Authorization": f"Basic {word}"} if user else {})


def statuses(httpd: Httpd, path: str, *users: str | None) -> list[int]:
    return [ask(httpd, path, user).status for user in users]


def test_a_function_that_looks_at_the_user_is_asked_again_with_one(httpd: Httpd) -> None:
    httpd.allow("AH01631: user eve: authorization failure", "AH01618: user bob")
    for place in ("/group", "/quoted", "/path", "/alias"):
        asks = ask(httpd, place)
        assert (asks.status, asks.headers["WWW-Authenticate"]) == (401, 'Basic realm="the house"')
        assert ask(httpd, place, "ann").text == "ann by Basic"
        assert statuses(httpd, place, "eve", "bob") == [401, 401]
    assert statuses(httpd, "/group-forbids", None, "ann", "eve") == [401, 200, 403]


def test_without_an_auth_type_no_is_a_403(httpd: Httpd) -> None:
    assert ask(httpd, "/userless?in").text == "None by None"
    httpd.expect(DENIED)
    assert statuses(httpd, "/userless?out", None, "ann") == [403, 403]
    # Neutral: the line says nothing, so nothing lets the request in.
    assert ask(httpd, "/userless").status == 403
    assert ask(httpd, "/userless-with-type?in").text == "None by None"
    httpd.allow("AH01631|AH01629")
    assert statuses(httpd, "/userless-with-type?out", None, "ann") == [401, 401]


def test_a_function_can_say_whether_a_user_would_help(httpd: Httpd) -> None:
    httpd.allow("AH01631", DENIED)
    assert statuses(httpd, "/explicit", None, "ann", "eve") == [401, 200, 401]
    assert statuses(httpd, "/explicit?never", None, "ann") == [403, 403]
    httpd.expect("AH00025: configuration error:  couldn't check user: /explicit-without-type|AH00027")
    assert ask(httpd, "/explicit-without-type").status == 500


def test_containers(httpd: Httpd) -> None:
    httpd.allow("AH01631", DENIED)
    assert statuses(httpd, "/any?in", None, "ann") == [200, 200]
    assert statuses(httpd, "/any?out", None, "ann", "eve") == [401, 401, 200]
    assert statuses(httpd, "/any", None, "ann", "eve") == [401, 401, 200]
    assert statuses(httpd, "/all?in", None, "ann") == [401, 200]
    assert statuses(httpd, "/all?out", None, "ann") == [401, 401]
    for place in ("/none", "/not"):
        assert statuses(httpd, place, None, "ann", "eve") == [401, 401, 200]


def test_sections_merge(httpd: Httpd) -> None:
    httpd.allow(DENIED)
    for query, method in itertools.product(("in", "out"), ("GET", "PUT")):
        answers = {
            place: ask(httpd, f"/outer/{place}?{query}", method=method).status == 200
            for place in ("merged", "either", "alone")
        }
        is_in, is_put = query == "in", method == "PUT"
        assert answers == {"merged": is_in and not is_put, "either": is_in or is_put, "alone": True}


RESULTS = ["1", "0", "text", "empty", "list", "ok", "teapot"]
FAILURES = {
    **decisions.FAILURES,
    "async": "guards::odd is an 'async def'",
    **dict.fromkeys(RESULTS, r"guards::odd gave \w+( \d+)?: it returns True, False, None, apache.HTTP_UNAUTHORIZED"),
}


@pytest.mark.parametrize("query", FAILURES)
def test_a_failure_lets_nobody_in_not_even_where_it_is_negated(httpd: Httpd, query: str) -> None:
    for place in ("/odd", "/odd-not", "/odd-any"):
        httpd.expect(rf"Require python guards::odd \(.*\) failed for \"GET {place}.*{FAILURES[query]}")
        answer = ask(httpd, f"{place}?{query}")
        assert (answer.status, b"come in" in answer.body) == (500, False)


def test_a_status_that_is_raised_is_the_answer(httpd: Httpd) -> None:
    for place, status in itertools.product(("/odd", "/odd-not", "/odd-any"), (400, 401, 403, 413, 503)):
        answer = ask(httpd, f"{place}?status={status}")
        assert (answer.status, b"come in" in answer.body) == (status, False)
    for user, status in itertools.product((None, "ann"), (401, 403, 503)):
        answer = ask(httpd, f"/odd-with-type?status={status}", user)
        assert (answer.status, "WWW-Authenticate" in answer.headers) == (status, status == 401)


def test_a_result_that_is_raised_and_no_error_is_a_failure(httpd: Httpd) -> None:
    for place, status in itertools.product(("/odd", "/odd-not", "/odd-any"), (-1, -2, 302)):
        httpd.expect(r"Require python guards::odd \(.*\) failed for .*SERVER_RETURN")
        assert ask(httpd, f"{place}?status={status}").status == 500


def test_what_a_form_raises_is_the_answer(httpd: Httpd) -> None:
    httpd.allow(DENIED)
    answers = {
        (b"key=gold", "application/x-www-form-urlencoded"): 200,
        (b"key=tin", "application/x-www-form-urlencoded"): 403,
        (b"x", "multipart/form-data"): 400,
        (b"a=1&" * 1001, "application/x-www-form-urlencoded"): 413,
        (b"x", "text/plain"): 501,
    }
    for (body, kind), status in answers.items():
        assert httpd.request("POST", "/form", body, {"Content-Type": kind}).status == status


def test_a_session_that_is_in_use_is_503(httpd: Httpd) -> None:
    flag = httpd.state / "go-on"
    flag.unlink(missing_ok=True)
    httpd.htdocs.chmod(0o777)
    cookie = {"Cookie": "pysid=" + ask(httpd, "/session").headers["Set-Cookie"].partition("=")[2].partition(";")[0]}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(httpd.get, f"/session?{flag}", cookie)
        httpd.wait_for_log("guards: waits for")
        httpd.expect("the session .* is in use by another request for more than 0.2 s")
        refused = httpd.get("/session", cookie)
        flag.touch()
        assert refused.status == 503
        assert first.result().status == 200
    assert httpd.get("/session", cookie).status == 200


def test_what_is_missing_lets_nobody_in(httpd: Httpd) -> None:
    httpd.expect(r"Require python guards::nothing \(.*:\d+\) failed for .*contains no 'nothing'")
    assert ask(httpd, "/missing").status == 500
    httpd.expect("Require python guards_that_are_not_there::f .*ModuleNotFoundError")
    assert ask(httpd, "/no-module").status == 500


def test_an_authorization_handler_comes_between(httpd: Httpd) -> None:
    # Require is evaluated before there is a user, too: a handler of the phase behind it cannot settle that.
    httpd.expect("Require python guards::odd raise .*KeyError")
    assert ask(httpd, "/handler", "ann").status == 500


def test_a_function_can_read_the_body(httpd: Httpd) -> None:
    httpd.allow(DENIED)
    assert httpd.request("POST", "/key", b"the key").status == 200
    assert httpd.request("POST", "/key", b"a key").status == 403
    sent = b"POST /key HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nthe"
    assert b"200 OK" not in httpd.raw(sent, half_close=True)


def test_it_runs_in_the_interpreter_of_its_section_and_can_add_handlers(httpd: Httpd) -> None:
    answer = ask(httpd, "/late")
    assert answer.text == "fixed by None"
    assert (answer.headers["X-Interpreter"], answer.headers["X-Provider"]) == ("another", "guards::desk")


def test_what_it_reads_and_leaves_is_there_for_handlers(httpd: Httpd) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert httpd.request("POST", "/marked", b"key=gold", form).text.endswith("gold gold")
    httpd.expect(DENIED)
    assert httpd.request("POST", "/marked", b"key=tin", form).status == 403


def test_its_calls_are_counted_and_its_failures_not_shown(httpd: Httpd) -> None:
    def counts() -> list[int]:
        lines = httpd.get("/status?auto").text
        names = ("PythonAuthenHandlerCalls", "PythonAuthzHandlerCalls", "PythonAuthzHandlerErrors")
        return [int((re.findall(rf"^{name}: (\d+)$", lines, re.MULTILINE) or [0])[0]) for name in names]

    before = counts()
    assert ask(httpd, "/group", "ann").status == 200
    httpd.expect("KeyError: 'the database is away'")
    answer = ask(httpd, "/debug")
    assert (answer.status, b"KeyError" in answer.body) == (500, False)
    # Require is evaluated before there is a user, and with one.
    assert [after - earlier for earlier, after in zip(before, counts(), strict=True)] == [1, 3, 1]


def test_an_error_page(httpd: Httpd) -> None:
    httpd.expect(DENIED)
    answer = ask(httpd, "/error-page?out")
    assert (answer.status, answer.text) == (403, "a page for 403")


def test_listings_and_includes_ask_for_files_of_other_sections(httpd: Httpd) -> None:
    httpd.allow(DENIED, "AH01374|unable to include")
    for name in ("one.txt", "secret.txt"):
        httpd.write(f"listed/{name}", name)
    httpd.write(
        "listed/page.shtml",
        '<!--#include virtual="one.txt" --> <!--#config errmsg="no" --><!--#include virtual="secret.txt" -->',
    )
    listing = httpd.get("/listed/").text
    assert "one.txt" in listing
    assert "secret.txt" not in listing
    assert httpd.get("/listed/page.shtml").text.strip() == "one.txt no"
    assert httpd.get("/listed/secret.txt").status == 403


def test_an_index_and_multiviews_ask_for_no_file_of_the_same_section(httpd: Httpd) -> None:
    """docs/access-control.md says so: rules about single files belong into <Files>."""
    httpd.allow(DENIED)
    httpd.write("by-name/secret.txt", "found")
    assert [httpd.get(f"/by-name/{name}").status for name in ("secret.txt", "", "secret")] == [403, 200, 200]


def test_a_line_that_names_no_function_fails_configtest() -> None:
    for line, said in {
        "Require python": "names no function: write Require python module::function",
        "Require python guards": "'guards' names no function: write Require python guards::function",
        "Require not python ./x.py::f": "is for the directory of a section, and this stands in none",
        "Require python a-b::c": "'a-b::c' does not name a handler: write module or module::function",
        "PythonAuthProvider": "takes one argument: write module, or module::object",
        "PythonAuthProvider a b": "takes one argument",
        "PythonAuthProvider a::": "names no function after '::'",
    }.items():
        lines = f"<RequireAll>\nRequire all granted\n{line}\n</RequireAll>" if line.startswith("R") else line
        with pytest.raises(ServerError) as failed, Httpd(f"<Location />\n{lines}\n</Location>"):
            pass
        assert said in str(failed.value), line
