"""A body that is refused, too long, too slow, cut, or spoilt by a filter that fails: what readers and clients see."""

import socket
import time

import pytest

import http1
from httpd import Httpd

READERS = {
    "python": "SetHandler mod_python\n PythonHandler body_readers::echo",
    "pieces": "SetHandler mod_python\n PythonHandler body_readers::digest",
    "errors": "SetHandler mod_python\n PythonHandler body_readers::errors",
    "script": "ScriptAlias ${CGI_BIN}/cat",
    "proxy": "ProxyPass http://127.0.0.1:${PORT}/plain/python",
    "file": "",
}
STATUSES = (400, 403, 408, 413, 422, 501, 503)


def locations(name: str, lines: str) -> str:
    """Return a location for each kind of reader, behind a filter."""
    return "".join(
        f"<Location /{name}/{reader}>\n {lines}\n {handler}\n</Location>\n" for reader, handler in READERS.items()
    )


CONF = (
    "".join(
        f"PythonInputFilter input_filters::{name} {name}\n"
        for name in ("unchanged", "refuse", "refuse_bad_words", "raise_at_once", "raise_at_end", "greedy", "double")
    )
    + locations("plain", "")
    + "".join(locations(f"{status}", f"PythonOption status {status}\n SetInputFilter refuse") for status in STATUSES)
    + locations("bad-words", "PythonOption status 403\n SetInputFilter refuse_bad_words")
    + locations("raises", "SetInputFilter raise_at_once")
    + locations("raises-late", "SetInputFilter raise_at_end")
    + locations("limit", "LimitRequestBody 100\n SetInputFilter unchanged")
    + locations("double", "LimitRequestBody 100\n SetInputFilter double")
    + locations("filtered", "SetInputFilter unchanged")
    + locations("greedy", "SetInputFilter greedy")
    + locations("limit-page", "SetInputFilter unchanged")
    + """
<Location /in-error-page>
    SetInputFilter raise_at_once
    SetHandler mod_python
    PythonHandler body_readers::echo
    ErrorDocument 500 "sorry"
</Location>
<Location /strict>
    LimitRequestBody 10
    SetHandler mod_python
    PythonHandler body_readers::ignore
</Location>
<Location /strict-page>
    SetInputFilter unchanged
    Action to-strict /strict virtual
    SetHandler to-strict
</Location>
<Location /limit-page>
    LimitRequestBody 10
    ErrorDocument 413 /plain/python
</Location>
RequestReadTimeout header=9 body=1
"""
)
ANY_READER = ("python", "pieces", "script", "proxy")
# What CGI and mod_proxy themselves say of a body they cannot have.
COMPLAINTS = (
    "AH01270: Error reading",
    "AH01095: prefetch",
    "AH(02608|01097): (read|pass) request body failed",
    "cat: -: Connection",
)


def expect_failure(httpd: Httpd, *, traceback: bool = True) -> None:
    """Expect the traceback of `raise_...`, and what readers make of it."""
    httpd.allow(r"\[python:error\]", *COMPLAINTS)
    if traceback:
        httpd.expect(r"failed for \"POST /", r"in raise_at", r"ValueError: bad filter")


