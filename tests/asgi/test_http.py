"""The HTTP part of ASGI's specification (2.5): each page of tests/asgi/handlers/asgi_pages.py shows one rule."""

import ast
import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import application_cases
import pytest

import http1
from http2 import Stream
from httpd import Httpd
from tests.asgi.handlers.asgi_pages import WRONG
from versions import VERSIONS, Answer, ask

MPMS = ("event", "worker", "prefork")
CONF = """
PythonApplication / asgi asgi_pages
PythonApplication /below/this asgi asgi_pages:application
PythonApplication /site asgi asgi_pages:Site.inner
PythonApplication /made asgi asgi_pages:create()
<Location /in/a/location>
    PythonApplication asgi asgi_pages:site
</Location>
<IfModule http2_module>
    H2EarlyHints On
</IfModule>
LogLevel python:info
"""


def seen(httpd: Httpd, path: str, **more: Any) -> dict[str, Any]:
    answer = httpd.request("GET", path, **more)
    assert answer.status == 200
    shown = json.loads(answer.text)
    kept = ("headers", "types", "extensions", "pid", "started")
    return {key: value if key in kept else ast.literal_eval(value) for key, value in shown.items()}


def by(httpd: Httpd, version: str, path: str, *options: str) -> Answer:
    if version == "2" and httpd.mpm == "prefork":
        pytest.skip("prefork has no HTTP/2")
    return ask(httpd, version, path, *options)


def fails(httpd: Httpd, path: str, error: str) -> None:
    httpd.expect("PythonApplication / asgi asgi_pages .*failed", error)
    assert httpd.get(path).status == 500


@pytest.mark.parametrize("version", VERSIONS)
def test_hello(httpd: Httpd, version: str) -> None:
    answer = by(httpd, version, "/hello")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"Hello\n", "text/plain")
    assert answer.headers["Content-Length"] == "6"


