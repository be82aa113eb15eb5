"""mod_python.testing agrees with httpd on the response to a filter that raises a status, at each point."""

import http.client
from collections.abc import AsyncIterator

import pytest

from httpd import Httpd
from mod_python import testing

# isort: split
from mod_python import apache
from tests.packages.handlers import status_filters

POINTS = [
    *("at_once", "after_reading", "after_writing", "after_flushing", "after_closing", "at_the_end"),
    *("generator_at_once", "generator_after_yield", "generator_after_flush", "generator_at_the_end"),
]
FEW = ["204", "304", "403", "409", "415", "418", "422", "429", "451", "503", "600", "0", "0+203", "-2+404"]
ALL = [*map(str, (*range(99, 105), *range(199, 230), *range(299, 310), *range(399, 452), *range(499, 513))), "-1", *FEW]
FILTERS = [
    *(("Output", keys) for keys in ("", "change=no", "on_error=pass", "kind=protocol", "kind=transcode")),
    *(("Input", keys) for keys in ("", "on_error=pass")),
]
# PythonDebug is off, so no text of a failure is shown.
ALLOW_LOG = (".",)


def path(way: str, keys: str, point: str) -> str:
    """Return the path of the location with a filter."""
    return f"/{way}-{keys.replace('=', '-')}-{point}"


CONF = "".join(
    f"""
Python{way}Filter status_filters::{point} {path(way, keys, point)[1:]} {keys}
<Location {path(way, keys, point)}>
    Set{way}Filter {path(way, keys, point)[1:]}
    SetHandler mod_python
    PythonHandler status_filters::{"writer" if way == "Output" else "reader"}
</Location>
"""
    for way, keys in FILTERS
    for point in POINTS
)


def in_httpd(httpd: Httpd, way: str, keys: str, point: str, status: str) -> tuple[int, bytes | None]:
    """Return the status that a client gets and, of a response that is neither cut nor an error's, the body."""
    body = b"".join(status_filters.LINES) if way == "Input" else None
    try:
        answer = httpd.request("POST" if body else "GET", f"{path(way, keys, point)}?{status}", body)
    except http.client.IncompleteRead:
        return 200, None  # a part was sent, so the status was
    return answer.status, None if b"<!DOCTYPE" in answer.body or answer.status in (204, 304) else answer.body


def in_testing(way: str, keys: str, point: str, status: str) -> tuple[int, bytes | None]:
    """Return the same of the result of `testing.run`."""
    lines = status_filters.LINES
    result = testing.run(
        getattr(status_filters, point),
        cuts=[[b"".join(lines)] if way == "Input" else [piece for line in lines for piece in (line, testing.FLUSH)]],
        input=way == "Input",
        keys=keys,
        content_type="text/plain",
        headers={},
        options={"status": status},
    )
    return result.status, result.body if result.complete and result.error is None else None


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(("way", "keys"), FILTERS)
def test_testing_agrees_with_httpd(httpd: Httpd, way: str, keys: str, point: str) -> None:
    statuses = ALL if point == "at_once" and not keys else FEW
    answers = {status: in_httpd(httpd, way, keys, point, status) for status in statuses}
    assert {status: in_testing(way, keys, point, status) for status in statuses} == answers


@pytest.mark.parametrize("status", [403, 409, 413, 415, 422, 429, 451, 503])
def test_an_input_filter_refuses_with_its_status(status: int) -> None:
    result = testing.run(status_filters.at_once, b"body", input=True, options={"status": str(status)}, cuts="all")
    assert (result.status, result.error, result.complete) == (status, status, False)


def test_an_input_filter_that_refuses_nothing_has_the_status_of_the_response() -> None:
    result = testing.run(status_filters.at_the_end, b"body", input=True, options={"status": "0+203"})
    assert (result.status, result.error, result.body) == (203, None, b"body")


def test_one_process_tests_filters_of_all_kinds() -> None:
    async def marks(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
        async for chunk in filter:
            yield chunk + b"!"

    for keys in ("", "kind=transcode", "kind=protocol", "kind=resource"):
        result = testing.run(marks, b"body", keys=keys, headers={})
        assert (result.body, result.status, result.log) == (b"body!", 200, ())