@pytest.fixture(scope="module", autouse=True)
def _script(httpd: Httpd) -> None:
    httpd.cgi("cat", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; cat\n")


@pytest.mark.parametrize("reader", ANY_READER)
@pytest.mark.parametrize("status", STATUSES)
def test_i13_a_refusal_reaches_the_client(httpd: Httpd, status: int, reader: str) -> None:
    httpd.allow(*COMPLAINTS)
    for body in (b"body", [b"bo", b"dy"]):
        answer = httpd.request("POST", f"/{status}/{reader}", body)
        assert answer.status == status
        assert str(status) in answer.text


def test_i13_a_refusal_while_a_body_is_discarded(httpd: Httpd) -> None:
    httpd.write("403/file", "page")
    assert httpd.request("POST", "/403/file", b"body").status == 403


def test_i13_a_refusal_in_the_middle(httpd: Httpd) -> None:
    httpd.allow(*COMPLAINTS)
    for reader in ("python", "pieces", "proxy"):
        assert httpd.request("POST", f"/bad-words/{reader}", [b"good", b"better"]).status == 200
        assert httpd.request("POST", f"/bad-words/{reader}", [b"good", b"x" * 100000, b"bad"]).status == 403


def test_i13_a_reader_may_catch_a_refusal(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/403/errors", b"body")
    assert (answer.status, answer.text.split("\n")) == (200, ["SERVER_RETURN 403"] * 3)


@pytest.mark.parametrize("reader", ANY_READER)
@pytest.mark.parametrize("when", ["raises", "raises-late"])
def test_i13_w64_an_exception_in_a_filter_is_500(httpd: Httpd, when: str, reader: str) -> None:
    expect_failure(httpd)
    for body in (b"body", [b"bo", b"dy"]):
        assert httpd.request("POST", f"/{when}/{reader}", body).status == 500


def test_w64_a_reader_sees_an_exception_as_oserror(httpd: Httpd) -> None:
    expect_failure(httpd)
    answer = httpd.request("POST", "/raises/errors", b"body")
    assert answer.text.split("\n") == ["OSError: the request's body could not be read: a filter failed"] * 3


def test_i13_an_error_page_after_a_failure(httpd: Httpd) -> None:
    expect_failure(httpd)
    answer = httpd.request("POST", "/in-error-page", b"body")
    assert (answer.status, answer.text) == (500, "sorry")


@pytest.mark.parametrize("reader", ANY_READER)
@pytest.mark.parametrize("name", ["limit", "double"])
def test_i11_limit_request_body(httpd: Httpd, name: str, reader: str) -> None:
    httpd.allow(*COMPLAINTS)
    assert httpd.request("POST", f"/{name}/{reader}", b"x" * 100).status == 200
    for body in (b"x" * 101, [b"x" * 99, b"xx"]):
        assert httpd.request("POST", f"/{name}/{reader}", body).status == (200 if reader == "proxy" else 413)


@pytest.mark.parametrize("reader", ["python", "pieces", "script", "errors"])
def test_i11_a_body_beyond_its_limit_is_answered_once(httpd: Httpd, reader: str) -> None:
    httpd.allow(*COMPLAINTS)
    for name in ("limit", "limit-page"):
        for framed in (b"x" * 101, [b"x" * 101]):
            data = httpd.raw(http1.post(f"/{name}/{reader}", framed) + http1.get("/plain/ignored"))
            assert data.count(b"HTTP/1.1 ") == 1
            assert b"SERVER_RETURN" not in data  # what a handler writes all the same
            assert [answer.status for answer in http1.responses(data)] == [413]


def test_i11_the_limit_of_where_a_request_is_redirected_to(httpd: Httpd) -> None:
    assert httpd.request("POST", "/strict-page", b"x" * 10).text == "ignored"
    assert httpd.request("POST", "/strict-page", b"x" * 11).status == 413


@pytest.mark.parametrize("name", ["filtered", "greedy"])
@pytest.mark.parametrize("reader", ANY_READER)
def test_i15_a_slow_body_is_408(httpd: Httpd, reader: str, name: str) -> None:
    httpd.allow(*COMPLAINTS)
    begin = time.monotonic()
    answers = http1.responses(httpd.raw(http1.post(f"/{name}/{reader}", b"x" * 10)[:-1]))
    assert answers[0].status == 408
    assert time.monotonic() - begin < 10


@pytest.mark.alone
def test_w48_a_time_out_is_told_again_without_waiting_again(httpd: Httpd) -> None:
    begin = time.monotonic()
    answers = http1.responses(httpd.raw(http1.post("/filtered/errors", b"x" * 10)[:-1]))
    assert answers[0].text.split("\n") == ["TimeoutError: the client sent its body too slowly"] * 3
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize("reader", ANY_READER)
@pytest.mark.parametrize("name", ["plain", "filtered", "greedy"])
def test_a_body_cut_in_the_middle(httpd: Httpd, name: str, reader: str) -> None:
    httpd.allow(*COMPLAINTS)
    children = httpd.children()
    for framed in (b"x" * 200000, [b"x" * 200000]):
        request = http1.post(f"/{name}/{reader}", framed)[:150000]
        assert all(answer.status == 400 for answer in http1.responses(httpd.raw(request, half_close=True)))
        with httpd.connect() as connection:
            connection.sendall(request)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
    assert httpd.children() == children


@pytest.mark.parametrize("name", ["plain", "filtered", "greedy"])
def test_a_chunk_that_is_none(httpd: Httpd, name: str) -> None:
    # Of the bodies cut in the test before: the CGI script and the proxy may end only now.
    httpd.allow(*COMPLAINTS)
    request = http1.head(f"POST /{name}/python HTTP/1.1", "Host: x", "Transfer-Encoding: chunked") + b"zz\r\nab\r\n"
    answers = http1.responses(httpd.raw(request + http1.get("/plain/ignored"), half_close=True))
    assert [answer.status for answer in answers] == [400]