def test_the_scope_has_what_the_specification_names(httpd: Httpd) -> None:
    found = seen(httpd, "/below/this/scope/%E2%82%AC%20x%2by?a=%20b", headers={"X-Name": "\xe9", "X-Other": "1"})
    assert found["type"] == "http"
    assert found["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (found["http_version"], found["method"], found["scheme"]) == ("1.1", "GET", "http")
    assert found["path"] == "/below/this/scope/€ x+y"
    assert found["raw_path"] == b"/below/this/scope/%E2%82%AC%20x%2by"
    assert (found["query_string"], found["root_path"]) == (b"a=%20b", "/below/this")
    assert ["x-name", "\xe9"] in found["headers"] and found["types"] == ["bytes"]
    assert found["client"][0] == "127.0.0.1" and found["client"][1] > 0
    assert found["server"] == ("127.0.0.1", httpd.port)
    assert {"http.response.pathsend", "http.response.early_hint", "mod_python"} <= set(found["extensions"])
    bare = httpd.raw(b"GET /scope HTTP/1.0\r\nX-A:  1 \r\n\r\n").partition(b"\r\n\r\n")[2]
    old = json.loads(bare)
    assert ast.literal_eval(old["http_version"]) == "1.0" and old["headers"] == [["x-a", "1"]]
    assert "http.response.early_hint" not in old["extensions"]
    assert seen(httpd, "/scope", tls=True)["scheme"] == "https"


def test_the_scope_of_http2(httpd: Httpd) -> None:
    shown = json.loads(by(httpd, "2", "/scope/x?y").text)
    assert ast.literal_eval(shown["http_version"]) == "2" and ast.literal_eval(shown["scheme"]) == "https"
    assert ast.literal_eval(shown["raw_path"]) == b"/scope/x"
    assert "http.response.trailers" in shown["extensions"] and "tls" in shown["extensions"]
    assert any(name == "host" for name, _ in shown["headers"])


def test_targets_are_callables_factories_and_objects(httpd: Httpd) -> None:
    assert httpd.get("/site/x").text == "inner /site/x /site"
    assert httpd.get("/made").text == "an object"
    assert httpd.get("/in/a/location/x").text == "an object"


def test_a_request_without_a_body_is_one_empty_message(httpd: Httpd) -> None:
    assert httpd.get("/twice").body == b" and nothing"


@pytest.mark.parametrize(
    "body", [b"a" * 10, b"b" * 300_000, [b"c", b"d" * 70000, b"e"]], ids=["short", "long", "chunks"]
)
def test_bodies_come_in_messages(httpd: Httpd, body: Any) -> None:
    whole = body if isinstance(body, bytes) else b"".join(body)
    assert httpd.request("POST", "/echo", body).body == whole
    assert httpd.request("POST", "/echo", body, tls=True).body == whole
    assert httpd.request("POST", "/twice", body).body == whole + b" and nothing"


def test_bodies_of_http2(httpd: Httpd, tmp_path: Any) -> None:
    data = tmp_path / "data"
    data.write_bytes(b"0123456789" * 30000)
    answer = by(httpd, "2", "/echo", "--data-binary", f"@{data}")
    assert answer.body == data.read_bytes()


def test_a_part_of_the_body_is_given_when_it_comes(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        connection.sendall(http1.head("POST /both_ways HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"))
        received = b""
        for word in (b"one", b"two", b"three"):
            connection.sendall(http1.chunk(word))
            while word.upper() not in received:
                received += connection.recv(1000)
        connection.sendall(http1.chunk(b""))
        while not received.endswith(b"0\r\n\r\n"):
            received += connection.recv(1000)
    assert http1.responses(received)[0].body == b"ONETWOTHREE"


def test_both_ways_on_http2(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("prefork has no HTTP/2")
    with Stream(httpd, "/both_ways") as stream:
        stream.send(b"one")
        assert stream.status() == 200
        stream.send(b"two")
        stream.end()


def test_expect_continue(httpd: Httpd) -> None:
    application_cases.expect_continue(httpd, "/hello")


def test_an_application_answers_while_the_body_that_it_asked_for_does_not_come(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        lines = [
            "POST /impatient HTTP/1.1",
            "Host: x",
            "Content-Length: 4",
            "Expect: 100-continue",
            "Connection: close",
        ]
        connection.sendall(http1.head(*lines))
        received = b""
        while not received.endswith(b"impatient"):
            received += connection.recv(1000)
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_body_that_is_too_long_is_refused_by_httpd(httpd: Httpd) -> None:
    data = (
        http1.head("POST /echo HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Connection: close")
        + b"no number\r\n"
    )
    httpd.allow("AH0")
    assert httpd.raw(data).startswith(b"HTTP/1.1 400")


def test_each_message_is_sent_before_the_application_goes_on(httpd: Httpd) -> None:
    folder = httpd.htdocs / "paced"
    folder.mkdir()
    with httpd.connect() as connection:
        connection.sendall(http1.get(f"/paced?{folder}", "Connection: close"))
        received = b""
        for number in range(3):
            while not received.endswith(b"%d\r\n" % number):
                received += connection.recv(1000)
            (folder / str(number)).touch()
        while more := connection.recv(1000):
            received += more
    (answer,) = http1.responses(received)
    assert answer.body == b"012-end"


@pytest.mark.parametrize("version", VERSIONS)
def test_long_responses(httpd: Httpd, version: str) -> None:
    answer = by(httpd, version, "/stream?3000000")
    assert (answer.status, len(answer.body), answer.headers["Content-Length"]) == (200, 3_000_000, None)


@pytest.mark.parametrize("status", [200, 204, 299, 304, 404, 499, 500, 999])
def test_statuses(httpd: Httpd, status: int) -> None:
    data = httpd.raw(http1.get(f"/status?{status}") + http1.get("/hello", "Connection: close"))
    head, _, rest = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d" % status)
    if status in (204, 304):
        assert http1.responses(rest)[0].body == b"Hello\n", "there is no body"
    else:
        first, *others = http1.responses(data)
        assert first.body == b"a body"
        assert [other.body for other in others] == ([] if status == 500 else [b"Hello\n"]), "httpd closes after a 500"
        assert first.headers.get_all("X-A") == ["1", "2"]


@pytest.mark.parametrize("version", VERSIONS)
def test_head_has_no_body(httpd: Httpd, version: str) -> None:
    answer = by(httpd, version, "/status?200", "-I")
    assert (answer.status, answer.body) == (200, b"")
    assert by(httpd, version, "/stream?1000000", "-I").body == b""


def test_an_exception_before_the_body_is_a_500(httpd: Httpd) -> None:
    fails(httpd, "/fails", "KeyError: 'before the start'")
    httpd.expect("failed", "KeyError: 'before the body'")
    answer = httpd.get("/fails_late")
    assert (answer.status, answer.headers["X-A"]) == (500, None)


def test_an_exception_in_the_body_cuts_the_response(httpd: Httpd) -> None:
    httpd.expect("failed", "KeyError: 'in the body'")
    data = httpd.raw(http1.get("/cut"))
    assert b"part" in data and not data.endswith(b"0\r\n\r\n")


def test_a_response_must_be_whole(httpd: Httpd) -> None:
    fails(httpd, "/silent", "RuntimeError: asgi_pages:application returned without an answer")
    httpd.expect("failed", "RuntimeError: asgi_pages:application ended its response early")
    assert not httpd.raw(http1.get("/ends_early")).endswith(b"0\r\n\r\n")


ERRORS = {
    "body_first": "RuntimeError: 'http.response.body' comes before 'http.response.start'",
    "push": "RuntimeError: 'http.response.push' comes before 'http.response.start'",
    "interim": "ValueError: 103 is no status of a response: it is a number from 200 to 999",
    "text_status": "ValueError: '200' is no status of a response: it is a number from 200 to 999",
    "text_header": "TypeError: a header is a pair of bytes, not of str and str",
    "name": "ValueError: b'x a' is no name of a header: it has letters",
    "value": "ValueError: the value of the header b'x-a' has a control character",
    "length": "ValueError: Content-Length: b'-1' is no number of bytes, or a second one",
    "two_lengths": "ValueError: Content-Length: b'2' is no number of bytes, or a second one",
}
LATE = {
    "start_twice": "RuntimeError: 'http.response.start' is no message that may come after 'http.response.start'",
    "unknown": "RuntimeError: 'http.response.end' is no message that may come after",
    "text_body": "TypeError: the body of a message is bytes, not str",
    "longer": "RuntimeError: the body is longer than its Content-Length: by 1 bytes",
    "shorter": "RuntimeError: the body is shorter than its Content-Length: by 1 bytes",
}


def test_each_wrong_message_is_tested() -> None:
    assert set(WRONG) == set(ERRORS) | set(LATE)


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_messages_raise_in_the_application(httpd: Httpd, name: str) -> None:
    answer = httpd.get(f"/wrong?{name}")
    assert (answer.status, answer.text.startswith(ERRORS[name])) == (200, True), answer.text


@pytest.mark.parametrize("name", LATE)
def test_wrong_messages_after_the_start_are_a_500(httpd: Httpd, name: str) -> None:
    fails(httpd, f"/wrong?{name}", re.escape(LATE[name]))


def test_a_transfer_encoding_is_left_out(httpd: Httpd) -> None:
    answer = httpd.get("/coded")
    assert (answer.body, answer.headers["Transfer-Encoding"]) == (b"plain", None)
    httpd.wait_for_log("python:info.*Transfer-Encoding: gzip, chunked is left out: httpd frames")


def test_after_the_response(httpd: Httpd) -> None:
    httpd.expect(
        "asgi_pages:application failed after its response", "Traceback|  File|^ ", "KeyError: 'after the response'"
    )
    assert httpd.get("/after").body == b"done"
    disconnect = "{'type': 'http.disconnect'}"
    httpd.wait_for_log(f"then {disconnect}, and {disconnect}")
    httpd.wait_for_log("then 'http.response.body' comes after the response is complete")
    httpd.wait_for_log("KeyError: 'after the response'")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("state", ["waiting", "writing"])
def test_the_application_is_told_that_the_client_has_left(httpd: Httpd, state: str, how: str, tls: bool) -> None:
    with httpd.connect(tls=tls) as connection:
        connection.sendall(http1.get(f"/gone?{state}"))
        httpd.wait_for_log(f"waits {state}")
        if state == "writing":
            assert connection.recv(100)
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    before = time.monotonic()
    httpd.wait_for_log(f"gone {state}: ")
    assert time.monotonic() - before < 1
    told = {"waiting": "{'type': 'http.disconnect'}", "writing": "the client has left"}[state]
    assert f"gone {state}: {told}" in httpd.log()


def test_further_requests_do_not_hide_that_the_client_has_left(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        connection.sendall(http1.get("/gone?behind") + http1.get("/hello"))
        httpd.wait_for_log("waits behind")
    before = time.monotonic()
    httpd.wait_for_log("gone behind: {'type': 'http.disconnect'}")
    assert time.monotonic() - before < 1


def test_the_application_is_told_while_the_body_comes(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        connection.sendall(http1.head("POST /body_gone HTTP/1.1", "Host: x", "Content-Length: 100") + b"part")
        httpd.wait_for_log("waits body")
    httpd.wait_for_log("gone body: {'type': 'http.disconnect'}")


def test_a_stream_of_http2_that_is_reset(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("prefork has no HTTP/2")
    with Stream(httpd, "/gone?streaming") as stream:
        stream.end()
        httpd.wait_for_log("waits streaming")
    httpd.wait_for_log("gone streaming")


def test_the_end_of_the_clients_side_leaves_the_response(httpd: Httpd) -> None:
    data = httpd.raw(http1.get("/wait?0.3", "Connection: close"), half_close=True)
    assert data.endswith(b"waited")


def test_the_request_is_used_on_its_own_thread(httpd: Httpd) -> None:
    answer = httpd.get("/req")
    assert answer.text == (
        "/req: the request is in use by another thread, raised, StopIteration(), "
        "SystemExit('of call'), KeyboardInterrupt('of call')"
    )
    assert answer.headers["X-Thread"] is not None


def test_what_is_printed_has_the_client(httpd: Httpd) -> None:
    assert httpd.get("/log").text == "asyncio"
    httpd.wait_for_log(r"\[client 127.0.0.1:\d+\] said on the loop")
    httpd.wait_for_log(r"\[client 127.0.0.1:\d+\] said in a thread")


@pytest.mark.parametrize("version", VERSIONS)
def test_files_are_sent_by_their_path(httpd: Httpd, version: str) -> None:
    path = httpd.write("digits", b"0123456789" * 10000)
    answer = by(httpd, version, f"/path?{path}")
    assert (answer.body, answer.headers["Content-Length"]) == (b"0123456789" * 10000, "100000")
    assert by(httpd, version, f"/path?{path}", "-I").body == b""
    assert by(httpd, version, "/path?/proc/version").body == Path("/proc/version").read_bytes()
    httpd.expect("failed", "FileNotFoundError")
    assert by(httpd, version, "/path?/no/such/file").status == 500
    for more, how in ((-1, "longer"), (1, "shorter")):
        httpd.expect("failed", f"RuntimeError: {path} is {how} than the Content-Length: by 1 bytes")
        assert by(httpd, version, f"/path?{path}+{more}").status == 500
    httpd.expect("failed", "ValueError: http.response.pathsend has an absolute path, not 'digits'")
    assert by(httpd, version, "/path?digits").status == 500


def test_early_hints(httpd: Httpd) -> None:
    data = httpd.raw(http1.get("/hint", "Connection: close"))
    hint, _, rest = data.partition(b"\r\n\r\n")
    assert hint.split(b"\r\n")[0] == b"HTTP/1.1 103 Early Hints"
    assert hint.count(b"Link: ") == 2 and b"</a.css>; rel=preload" in hint
    (answer,) = http1.responses(rest)
    assert (answer.status, answer.body, answer.headers["X-A"], answer.headers["Link"]) == (200, b"hinted", "1", None)
    assert httpd.raw(b"GET /hint HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")
    if httpd.mpm != "prefork":
        assert b"hinted" in httpd.curl("--http2", "-i", httpd.url("/hint", tls=True)).stdout


def test_trailers_on_http2(httpd: Httpd) -> None:
    assert httpd.get("/trailers").body == b"part and end"
    if httpd.mpm != "prefork":
        got = httpd.curl("--http2", "-i", httpd.url("/trailers", tls=True)).stdout
        assert b"part and end" in got and b"x-sum: 12" in got


def test_the_extension_tls(httpd: Httpd) -> None:
    assert json.loads(httpd.get("/tls").text) is None
    found = json.loads(httpd.get("/tls", tls=True).text)
    assert found["server_cert"].startswith("-----BEGIN CERTIFICATE-----")
    assert (found["client_cert_chain"], found["client_cert_name"], found["client_cert_error"]) == ([], None, None)
    assert found["tls_version"] in (0x0303, 0x0304) and found["cipher_suite"] > 0


def test_a_websocket_request_is_one_of_http(httpd: Httpd) -> None:
    lines = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13")
    data = httpd.raw(http1.get("/scope", *lines) + http1.get("/hello", "Connection: close"))
    shown = json.loads(http1.responses(data)[0].body)
    assert ast.literal_eval(shown["type"]) == "http" and ["upgrade", "websocket"] in shown["headers"]


def test_pipelined_requests(httpd: Httpd) -> None:
    data = httpd.raw(http1.get("/hello") * 50 + http1.get("/scope") + http1.get("/hello", "Connection: close"))
    answers = http1.responses(data)
    assert len(answers) == 52 and {answer.status for answer in answers} == {200}
