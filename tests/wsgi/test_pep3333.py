"""The sentences of PEP 3333 that say what must be; docs/pep-3333.md names each with its tests."""

import json
import re
import socket
from typing import Any

import application_cases
import pytest

import http1
from httpd import Httpd, Response
from versions import VERSIONS, ask

MPMS = ("event", "worker", "prefork")
CONF = """
PythonApplication / wsgi pep_pages
PythonApplication /below/this wsgi pep_pages:application
LogLevel python:info
"""


def seen(httpd: Httpd, path: str, **more: Any) -> Any:
    answer = httpd.request("GET", path, **more)
    assert answer.status == 200
    return json.loads(answer.text)


def closes(httpd: Httpd, name: str, times: int) -> None:
    """The close() of a page was called so often in this test, by the time that the log has it."""
    httpd.wait_for_log(rf"(?s)(closed {name}$.*){{{times}}}", 20)
    assert len(re.findall(rf"closed {name}$", httpd.log(), re.MULTILINE)) == times


def fails(httpd: Httpd, path: str, error: str) -> None:
    """The request is answered with 500, and the log has this error."""
    httpd.expect("PythonApplication / wsgi pep_pages .*failed", error)
    assert httpd.get(path).status == 500


def test_arguments_are_positional(httpd: Httpd) -> None:
    assert seen(httpd, "/facts")["named"] == 0


def test_environ_is_a_dict_of_str(httpd: Httpd) -> None:
    facts = seen(httpd, "/facts/%E2%82%AC%e9?%E2%82%AC", headers={"X-Name": "\xe9"})
    assert (facts["dict"], facts["str"], facts["latin1"]) == (True, True, True)
    variables = seen(httpd, "/variables/%E2%82%AC%e9?%E2%82%AC", headers={"X-Name": "\xe9"})
    assert variables["PATH_INFO"] == "/\xe2\x82\xac\xe9"  # one character for each byte
    assert (variables["QUERY_STRING"], variables["HTTP_X_NAME"]) == ("%E2%82%AC", "\xe9")
    again = seen(httpd, "/facts")
    assert "of.the.application" not in again, "each request has an environ of its own"


def test_required_variables_are_there(httpd: Httpd) -> None:
    found = seen(httpd, "/below/this/variables/x%20y?a=b", headers={"Content-Type": "a/b", "Content-Length": "0"})
    assert found["REQUEST_METHOD"] == "GET"
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("/below/this/variables", "/x y")
    assert (found["QUERY_STRING"], found["CONTENT_TYPE"], found["CONTENT_LENGTH"]) == ("a=b", "a/b", "0")
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("localhost", str(httpd.port))
    assert (found["SERVER_PROTOCOL"], found["HTTP_HOST"]) == ("HTTP/1.1", f"localhost:{httpd.port}")
    assert found["REQUEST_URI"] == "/below/this/variables/x%20y?a=b"
    assert found["REMOTE_ADDR"] in ("127.0.0.1", "::1")
    bare = json.loads(httpd.raw(b"GET /variables HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")[2])
    assert (bare["PATH_INFO"], bare["QUERY_STRING"]) == ("", "")
    assert bare["SERVER_NAME"] and bare["SERVER_PORT"] and "HTTP_HOST" not in bare
    assert "CONTENT_TYPE" not in bare and "REMOTE_USER" not in bare


def test_variables_of_wsgi_are_there(httpd: Httpd) -> None:
    facts = seen(httpd, "/facts")
    assert facts["version"] and facts["run_once"] is False and facts["input_terminated"] is True
    assert facts["multithread"] is (httpd.mpm != "prefork")
    assert facts["multiprocess"] is True
    assert facts["request"] == "/facts"
    assert seen(httpd, "/variables")["wsgi.url_scheme"] == "http"
    found = httpd.get("/variables", tls=True)
    variables = json.loads(found.text)
    assert (variables["wsgi.url_scheme"], variables["HTTPS"]) == ("https", "on")


def test_streams_have_their_methods(httpd: Httpd) -> None:
    httpd.expect(r"python:error.*first of the errors$", r"python:error.*second of the errors$")
    httpd.expect(r"third of the errors$", r"gr\\xc3\\xb6\\xc3\\x9fte$")
    body = b"12\nline\nab\nc\nd\ne\nrest\nof it"
    wanted = [b"12", b"", b"\n", b"li", [b"ne\n"], b"ab\n", b"c\nd\ne\nrest\nof it", b"", b"", b"", [], []]
    for sent in (body, [body[:3], body[3:5], body[5:]]):
        answer = httpd.request("POST", "/streams", sent)
        assert json.loads(answer.text) == repr(wanted)


