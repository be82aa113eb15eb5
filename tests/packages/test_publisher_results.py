"""mod_python.publisher: what becomes of the result of a published object."""

import contextlib
import http.client
import json
import re

import pytest

from httpd import Httpd, Response

MPMS = ("event", "prefork")
CONF = """
Alias "/pub" "${HANDLERS}"
<Directory "${HANDLERS}">
    Require all granted
    Options +Includes
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Directory>
<Location "/front">
    ProxyPass http://127.0.0.1:${PORT} disablereuse=on
</Location>
"""
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


def get(httpd: Httpd, path: str, accept: str | None = None) -> Response:
    answer = httpd.get(f"/pub/{path}", {} if accept is None else {"Accept": accept})
    assert answer.status == 200, answer.text
    return answer


@pytest.mark.parametrize(
    ("what", "body", "kind"),
    [
        ("none", b"", None),
        ("zero", b"0", TEXT),
        ("empty", b"", TEXT),
        ("unicode", "Grüße".encode(), TEXT),
        ("page", b"<html>a page</HTML >  \n", HTML),
        ("almost", b"</html> " + b"x" * 100, TEXT),
        ("tuple", b"(1, 'two')", TEXT),
        ("list", b"[1, 'two', None]", TEXT),
        ("dict", b"{'a': [True]}", TEXT),
        ("shop", b"this is a shop", TEXT),
        ("class", b"this is a shop", TEXT),
        ("shelf", b"no book is on the shelf", TEXT),
    ],
)
def test_a_result_is_sent_as_its_text(httpd: Httpd, what: str, body: bytes, kind: str | None) -> None:
    answer = get(httpd, f"published/returns?what={what}")
    assert (answer.body, answer.headers["Content-Type"]) == (body, kind)
    assert answer.headers["X-Content-Type-Options"] == (None if kind is None else "nosniff")


@pytest.mark.parametrize(
    ("what", "body", "kind"),
    [
        ("bytes", b"\xff\x00raw", "text/plain"),
        ("bytearray", b"raw", "text/plain"),
        ("bytes-page", b"<html>a page</html>", "text/html"),
    ],
)
def test_w122_bytes_are_sent_as_they_are(httpd: Httpd, what: str, body: bytes, kind: str) -> None:
    answer = get(httpd, f"published/returns?what={what}")
    assert (answer.body, answer.headers["Content-Type"]) == (body, kind)


