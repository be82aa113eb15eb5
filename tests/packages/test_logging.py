"""mod_python.logging: Python's levels are httpd's, and LogLevel decides."""

import json
import re

from httpd import Httpd

MODULES = ("headers",)
CONF = """
SetHandler mod_python
PythonHandler call_by_path
ErrorLogFormat "[%{u}t] [%-m:%l] [pid %P] [client %a] [id %L] [%F] %M"
Header always set X-Id "expr=%{REQUEST_LOG_ID}"
<Location "/call/logging_handlers/levels/debug">
    LogLevel python:debug
</Location>
<Location "/call/logging_handlers/levels/trace">
    LogLevel error python:trace8
</Location>
<Location "/call/logging_handlers/levels/core">
    LogLevel core:trace8
</Location>
"""


def shown(httpd: Httpd, path: str) -> dict[str, list[int]]:
    """The levels of Python that httpd logged, by its own."""
    httpd.allow("shop: level")
    assert httpd.get(f"/call/logging_handlers/levels/{path}").status == 200
    found: dict[str, list[int]] = {}
    for theirs, ours in re.findall(r"python:(\w+)\].*\] shop: level (\d+)$", httpd.log(), re.MULTILINE):
        found.setdefault(theirs, []).append(int(ours))
    return found


FROM_WARNING = {"warn": [*range(30, 40)], "error": [*range(40, 50)], "crit": [*range(50, 61)]}
FROM_NOTICE = {"notice": [*range(25, 30)], **FROM_WARNING}
FROM_INFO = {"info": [*range(20, 25)], **FROM_NOTICE}
FROM_DEBUG = {"debug": [*range(10, 20)], **FROM_INFO}


def test_loglevel_decides(httpd: Httpd) -> None:
    assert shown(httpd, "") == FROM_WARNING


def test_loglevel_of_the_module(httpd: Httpd) -> None:
    assert shown(httpd, "debug") == FROM_DEBUG


def test_all_levels_there_are(httpd: Httpd) -> None:
    traces = {"trace8": [1, 2], **{f"trace{n}": [10 - n] for n in range(1, 8)}}
    assert shown(httpd, "trace") == {**traces, **FROM_DEBUG}


def test_the_loglevel_of_others_does_not_count(httpd: Httpd) -> None:
    assert shown(httpd, "core") == FROM_WARNING


def test_the_mapping(httpd: Httpd) -> None:
    levels = [15, 15, 15, 14, 8, 7, 7, 6, 6, 5, 5, 4, 3, 2, 2]
    assert json.loads(httpd.get("/call/logging_handlers/mapped").text) == levels


def test_a_record_with_a_traceback_is_one_entry(httpd: Httpd) -> None:
    httpd.expect(
        r"python:error\] .* \[logging_handlers.py\(\d+\)\] shop: the shelf is\\nempty\\n"
        r"Traceback \(most recent call last\):\\n.*\\nValueError: sold out$"
    )
    httpd.get("/call/logging_handlers/exception")


def test_formatters_and_levels_of_the_handler_count(httpd: Httpd) -> None:
    httpd.expect(r"\] WARNING odd: 'caf\\\\udce9'$", r"\] WARNING raw caf\\xe9$")
    httpd.get("/call/logging_handlers/formatted")
    assert "not shown" not in httpd.log()


def test_what_cannot_be_formatted_is_told_by_logging(httpd: Httpd) -> None:
    httpd.expect("--- Logging error ---")
    httpd.allow("python:error")
    assert httpd.get("/call/logging_handlers/broken").status == 200


def test_what_is_not_shown_is_not_formatted(httpd: Httpd) -> None:
    httpd.expect("shop: lazy$")
    assert json.loads(httpd.get("/call/logging_handlers/costs").text) == [0, 1]


def test_threads_log_without_a_client(httpd: Httpd) -> None:
    httpd.expect(r"python:error\] \[pid \d+\] \[client \[id \[\S+\] shop: from a thread$")
    httpd.get("/call/logging_handlers/in_thread")


def test_w38_all_that_a_request_logs_has_its_id(httpd: Httpd) -> None:
    answer = httpd.get("/call/logging_handlers/with_id")
    assert answer.status == 500
    assert len(answer.headers["X-Id"]) > 10
    entry = rf"\[id {re.escape(answer.headers['X-Id'])}\] .*"
    texts = ("printed", "on stderr", "logged", "by the request", "by the module", "raised")
    httpd.expect(*(f"{entry}id: {text}$" for text in texts))