def test_what_is_no_iterable_of_bytes_is_an_error(httpd: Httpd) -> None:
    fails(httpd, "/none", "TypeError: an application returns an iterable of bytes, such as a list, not NoneType")
    fails(httpd, "/bare", r"TypeError: .*iterable of bytes, not bytes: write return \[data\]")
    fails(httpd, "/text", "TypeError: an application gives the body as bytes, not str")
    fails(httpd, "/array", "TypeError: an application gives the body as bytes, not bytearray")
    fails(httpd, "/write_text", "TypeError: an application gives the body as bytes, not str")


@pytest.mark.parametrize("path", ["/silent", "/silent_stream", "/silent_end"])
def test_an_answer_without_start_response_is_an_error(httpd: Httpd, path: str) -> None:
    fails(httpd, path, r"AssertionError: .*has not called start_response\(\)")


def test_start_response_in_the_first_iteration(httpd: Httpd) -> None:
    answer = httpd.get("/late_start")
    assert (answer.status, answer.body) == (201, b"late")


@pytest.mark.parametrize("page", ["paced", "pushed"])
def test_w135_each_block_is_sent_before_the_application_goes_on(httpd: Httpd, page: str) -> None:
    folder = httpd.htdocs / page
    folder.mkdir()
    with httpd.connect() as connection:
        connection.sendall(http1.get(f"/{page}?{folder}", "Connection: close"))
        received = b""
        for number in range(3):
            while not received.endswith(b"%d\r\n" % number):
                received += connection.recv(1000)
            (folder / str(number)).touch()
        while more := connection.recv(1000):
            received += more
    (answer,) = http1.responses(received)
    assert answer.body == (b"012-end" if page == "pushed" else b"012")


def test_a_list_gets_a_content_length(httpd: Httpd) -> None:
    answer = httpd.get("/parts")
    assert (answer.body, answer.headers["Content-Length"]) == (b"one two", "7")
    head = httpd.request("HEAD", "/parts")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "7")
    assert httpd.get("/empty").headers["Content-Length"] == "0"


def test_other_lengths_end_with_a_chunk_or_the_connection(httpd: Httpd) -> None:
    answer = httpd.get("/stream")
    assert (answer.body, answer.headers["Content-Length"]) == (b"one two", None)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    old = httpd.raw(b"GET /stream HTTP/1.0\r\n\r\n")
    assert old.endswith(b"\r\n\r\none two") and b"Transfer-Encoding" not in old


@pytest.mark.parametrize("version", VERSIONS)
def test_w135_close_is_called_once(httpd: Httpd, version: str) -> None:
    if version == "2" and httpd.mpm == "prefork":
        pytest.skip("prefork has no HTTP/2")
    httpd.expect("failed", "KeyError: 'in the iteration'")
    ask(httpd, version, "/once")
    ask(httpd, version, "/once", "-I")
    httpd.get("/failing")
    ask(httpd, version, "/endless", "-I")
    closes(httpd, "once", 2)
    assert httpd.get("/once_as_list").body == b"one two"
    closes(httpd, "list", 1)
    closes(httpd, "failing", 1)
    closes(httpd, "endless", 1)


