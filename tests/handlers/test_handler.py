"""What a content handler's result does, and how a list of handlers goes on."""

import pytest

from httpd import Httpd

LISTS = {
    "ok": "ok",
    "ok-ok": "ok ok",
    "declined-ok": "declined ok",
    "ok-declined": "ok declined",
    "declined": "declined",
    "written-declined": "written_then_declined",
    "done": "done ok",
    "not-found": "not_found ok",
    "moved": "moved ok",
    "unknown": "unknown",
    "two-hundred": "two_hundred",
    "int-enum": "int_enum",
    "none": "none ok",
    "boolean": "boolean",
    "text": "text",
    "huge": "huge",
    "raises-ok": "raises_ok ok",
    "raises-declined": "raises_declined ok",
    "raises-gone": "raises_gone ok",
    "raises-two": "raises_two",
    "raises-class": "raises_class",
    "raises-text": "raises_text",
    "status-body": "status_and_body",
    "status-result": "status_and_result",
    "status-line": "status_line",
    "nothing": "nothing",
    "method": "Page.show",
    "instance": "instance",
    "made-up": "made_up",
}
CONF = (
    """
SetHandler mod_python
ErrorDocument 410 "gone, says ErrorDocument"
"""
    + "\n".join(
        f"<Location /{name}>\nPythonHandler {' '.join(f'results::{word}' for word in words.split())}\n</Location>"
        for name, words in LISTS.items()
    )
    + """
<Location /old-name>
    SetHandler python-program
    PythonHandler results::ok
</Location>
<Location /no-list>
    PythonOption a b
</Location>
"""
)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ok", "ok;"),
        ("/ok-ok", "ok;ok;"),
        ("/declined-ok", "ok;"),
        ("/done", "done;"),
        ("/raises-ok", "raised;ok;"),
        ("/raises-declined", "ok;"),
        ("/nothing", ""),
        ("/method", "True;"),
        ("/instance", "called;"),
        ("/made-up", "ok;"),
        ("/old-name", "ok;"),
    ],
)
def test_w3_w21_a_list_goes_on_after_ok_and_declined(httpd: Httpd, path: str, body: str) -> None:
    answer = httpd.get(path)
    assert (answer.status, answer.text) == (200, body)


def test_declined_gives_the_request_to_httpd(httpd: Httpd) -> None:
    httpd.write("declined", "the file")
    answer = httpd.get("/declined")
    assert (answer.status, answer.text, answer.headers["X-Declined"]) == (200, "the file", "yes")


def test_the_last_result_of_a_list_decides(httpd: Httpd) -> None:
    httpd.write("ok-declined", "the file")
    assert httpd.get("/ok-declined").text == "ok;the file"


def test_what_was_written_before_declining_stands_in_front(httpd: Httpd) -> None:
    httpd.write("written-declined", "the file")
    assert httpd.get("/written-declined").text == "written;the file"


def test_no_handler_for_the_request_is_declined(httpd: Httpd) -> None:
    httpd.write("no-list", "the file")
    assert httpd.get("/no-list").text == "the file"


def test_an_http_status_ends_the_list_with_httpds_page(httpd: Httpd) -> None:
    answer = httpd.get("/not-found")
    assert answer.status == 404
    assert "dropped" not in answer.text
    assert "ok;" not in answer.text
    assert (answer.headers["X-Plain"], answer.headers["X-Error"]) == (None, "yes")


def test_redirects(httpd: Httpd) -> None:
    answer = httpd.get("/moved")
    assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


def test_statuses_that_http_does_not_know_are_500(httpd: Httpd) -> None:
    httpd.expect("python:error.*ValueError: results::unknown gave ")
    assert httpd.get("/unknown").status == 500


def test_w9_a_result_of_200_is_ok_with_a_warning(httpd: Httpd) -> None:
    httpd.expect(r"python:warn.*results::two_hundred: 200 is no result for a handler: return apache.OK")
    answer = httpd.get("/two-hundred")
    assert (answer.status, answer.text) == (200, "fine")


def test_w4_any_kind_of_int_is_a_result(httpd: Httpd) -> None:
    answer = httpd.get("/int-enum")
    assert (answer.status, answer.text) == (410, "gone, says ErrorDocument")


@pytest.mark.parametrize(
    ("path", "name", "text"),
    [
        ("/none", "none", "gave NoneType: a handler returns apache.OK, apache.DECLINED"),
        ("/boolean", "boolean", "gave bool: a handler returns apache.OK, apache.DECLINED"),
        ("/text", "text", "gave str: a handler returns apache.OK, apache.DECLINED"),
        ("/huge", "huge", "gave int: a handler returns apache.OK, apache.DECLINED"),
    ],
)
def test_w4_other_results_are_500_with_a_sentence(httpd: Httpd, path: str, name: str, text: str) -> None:
    httpd.expect(rf"TypeError: results::{name} {text}")
    httpd.allow(f"PythonHandler results::{name}")
    answer = httpd.get(path)
    assert answer.status == 500
    assert "dropped" not in answer.text
    assert "never awaited" not in httpd.log()


def test_server_return_with_a_status_ends_the_list(httpd: Httpd) -> None:
    answer = httpd.get("/raises-gone")
    assert (answer.status, answer.text) == (410, "gone, says ErrorDocument")


def test_server_return_with_a_result_and_a_status(httpd: Httpd) -> None:
    answer = httpd.get("/raises-two")
    assert (answer.status, answer.text) == (201, "own body")


def test_server_return_without_a_result(httpd: Httpd) -> None:
    httpd.expect(r"TypeError: SERVER_RETURN takes a result: raise SERVER_RETURN\(apache.DONE\)")
    httpd.allow("results::raises_class")
    assert httpd.get("/raises-class").status == 500


def test_server_return_with_what_is_no_result(httpd: Httpd) -> None:
    httpd.expect("TypeError: SERVER_RETURN gave str: a handler returns")
    httpd.allow("results::raises_text")
    assert httpd.get("/raises-text").status == 500


def test_b10_a_status_with_an_own_body(httpd: Httpd) -> None:
    answer = httpd.get("/status-body")
    assert (answer.status, answer.text) == (404, "not here, says the handler")


def test_b10_a_result_wins_over_a_status(httpd: Httpd) -> None:
    assert httpd.get("/status-result").status == 403


def test_w11_status_line_sets_the_status(httpd: Httpd) -> None:
    head, _, body = httpd.raw(b"GET /status-line HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 418 I'm a teapot\r\n")
    assert body == b"418"


def test_requests_are_logged_once(httpd: Httpd) -> None:
    for path, status in (("/ok?once", 200), ("/not-found?once", 404)):
        httpd.get(path)
        httpd.wait_for_request(f"{status} GET {path}")
    logged = [line for line in httpd.requests() if "?once" in line]
    assert logged == ["200 GET /ok?once HTTP/1.1", "404 GET /not-found?once HTTP/1.1"]
