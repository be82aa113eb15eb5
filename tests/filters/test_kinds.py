"""kind=: where in the chain of a response a filter stands."""

import pytest

from http1 import get, responses
from httpd import Httpd
from versions import Get

BEHIND = ["protocol", "transcode"]
CONF = """
    PythonOutputFilter length_filters::tag r
    PythonOutputFilter length_filters::tag s kind=content_set
    <Location "/order">
        SetOutputFilter s;r
    </Location>
    <Location "/packed">
        SetOutputFilter s;DEFLATE
    </Location>
    <Location "/nothing">
        SetHandler mod_python
        PythonHandler length_filters::nothing
        SetOutputFilter protocol
    </Location>
    """ + "".join(
    f"""
        PythonOutputFilter length_filters::doubled {kind} kind={kind}
        PythonOutputFilter length_filters::plain_doubled plain_{kind} kind={kind}
        PythonOutputFilter length_filters::longer longer_{kind} kind={kind} change=no
        PythonOutputFilter length_filters::same same_{kind} kind={kind} change=no
        Alias "/{kind}" "${{HTDOCS}}"
        Alias "/plain_{kind}" "${{HTDOCS}}"
        Alias "/same_{kind}" "${{HTDOCS}}"
        <Location "/{kind}">
            SetOutputFilter {kind}
        </Location>
        <Location "/plain_{kind}">
            SetOutputFilter plain_{kind}
        </Location>
        <Location "/same_{kind}">
            SetOutputFilter same_{kind}
        </Location>
        <Location "/by_type/{kind}">
            AddOutputFilterByType {kind} text/plain
        </Location>
        <Location "/{kind}/pieces">
            SetHandler mod_python
            PythonHandler length_filters::pieces
        </Location>
        <Location "/longer_{kind}">
            SetHandler mod_python
            PythonHandler length_filters::pieces
            SetOutputFilter longer_{kind}
        </Location>
        """
    for kind in BEHIND
)


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    httpd.write("a.txt", "abcdef")
    httpd.write("by_type/protocol/a.txt", "abcdef")
    httpd.write("by_type/transcode/a.txt", "abcdef")
    httpd.write("order/a.txt", "abcdef")
    httpd.write("packed/a.txt", "abcdef")


def test_o32_w75_kinds_say_the_order(httpd: Httpd) -> None:
    assert httpd.get("/order/a.txt").body == b"abcdefrs"


def test_a_content_set_filter_before_the_coding(httpd: Httpd) -> None:
    answer = httpd.curl("--compressed", httpd.url("/packed/a.txt"))
    assert answer.stdout == b"abcdefs"


@pytest.mark.parametrize("kind", BEHIND)
def test_c9_behind_the_headers_there_are_none_of_them(get: Get, kind: str) -> None:
    assert get(f"/{kind}/a.txt").body == b"<abcdefabcdef>"
    assert get(f"/plain_{kind}/a.txt").body == b"abcdefabcdef"


@pytest.mark.parametrize("kind", BEHIND)
@pytest.mark.parametrize("path", ["a.txt", "pieces"])
def test_o20_behind_the_headers_lengths_are_right_too(httpd: Httpd, kind: str, path: str) -> None:
    data = httpd.raw(get(f"/{kind}/{path}") * 2 + get(f"/{kind}/{path}", "Connection: close"))
    answers = responses(data)
    assert [answer.body.replace(b"abcabc", b"abc").count(b"def") for answer in answers] == [2, 2, 2]
    assert all(answer.body[:1] + answer.body[-1:] == b"<>" for answer in answers)
    assert answers[0].headers["ETag"].startswith("W/")


@pytest.mark.parametrize("kind", BEHIND)
def test_o30_behind_the_headers_by_type(httpd: Httpd, kind: str) -> None:
    assert httpd.get(f"/by_type/{kind}/a.txt").body == b"<abcdefabcdef>"


@pytest.mark.parametrize("kind", BEHIND)
def test_old_clients_see_the_end_of_the_connection(httpd: Httpd, kind: str) -> None:
    data = httpd.raw(f"GET /{kind}/a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".encode())
    assert data.endswith(b"\r\n\r\n<abcdefabcdef>")
    assert b"Content-Length" not in data


@pytest.mark.parametrize("kind", BEHIND)
def test_o23_o24_without_a_body(httpd: Httpd, kind: str) -> None:
    head = httpd.request("HEAD", f"/{kind}/a.txt")
    assert (head.status, head.body) == (200, b"")
    unchanged = httpd.get(f"/{kind}/a.txt", {"If-Modified-Since": head.headers["Last-Modified"]})
    assert (unchanged.status, unchanged.body) == (304, b"")


def test_an_empty_body_behind_the_headers(httpd: Httpd) -> None:
    assert [answer.body for answer in responses(httpd.raw(get("/nothing") + get("/nothing", "Connection: close")))] == [
        b"<>"
    ] * 2


@pytest.mark.parametrize("kind", BEHIND)
def test_change_no_behind_the_headers_keeps_all_of_them(httpd: Httpd, kind: str) -> None:
    plain, same = httpd.get("/a.txt").headers, httpd.get(f"/same_{kind}/a.txt").headers
    assert {name: plain[name] for name in plain if name != "Date"} == {n: same[n] for n in same if n != "Date"}


@pytest.mark.parametrize("kind", BEHIND)
def test_change_no_behind_the_headers_is_counted(httpd: Httpd, kind: str) -> None:
    httpd.expect(rf"filter longer_{kind} keeps the Content-Length .* of a body of 6 came: it is cut")
    data = httpd.raw(get(f"/longer_{kind}") + get("/a.txt"))
    assert data.endswith((b"abcdef", b"abc"))
    assert data.count(b"HTTP/1.1 200") == 1