def test_w135_close_is_called_when_the_client_is_gone(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        connection.sendall(http1.get("/endless"))
        assert connection.recv(100)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    httpd.wait_for_log(r"PythonApplication / wsgi pep_pages: the client left before the response was whole", 20)
    closes(httpd, "endless", 1)


def test_a_failing_close_leaves_the_response(httpd: Httpd) -> None:
    httpd.expect(r"close\(\) of what an application returned failed.*KeyError: 'in close'")
    assert httpd.get("/refused_close").body == b"whole"
    httpd.expect("failed", "ValueError: in the iteration")
    assert b"0\r\n\r\n" not in httpd.raw(http1.get("/refused_close?fails", "Connection: close"))
    httpd.wait_for_log("(?s)(KeyError: 'in close'.*){2}")


def test_an_error_before_the_first_byte_is_a_500(httpd: Httpd) -> None:
    httpd.expect('PythonApplication / wsgi pep_pages .*failed for "GET /failing', "KeyError: 'in the iteration'")
    answer = httpd.get("/failing")
    assert (answer.status, answer.headers["X-Lost"]) == (500, None)
    assert "in the iteration" not in answer.text


def test_an_error_after_the_first_byte_cuts_the_response(httpd: Httpd) -> None:
    httpd.expect("failed", "KeyError: 'in the iteration'")
    data = httpd.raw(http1.get("/failing?late"))
    assert b"begun" in data and not data.endswith(b"0\r\n\r\n")


def test_no_other_attribute_of_the_iterable_is_used(httpd: Httpd) -> None:
    assert httpd.get("/attributes").text == "x['close']"


@pytest.mark.parametrize("number", range(5))
def test_statuses(httpd: Httpd, number: int) -> None:
    line = httpd.raw(http1.get(f"/status?{number}", "Connection: close")).split(b"\r\n")[0]
    wanted = [b"200 OK", b"299 Fine", "404 Nicht da: é".encode("latin-1"), b"499 Odd", b"999 Last"][number]
    assert line.removeprefix(b"HTTP/1.1 ") in (wanted, wanted[:3])


def test_wrong_statuses_are_errors(httpd: Httpd) -> None:
    errors = seen(httpd, "/bad_status")
    assert len(errors) == 10 and "accepted" not in errors
    assert errors[0] == "start_response() takes the status as str, as in '404 Not Found', not bytes"
    assert errors[2] == "'OK' is no status: write a number of three digits and a reason, as in 404 Not Found"


def test_wrong_headers_are_errors(httpd: Httpd) -> None:
    errors = seen(httpd, "/bad_headers")
    assert len(errors) == 26 and "accepted" not in errors
    assert errors[0] == "start_response() takes the headers as a list of tuples of two str, not tuple"
    assert errors[2] == "a header is a tuple of two str, its name and its value, not list"
    assert errors[14].startswith("the value of a header has characters that are not of Latin-1")
    assert errors[16] == "Content-Length: -1 is no number of bytes"
    assert all(re.search("hop-by-hop", error) for error in errors[18:])


def test_headers_of_one_name_and_of_latin1(httpd: Httpd) -> None:
    answer = httpd.get("/good_headers")
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert (answer.headers["X-Name"], answer.headers["X-Empty"]) == ("\xe9", "")


def test_headers_that_http_needs_are_added(httpd: Httpd) -> None:
    headers = httpd.get("/parts").headers
    assert headers["Date"] and headers["Server"]


def test_start_response_twice_is_an_error(httpd: Httpd) -> None:
    fails(httpd, "/twice", r"AssertionError: start_response\(\) was called already")
    fails(httpd, "/twice_after_an_error", r"AssertionError: start_response\(\) was called already")


def test_exc_info_replaces_what_was_not_sent(httpd: Httpd) -> None:
    answer = httpd.get("/replaced")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (503, b"replaced", "text/plain")
    assert (answer.headers["X-Old"], answer.headers["X-New"], answer.headers["Content-Length"]) == (None, "1", "8")


def test_headers_wait_for_the_first_byte(httpd: Httpd) -> None:
    answer = httpd.get("/headers_wait")
    assert (answer.status, answer.body, answer.headers["X-Old"]) == (202, b"body", None)


def test_exc_info_is_raised_after_the_first_byte(httpd: Httpd) -> None:
    httpd.expect("failed", "KeyError: 'of the application'")
    data = httpd.raw(http1.get("/too_late"))
    assert data.startswith(b"HTTP/1.1 200 OK") and b"begun" in data and not data.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("form", ["list", "stream", "write"])
def test_a_body_has_its_content_length(httpd: Httpd, form: str) -> None:
    assert httpd.get(f"/length?{form},5").body == b"12345"
    request = http1.get(f"/length?{form},3")
    if form == "write":
        httpd.expect("failed", "ValueError: the body is longer than its Content-Length of 3 bytes: 2 bytes")
        answers = [http1.responses(httpd.raw(request))[0]]
    else:
        httpd.expect("the body is longer than its Content-Length of 3 bytes: 2 bytes are not sent")
        answers = http1.responses(httpd.raw(request + http1.get("/parts", "Connection: close")))
        assert answers[1].body == b"one two"
    assert (answers[0].headers["Content-Length"], answers[0].body) == ("3", b"123")
    httpd.expect("Content-Length")
    short = httpd.raw(http1.get(f"/length?{form},9") + http1.get("/parts", "Connection: close"))
    if form == "list":
        assert http1.responses(short)[0].body == b"12345", "httpd has corrected the length"
    else:
        assert short.endswith(b"\r\n\r\n12345"), "the connection is closed behind a body that is too short"


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body(httpd: Httpd, status: int) -> None:
    request = http1.get(f"/status_only?{status}") + http1.get("/parts", "Connection: close")
    data = httpd.raw(request)
    head, _, rest = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d" % status) and b'ETag: "x"' in head
    assert b"Content-Length" not in head and http1.responses(rest)[0].body == b"one two"


def test_write_and_an_iterable_in_their_order(httpd: Httpd) -> None:
    for number in range(3):
        httpd.write(f"ready/{number}", b"")
    assert httpd.get(f"/pushed?{httpd.htdocs}/ready").body == b"012-end"


def test_expect_continue(httpd: Httpd) -> None:
    application_cases.expect_continue(httpd, "/parts")


def test_chunked_bodies_are_decoded(httpd: Httpd) -> None:
    answer: Response = httpd.request("POST", "/echo", [b"one ", b"two ", b"", b"three"])
    assert answer.body == b"one two three"


def test_a_file_wrapper_is_an_iterable_of_blocks(httpd: Httpd) -> None:
    assert httpd.get("/wrapper?blocks").text == repr([b"abcd", b"ef"])
    assert httpd.get("/wrapper").body == b"abcdef"
    closes(httpd, "bytes", 2)
    assert httpd.get("/wrapper?bare").body == b"x" * 100000
