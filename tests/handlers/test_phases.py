"""What results do in each phase, and how lists of handlers go on there."""

import json

import pytest

from httpd import Httpd

# Which results let the next handler of a list run: (phase, of OK, of DECLINED).
GOES_ON = [
    ("PythonPostReadRequestHandler", True, True),
    ("PythonTransHandler", False, True),
    ("PythonInitHandler", True, True),
    ("PythonHeaderParserHandler", True, True),
    ("PythonAccessHandler", True, True),
    ("PythonTypeHandler", False, True),
    ("PythonFixupHandler", True, True),
    ("PythonHandler", True, True),
]
LISTS = ["ok ok2", "declined ok2", "raised_ok ok2", "raised_declined ok2"]


def host(phase: str, names: str, port: str, more: str = "") -> str:
    handlers = " ".join(f"any_phase::{name}" for name in names.split())
    told = "" if phase == "PythonHandler" else "PythonHandler any_phase::tell"
    end = " any_phase::tell" if phase == "PythonHandler" else ""
    return f"""
Listen 127.0.0.1:${{{port}}}
<VirtualHost *:${{{port}}}>
    DocumentRoot ${{HTDOCS}}
    SetHandler mod_python
    {phase} {handlers}{end}
    {told}
    {more}
</VirtualHost>
"""


PORTS = {(phase, names): f"PORT{n}" for n, (phase, names) in enumerate((p[0], n) for p in GOES_ON for n in LISTS)}
AUTH = """
    <Location /{name}>
        SetHandler mod_python
        AuthType X
        Require user {user}
        PythonAuthenHandler {authen}
        PythonAuthzHandler {authz}
        PythonHandler any_phase::tell
    </Location>
"""
PLACES = {
    "init-fails": "PythonInitHandler any_phase::ok any_phase::failing any_phase::ok2",
    "access-fails": "PythonAccessHandler any_phase::failing any_phase::ok2",
    "exits": "PythonFixupHandler any_phase::exiting any_phase::ok2",
    "gone": "PythonHeaderParserHandler any_phase::gone any_phase::ok2",
    "done": "PythonFixupHandler any_phase::ok any_phase::done any_phase::ok2",
    "written": "PythonFixupHandler any_phase::written",
    "written-done": "PythonAccessHandler any_phase::written_done",
    "unknown": "PythonAccessHandler any_phase::unknown",
    "two-hundred": "PythonAccessHandler any_phase::two_hundred",
    "log-fails": "PythonLogHandler any_phase::failing any_phase::log",
    "logs": "PythonFixupHandler any_phase::ok\nPythonLogHandler any_phase::ok2 any_phase::declined any_phase::log",
    "kept": """
        PythonInitHandler any_phase::kept
        PythonTypeHandler any_phase::kept
        PythonFixupHandler any_phase::kept
        PythonHandler any_phase::tell_kept""",
    "redirected": "ErrorDocument 404 /redirect-target\nPythonHandler any_phase::redirect",
    "redirect-target": "PythonHandler any_phase::after_redirect",
    "phases": "\n".join(f"{phase} any_phase::named" for phase, *_ in GOES_ON[2:] if phase != "PythonHandler"),
    "nothing": "",
}
CONF = (
    "".join(host(phase, names, port) for (phase, names), port in PORTS.items())
    + "SetHandler mod_python\nPythonHandler any_phase::tell\n"
    + "".join(f"<Location /{name}>\n{lines}\n</Location>\n" for name, lines in PLACES.items())
    + AUTH.format(
        name="authen-list", user="ann", authen="any_phase::declined any_phase::user any_phase::ok2", authz="none"
    )
    + AUTH.format(name="authz-ok", user="eve", authen="any_phase::user", authz="any_phase::ok any_phase::ok2")
    + AUTH.format(
        name="authz-declined", user="ann", authen="any_phase::user", authz="any_phase::declined any_phase::declined"
    )
    + AUTH.format(name="authz-refused", user="eve", authen="any_phase::user", authz="any_phase::declined")
).replace("PythonAuthzHandler none", "")