def test_what_a_call_returns_is_called(httpd: Httpd) -> None:
    assert get(httpd, "published/returns_function?name=you").text == "called again with you"
    body = httpd.request(
        "POST", "/pub/published/returns_function", b"name=you", {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert body.text == "called again with you"
    httpd.expect("RuntimeError: 100 calls of a published object have returned what can be called again")
    assert httpd.get("/pub/published/returns_itself").status == 500


ACCEPTS_JSON = (
    "application/json",
    "application/json, text/plain, */*",
    "text/html, application/JSON;q=0.5",
    "text/plain;q=0.4, application/json;q=0.5",
    "application/*",
    "text/plain; q=0, */*",
    "application/json;charset=utf-8",
)
ACCEPTS_TEXT = (
    "*/*",
    "",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "application/json;q=0",
    "application/json;q=0, */*",
    "text/plain, application/json;q=0.9",
    "application/json;q=nan, application/*",
    "application/json;q=2",
    "application/jsonx",
    ";;,/,application/json;q",
)


@pytest.mark.parametrize("accept", ACCEPTS_JSON)
def test_lists_and_dicts_are_json_for_those_who_ask_for_it(httpd: Httpd, accept: str) -> None:
    for what, value in {"list": [1, "two", None], "dict": {"a": [True]}}.items():
        answer = get(httpd, f"published/returns?what={what}", accept)
        assert json.loads(answer.text) == value
        assert (answer.headers["Content-Type"], answer.headers["Vary"]) == ("application/json", "Accept")
    assert get(httpd, "published/returns?what=tuple", accept).text == "(1, 'two')"


@pytest.mark.parametrize("accept", ACCEPTS_TEXT)
def test_others_get_a_text_as_from_mod_python_3(httpd: Httpd, accept: str) -> None:
    answer = get(httpd, "published/returns?what=list", accept)
    assert answer.text == "[1, 'two', None]"
    assert (answer.headers["Content-Type"], answer.headers["Vary"]) == (TEXT, "Accept")


def test_json_by_the_type_that_the_function_has_set(httpd: Httpd) -> None:
    assert get(httpd, "published/typed?kind=application/problem%2Bjson", "text/plain").text == '["typed"]'
    answer = get(httpd, "published/typed?kind=text/x-own", "application/json")
    assert (answer.text, answer.headers["Content-Type"], answer.headers["Vary"]) == ("['typed']", "text/x-own", None)


@pytest.mark.parametrize(("what", "text"), [("impossible", "[{1, 2}]"), ("nan", "[nan]")])
def test_what_cannot_be_json_is_text(httpd: Httpd, what: str, text: str) -> None:
    assert get(httpd, f"published/returns?what={what}", "application/json").text == text


def test_what_was_written_before(httpd: Httpd) -> None:
    for flush in ("", "1"):
        answer = get(httpd, f"published/writes?more=and+returned&flush={flush}")
        assert (answer.text, answer.headers["Content-Type"]) == ("written first, and returned", "text/x-own")
        assert get(httpd, f"published/writes?flush={flush}").text == "written first, "
    answer = httpd.get("/pub/published/stops")
    assert (answer.status, answer.text, answer.headers["X-Made"]) == (201, "made", "yes")
    assert httpd.get("/pub/published/forbids").status == 403


def test_an_exception_is_a_500(httpd: Httpd) -> None:
    httpd.expect("PythonHandler mod_python.publisher.*KeyError: 'published code failed'")
    assert httpd.get("/pub/published/fails").status == 500


def test_head(httpd: Httpd) -> None:
    answer = httpd.request("HEAD", "/pub/published/hello")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "20")
    httpd.expect("the generator was closed", "the async generator was closed")
    for path in ("published/endless", "published_async/endless"):
        assert httpd.request("HEAD", f"/pub/{path}").status == 200


def test_w122_iterables_are_streamed(httpd: Httpd) -> None:
    answer = get(httpd, "published/generator")
    assert (answer.body, answer.headers["Content-Type"]) == (b"0 1 2 ", "text/plain")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    answer = get(httpd, "published/generator?count=0")
    assert (answer.body, answer.headers["Content-Type"]) == (b"", TEXT)
    answer = get(httpd, "published/page_in_pieces")
    assert (answer.body, answer.headers["Content-Type"]) == (b"\n<!DOCTYPE html><p>pieces</p>", HTML)
    assert get(httpd, "published/iterable").text == get(httpd, "published/async_iterable").text == "one two"
    assert get(httpd, "published/mapped").text == "01234"
    for mode in ("r", "rb"):
        assert get(httpd, f"published/opened?mode={mode}").body == (httpd.handlers / "published.py").read_bytes()
    assert httpd.get("/front/pub/published/generator?count=1000").text == "".join(f"{n} " for n in range(1000))


def test_a_piece_comes_when_it_is_made(httpd: Httpd) -> None:
    httpd.handler(
        "waits.py",
        "import os, time\n"
        "def pieces(req):\n"
        "    yield 'first'\n"
        f"    while not os.path.exists('{httpd.state}/go-on'): time.sleep(0.01)\n"
        "    yield 'second'\n",
    )
    (httpd.state / "go-on").unlink(missing_ok=True)
    with httpd.connect() as connection:
        connection.sendall(b"GET /pub/waits/pieces HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        seen = b""
        while b"first" not in seen:
            seen += connection.recv(65536)
        (httpd.state / "go-on").touch()
        while part := connection.recv(65536):
            seen += part
    assert b"second" in seen


@pytest.mark.parametrize("module", ["published", "published_async"])
def test_a_client_that_leaves_ends_a_stream(httpd: Httpd, module: str) -> None:
    httpd.allow("Failed to flush|Broken pipe|Connection reset")
    with httpd.connect() as connection:
        connection.sendall(f"GET /pub/{module}/endless HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    httpd.wait_for_log("generator was closed", 30)


def test_a_stream_that_fails_is_cut(httpd: Httpd) -> None:
    httpd.expect("KeyError: 'in the middle'")
    answer = httpd.raw(b"GET /pub/published/breaks_off HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b"a part" in answer
    assert not answer.endswith(b"0\r\n\r\n")


def test_coroutines_run_to_their_ends(httpd: Httpd) -> None:
    answer = get(httpd, "published_async/hello?name=you")
    assert (answer.text, answer.headers["X-Same-Thread"]) == ("hello you", "True")
    assert get(httpd, "published_async/shared").text == "asyncio"
    assert get(httpd, "published_async/caller", "application/json").text == '{"called": true}'
    assert get(httpd, "published_async/caller/method?name=two").text == "hello two"
    assert get(httpd, "published_async/pieces").text == "0 1 2 "
    assert get(httpd, "published_async/leaves_a_task").text == "left"
    httpd.expect("KeyError: 'in a coroutine'")
    assert httpd.get("/pub/published_async/fails").status == 500


def test_a_task_that_is_left_ends_with_its_request(httpd: Httpd) -> None:
    httpd.handler("published_tasks.py", (httpd.handlers / "published_async.py").read_text())
    connection = http.client.HTTPConnection("localhost", httpd.port)  # which one child of prefork has

    def ask(page: str) -> str:
        connection.request("GET", f"/pub/published_tasks/{page}")
        return connection.getresponse().read().decode()

    with contextlib.closing(connection):
        assert ask("state") == "nothing yet"
        assert ask("leaves_a_task") == "left"
        assert ask("state") == "cancelled"


def test_a_page_inside_of_a_coroutine_of_another(httpd: Httpd) -> None:
    """The subrequest runs on the same thread, where an event loop runs already."""
    httpd.handler(
        "outer.py",
        "async def page(req):\n"
        "    req.content_type = 'text/html'\n"
        "    req.add_output_filter('INCLUDES')\n"
        "    req.write('<!--#include virtual=\"/pub/published_async/hello?name=inner\" -->, ')\n"
        "    return 'outer'\n",
    )
    text = get(httpd, "outer/page").text
    assert re.sub(r"\s+", " ", text) == "hello inner, outer"
