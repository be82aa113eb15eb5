"""mod_python.util over httpd: calls with a form's fields, redirections, queries and headers."""

import json
from typing import Any

import pytest

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
"""
PAGES = "/call/argument_pages"
URL_ENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def called(httpd: Httpd, what: str, query: str, status: int = 200) -> Any:
    """What a function answers that is called with the fields of a query; the same comes in a POST body."""
    answers = [
        httpd.get(f"{PAGES}/call?{query}", {"X-Call": what}),
        httpd.request("POST", f"{PAGES}/call", query.encode(), {"X-Call": what, **URL_ENCODED}),
    ]
    assert [answer.status for answer in answers] == [status, status], answers[0].text
    results = [json.loads(answer.text.replace('"POST"', '"GET"')) if status == 200 else None for answer in answers]
    assert results[0] == results[1]
    return results[0]


def test_fields_are_arguments(httpd: Httpd) -> None:
    assert called(httpd, "plain", "a=1") == ["GET", "1", "default"]
    assert called(httpd, "plain", "a=1&b=2&b=3&c=dropped") == ["GET", "1", ["2", "3"]]
    assert called(httpd, "open_ended", "a=1&b=2&b=3") == {"a": "1", "b": ["2", "3"], "req": "req"}
    assert called(httpd, "keyword_only", "a=1&b=2") == ["1", "2", "default"]
    assert called(httpd, "lambda", "a=1&b=2") == ["1", []]


def test_positional_only_parameters_are_filled(httpd: Httpd) -> None:
    assert called(httpd, "positional_only", "a=1&b=2&c=3&d=4") == ["1", "2", "3", {"d": "4", "req": "req"}]
    assert called(httpd, "positional_only", "a=1&c=3") == ["1", "default", "3", {"req": "req"}]


def test_each_kind_of_callable(httpd: Httpd) -> None:
    assert called(httpd, "class", "a=1") == ["1", {"req": "req"}]
    assert called(httpd, "instance", "a=1") == ["called", "1", {"req": "req"}]
    assert called(httpd, "method", "a=1") == ["method", "1", {"req": "req"}]
    assert called(httpd, "class_method", "a=1") == ["class", "1"]
    assert called(httpd, "static_method", "a=1") == ["static", "1"]
    assert called(httpd, "builtin", "a=1") == {}
    assert called(httpd, "bound_builtin", "a=1") == {"fixed": 1}


def test_a_field_cannot_name_what_the_caller_passes(httpd: Httpd) -> None:
    assert called(httpd, "plain", "a=1&req=evil&req=twice") == ["GET", "1", "default"]
    assert called(httpd, "open_ended", "req=evil") == {"req": "req"}


@pytest.mark.parametrize("what", ["method", "instance", "class"])
def test_a_field_cannot_name_self(httpd: Httpd, what: str) -> None:
    assert "self" not in str(called(httpd, what, "a=1&self=evil&cls=2"))


@pytest.mark.parametrize("what", ["plain", "keyword_only", "positional_only", "method", "class_method"])
def test_a_missing_argument_is_400(httpd: Httpd, what: str) -> None:
    called(httpd, what, "b=2&x=3" if what != "keyword_only" else "a=1", status=400)


def test_files_are_arguments(httpd: Httpd) -> None:
    form = ("-F", "f=1;filename=n", "-F", "a=1", "-F", "a=2")
    done = httpd.curl("-H", "X-Call: files", *form, httpd.url(f"{PAGES}/call"))
    assert json.loads(done.stdout) == ["Field", "n", ["1", "2"]]


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 302), ("&permanent=1", 301), *((f"&status={status}", status) for status in (301, 302, 303, 307, 308))],
)
def test_w148_each_status_of_redirect(httpd: Httpd, query: str, status: int) -> None:
    answer = httpd.get(f"{PAGES}/redirect?to=/there%3Fa=1%26b=2{query}")
    assert (answer.status, answer.headers["Location"]) == (status, "/there?a=1&b=2")
    assert answer.text == '<p>The document has moved <a href="/there?a=1&amp;b=2">here</a>.</p>\n'
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def test_w148_a_location_is_escaped(httpd: Httpd) -> None:
    answer = httpd.get(f"{PAGES}/redirect?to=/%22%3E%3Cscript%3E%0D%0AX:%20y/%C3%BC%2541")
    assert answer.headers["Location"] == "/%22%3E%3Cscript%3E%0D%0AX:%20y/%C3%BC%41"
    assert (answer.headers["X"], "<script>" in answer.text) == (None, False)


def test_redirect_with_a_text(httpd: Httpd) -> None:
    answer = httpd.get(f"{PAGES}/redirect?to=/&text=moved&cookie=1&before=1")
    assert (answer.status, answer.text, answer.headers["Set-Cookie"]) == (302, "beforemoved", "a=1")


def test_redirect_after_a_part_was_sent(httpd: Httpd) -> None:
    httpd.expect("OSError: redirect\\(\\) comes too late")
    assert b"sent" in httpd.curl(httpd.url(f"{PAGES}/redirect?to=/&sent=1")).stdout


def test_what_redirect_does_not_take(httpd: Httpd) -> None:
    httpd.expect("ValueError: 200 is no status of redirect", "TypeError: a location is a str, not bytes")
    assert httpd.get(f"{PAGES}/redirect?to=/&status=200").status == 500
    assert httpd.get(f"{PAGES}/redirect_bytes").status == 500


def test_clients_follow(httpd: Httpd) -> None:
    to = f"{PAGES}/call%3Fa=1"
    for status, method in ((303, "GET"), (308, "POST")):
        form = f"to={to}&status={status}"
        done = httpd.curl("-L", "-H", "X-Call: plain", "-d", form, httpd.url(f"{PAGES}/redirect"))
        assert json.loads(done.stdout) == [method, "1", "default"]


def test_queries(httpd: Httpd) -> None:
    pairs = [["a", "1"], ["b", "A b"], ["a", "x=y"]]
    assert json.loads(httpd.get(f"{PAGES}/queries").text) == [
        {"a": ["1", "x=y"], "b": ["A b"]},
        pairs,
        [*pairs, ["c", ""], ["d", ""]],
        pairs,
        65536,
    ]


def test_headers(httpd: Httpd) -> None:
    assert json.loads(httpd.get(f"{PAGES}/headers").text) == [
        ["text/html", {"charset": "utf-8", "a": "b", "c": 'x;y="z"'}],
        ["form-data", {}],
        ["form-data", {"filename": "a\\", "name": "b"}],
        "ff",
    ]


def test_programs_can_set_the_values_of_fields(httpd: Httpd) -> None:
    page = httpd.url(f"{PAGES}/set_values")
    answer = httpd.curl("-F", "a=-1-", "-F", "file=-x-;filename=f", page)
    assert json.loads(answer.stdout) == [[["str", "1"]], "x", "-x-", "1"]


def test_fields_that_programs_make(httpd: Httpd) -> None:
    assert json.loads(httpd.get(f"{PAGES}/field_classes").text) == [
        ["f", "", "text/html", "text/html", {"charset": "x"}, "form-data"],
        {"filename": "n"},
        "n",
        ["value", "value", "text/plain", None, None, {}],
        [2, 3, 4, 5, 4, 3, 2, 1, 2, 2],
        ["f", "f", "f", "f", "t", "t"],
        {},
    ]