@pytest.mark.parametrize(("phase", "on_ok", "on_declined"), GOES_ON)
def test_b2_results_that_a_list_goes_on_after(httpd: Httpd, phase: str, on_ok: bool, on_declined: bool) -> None:
    for names in LISTS:
        first, second = names.split()
        goes_on = on_ok if first in ("ok", "raised_ok") else on_declined
        httpd.write("index.html", "")
        answer = httpd.request("GET", "/index.html", port=httpd.port_of(PORTS[phase, names]))
        assert answer.status == 200, (names, answer.text)
        assert json.loads(answer.text) == ([first, second] if goes_on else [first]), names


def test_b2_authentication_goes_on_after_declined(httpd: Httpd) -> None:
    assert json.loads(httpd.get("/authen-list").text) == ["declined"]


def test_authorization_by_python_settles_it(httpd: Httpd) -> None:
    assert json.loads(httpd.get("/authz-ok").text) == ["ok"]


def test_b2_authorization_goes_on_after_declined(httpd: Httpd) -> None:
    assert json.loads(httpd.get("/authz-declined").text) == ["declined", "declined"]
    httpd.allow("AH01631")
    assert httpd.get("/authz-refused").status in (401, 403)


def test_b7_an_exception_ends_the_list_and_the_request(httpd: Httpd) -> None:
    for path, directive in (("/init-fails", "PythonInitHandler"), ("/access-fails", "PythonAccessHandler")):
        httpd.expect(rf"{directive} any_phase::failing \(\S+fragment.conf:\d+\) failed.*LookupError: in the middle")
        assert httpd.get(path).status == 500


def test_b6_system_exit_ends_the_request_only_and_is_logged(httpd: Httpd) -> None:
    pids = httpd.children()
    httpd.expect("SystemExit: the handler wants out")
    assert httpd.get("/exits").status == 500
    assert httpd.children() == pids


def test_b10_a_status_ends_the_request(httpd: Httpd) -> None:
    assert httpd.get("/gone").status == 410


def test_done_ends_the_request_at_once(httpd: Httpd) -> None:
    answer = httpd.get("/done")
    assert (answer.status, answer.text) == (200, "")
    answer = httpd.get("/written-done")
    assert (answer.status, answer.text, answer.headers["Content-Length"]) == (200, "that is all", "11")


def test_what_an_early_phase_wrote_stands_in_front(httpd: Httpd) -> None:
    assert httpd.get("/written").text == 'written early;["written"]'


def test_w9_unknown_results_are_logged(httpd: Httpd) -> None:
    httpd.expect(
        "python:error.*ValueError: any_phase::unknown gave 999, .*: a handler returns apache.OK, apache.DECLINED"
    )
    assert httpd.get("/unknown").status == 500


def test_w9_a_result_of_200_is_taken_for_ok(httpd: Httpd) -> None:
    httpd.expect("python:warn.*any_phase::two_hundred: 200 is no result for a handler: return apache.OK")
    assert httpd.get("/two-hundred").status == 200


def test_log_handlers_see_what_was_and_cannot_stop_the_access_log(httpd: Httpd) -> None:
    httpd.get("/logs")
    httpd.wait_for_log(r"logged with \['ok', 'ok2', 'declined'\], PythonLogHandler")
    before = len(httpd.requests())
    httpd.expect("PythonLogHandler any_phase::failing .* failed.*LookupError")
    assert httpd.get("/log-fails").status == 200
    httpd.wait_for_request("200 GET /log-fails", before)
    assert "logged with" not in httpd.log().split("log-fails")[1]


def test_b13_phase_is_the_directive_that_runs(httpd: Httpd) -> None:
    names = [phase for phase, *_ in GOES_ON[2:] if phase not in ("PythonHandler",)]
    assert json.loads(httpd.get("/phases").text) == names


def test_b28_a_request_keeps_its_identity_over_phases(httpd: Httpd) -> None:
    assert httpd.get("/kept").text == "['PythonInitHandler', 'PythonTypeHandler', 'PythonFixupHandler'] True"


def test_b28_attributes_are_seen_from_the_other_side_of_a_redirect(httpd: Httpd) -> None:
    answer = httpd.get("/redirected")
    assert (answer.status, answer.text) == (404, "from the first request, True")
