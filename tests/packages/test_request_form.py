"""req.form: called, as new programs do it; asked for and set, as programs of mod_python 3 do it."""

import json
from typing import Any

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
ServerLimit 1
MaxRequestWorkers 16
MaxSpareThreads 16
PythonOption mod_python.form.max_fields 3
"""
URL_ENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def told(httpd: Httpd, page: str, body: bytes = b"a=1&b=2", headers: dict[str, str] = URL_ENCODED) -> Any:
    answer = httpd.request("POST", f"/call/request_forms/{page}", body, headers)
    assert answer.status == 200, answer.text
    return json.loads(answer.body) if answer.text.startswith("[") else answer.text


def test_a_call_reads_the_form_once(httpd: Httpd) -> None:
    text = "FieldStorage([('q', '0'), ('a', '1'), ('b', '2')])"
    assert told(httpd, "called?q=0") == [[["q", "0"], ["a", "1"], ["b", "2"]], True, True, True, text]


def test_a_program_that_asks_whether_there_is_one_can_use_it(httpd: Httpd) -> None:
    assert told(httpd, "asked_for", b"a=1") == ["<a form that was not read>", "1", "none", True, 1, ["a"]]


def test_a_program_can_set_its_own(httpd: Httpd) -> None:
    assert told(httpd, "replaced", b"a=1&b=") == ["FieldStorage", ["a", "b"], True]
    assert told(httpd, "replaced?c=1", b"a=1") == ["dict", ["a", "c"], True]


def test_the_limits_are_those_of_the_options(httpd: Httpd) -> None:
    assert httpd.request("POST", "/call/request_forms/called", b"a&b&c&d", URL_ENCODED).status == 413
    assert told(httpd, "refused_twice", b"a&b&c&d") == [413, 413]
    assert told(httpd, "refused_twice", b"--b\r\n", {"Content-Type": "multipart/form-data; boundary=b"}) == [400, 400]


def test_whether_there_is_one_can_be_asked_without_reading_the_body(httpd: Httpd) -> None:
    assert told(httpd, "unread") == ["<a form that was not read>", "a=1&b=2"]


def test_a_kept_form(httpd: Httpd) -> None:
    told(httpd, "keep")
    unread, _ = told(httpd, "use_kept")
    assert "request" in unread
    told(httpd, "keep?read=1")
    assert told(httpd, "use_kept") == ["['read', 'a', 'b']", "['read', 'a', 'b']"]
