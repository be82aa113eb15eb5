"""How streaming output filters end: stepping out, returning early, failing, being what they should not be."""

import os

import pytest

from httpd import Httpd

BODY = b"0123456789" * 40
STEP_OUT = [
    "returns",
    "peeks_and_returns",
    "passes_on",
    "passes_on_after_peek",
    "passes_on_after_read",
    "passes_on_after_body",
]
FAIL = {
    "yields_text": "TypeError: a filter yields bytes, not str: text.encode\\(\\) makes bytes of text",
    "yields_text_and_goes_on": "TypeError: a filter yields bytes, not str",
    "yields_none": "TypeError: a filter yields bytes, not NoneType",
    "yields_number": "TypeError: a filter yields bytes, not int",
    "synchronous": "streaming_ends::synchronous is a generator: a streaming filter is written 'async def' with yield",
    "coroutine": "streaming_ends::coroutine is an 'async def' without yield: a filter that streams yields its output",
    "sleeps": "A filter runs on httpd's thread, where there is no event loop: it may await what `filter` gives",
    "sleeps_longer": "A filter runs on httpd's thread, where there is no event loop: it may await what `filter` gives",
    "awaits_future": "A filter runs on httpd's thread, where there is no event loop: it may await what `filter` gives",
    "fails_at_once": "ValueError: at once",
    "fails_after_read": "ValueError: after a read",
    "passes_on_then_yields": "RuntimeError: after pass_on\\(\\) a filter yields nothing",
    "passes_on_then_fails": "ValueError: after pass_on\\(\\)",
    "writes": "RuntimeError: an 'async def' filter yields its output instead",
}
OTHERS = [
    "passes_on_too_late",
    "passes_on_after_yield",
    "passes_on_after_large_yield",
    "early",
    "early_without_yield",
    "fails_after_yield",
    "fails_at_end",
    "returns_status",
]
CONF = (
    "LogLevel python:debug\n"
    + "".join(
        f"""
        PythonOutputFilter streaming_ends::{name} {name}
        PythonOutputFilter streaming_ends::{name} {name}_or_pass on_error=pass
        PythonOutputFilter streaming_ends::{name} {name}_held held=100
        Alias "/{name}" "${{HTDOCS}}"
        <Location "/{name}">
            SetOutputFilter BUCKETEER;{name}
        </Location>
        <Location "/{name}/or_pass">
            SetOutputFilter BUCKETEER;{name}_or_pass
        </Location>
        <Location "/{name}/held">
            SetOutputFilter BUCKETEER;{name}_held
        </Location>
        """
        for name in [*STEP_OUT, *FAIL, *OTHERS]
    )
    + 'AliasMatch "/(or_pass|held)/(.*)" "${HTDOCS}/$2"'
)


@pytest.fixture(scope="module", autouse=True)
def _files(httpd: Httpd) -> None:
    flushed = BODY[:5] + b"\x06" + BODY[5:200] + b"\x10" + BODY[200:] + b"\x06"
    for name, body in {"a.txt": BODY, "flushed.txt": flushed, "large.txt": BODY * 1000}.items():
        for folder in ("", "or_pass/", "held/"):
            # What changed just now has a weak tag.
            os.utime(httpd.write(folder + name, body), (1e9, 1e9))


@pytest.mark.parametrize("file", ["a.txt", "flushed.txt", "large.txt"])
@pytest.mark.parametrize("name", STEP_OUT)
def test_stepping_out_leaves_body_and_headers(httpd: Httpd, name: str, file: str) -> None:
    plain, answer = httpd.get(f"/{file}"), httpd.get(f"/{name}/{file}")
    assert answer.body == plain.body.translate(None, b"\x06\x10")
    for header in ("ETag", "Last-Modified", "Accept-Ranges"):
        assert answer.headers[header] == plain.headers[header], header
    if file == "a.txt":
        assert answer.headers["Content-Length"] == "400"
        part = httpd.get(f"/{name}/{file}", {"Range": "bytes=0-4"})
        assert (part.status, part.body) == (206, b"01234")


def test_stepping_out_past_held_is_told(httpd: Httpd) -> None:
    told = b"FilterLimit: more was read than is held to be given back (held=)"
    assert httpd.get("/passes_on_too_late/held/a.txt").body == told
    assert httpd.get("/passes_on_after_peek/held/a.txt").body == BODY, "what was peeked at was not read"


def test_stepping_out_after_a_yield_leaves_what_is_unread(httpd: Httpd) -> None:
    httpd.write("letters.txt", b"abcdef" * 1000 + b"\x06\x10abc")
    answer = httpd.get("/passes_on_after_yield/letters.txt")
    assert answer.body == b"ABC" + (b"abcdef" * 1000 + b"abc")[3:]
    assert httpd.get("/passes_on_after_large_yield/held/large.txt").body == b"<" + (BODY * 1000)[400:]


@pytest.mark.parametrize("file", ["a.txt", "flushed.txt", "large.txt"])
def test_an_early_return_drops_the_rest(httpd: Httpd, file: str) -> None:
    httpd.expect("filter early ended early: the rest is dropped")
    answer = httpd.get(f"/early/{file}")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"012", "3")
    assert httpd.get(f"/early_without_yield/{file}").body == b""


@pytest.mark.parametrize("name", FAIL)
def test_failing_before_the_first_yield_is_an_error_page(httpd: Httpd, name: str) -> None:
    httpd.expect(FAIL[name])
    httpd.allow(f"filter {name} ")
    answer = httpd.get(f"/{name}/a.txt")
    assert answer.status == 500
    assert b"Internal Server Error" in answer.body


@pytest.mark.parametrize("name", [name for name in FAIL if name not in {"writes"}])
def test_failing_before_the_first_yield_passes_if_asked(httpd: Httpd, name: str) -> None:
    httpd.expect(FAIL[name])
    httpd.allow(f"filter {name}_or_pass ")
    answer = httpd.get(f"/{name}/or_pass/flushed.txt")
    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["ETag"] == httpd.get("/or_pass/flushed.txt").headers["ETag"].removeprefix("W/")


@pytest.mark.parametrize("variant", ["", "or_pass/"])
@pytest.mark.parametrize("name", ["fails_after_yield", "fails_at_end"])
def test_o18_failing_after_a_yield_cuts_the_response(httpd: Httpd, name: str, variant: str) -> None:
    httpd.expect("ValueError: (after a yield|at the end)")
    httpd.allow(f"filter {name}")
    path = f"/{name}/{variant}large.txt"
    assert httpd.curl(httpd.url(path)).returncode == 18
    assert httpd.curl("--http2", httpd.url(path, tls=True)).returncode == 92


def test_o18_a_failed_response_that_was_not_sent_yet_is_an_error_page(httpd: Httpd) -> None:
    httpd.expect("ValueError: at the end")
    httpd.allow("filter fails_at_end")
    assert httpd.get("/fails_at_end/a.txt").status == 500


def test_a_traceback_shows_the_line_that_yields(httpd: Httpd) -> None:
    httpd.expect('yield "text"', "finally: yields_text", "TypeError: a filter yields bytes")
    httpd.allow("filter yields_text ")
    httpd.get("/yields_text/a.txt")


def test_a_status_is_the_answer(httpd: Httpd) -> None:
    assert httpd.get("/returns_status/a.txt").status == 403
