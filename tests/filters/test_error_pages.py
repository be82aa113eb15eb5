"""The error pages of httpd behind filters of Python: each comes whole, and the connection goes on."""

import pytest

import http1
from httpd import Httpd, Response
from versions import ask

MPMS = ("event", "prefork")
KINDS = ["protocol", "transcode"]
FILTERS = ["longer", "shorter", "plain_longer"]
NEXT = http1.get("/page", "Connection: close")
PAGE = b"a page of one's own"
CONF = """
    <Location "/page">
        SetHandler mod_python
        PythonHandler error_pages::page
    </Location>
    <Location "/bad/plain">
        SetHandler mod_python
        PythonHandler error_pages::late
        Header set "X-Bad" "expr=%{unescape:a%01b}"
    </Location>
    """ + "".join(
    f"""
        PythonOutputFilter error_pages::{name} {name}-{kind} kind={kind}
        <LocationMatch "^/[a-z]+/{name}-{kind}(/|$)">
            SetOutputFilter {name}-{kind}
        </LocationMatch>
        <Location "/gives/{name}-{kind}">
            SetHandler mod_python
            PythonHandler error_pages::gives
        </Location>
        <Location "/own/{name}-{kind}">
            SetHandler mod_python
            PythonHandler error_pages::gives
            ErrorDocument 404 "a text"
            ErrorDocument 403 /page
        </Location>
        <Location "/redirects/{name}-{kind}">
            SetHandler mod_python
            PythonHandler error_pages::redirects
        </Location>
        <Location "/fixup/{name}-{kind}">
            PythonFixupHandler error_pages::gives
        </Location>
        <Location "/bad/{name}-{kind}">
            SetHandler mod_python
            PythonHandler error_pages::late
            Header set "X-Bad" "expr=%{{unescape:a%01b}}"
        </Location>
        """
    for name in FILTERS
    for kind in KINDS
)
BEHIND = [f"{name}-{kind}" for name in FILTERS for kind in KINDS]


def changed(name: str, body: bytes) -> bytes:
    """Return what a filter makes of a body that comes in one piece."""
    if name.startswith("shorter"):
        return body[:10]
    size = 1 if name.startswith("plain") else 50
    return b"<" * size + body + b">" * size


def whole(httpd: Httpd, path: str) -> Response:
    """Return the response for a path; the one to a request that is pipelined behind it is right, too."""
    found, *following = http1.responses(httpd.raw(http1.get(path) + NEXT))
    # httpd closes the connection after some statuses.
    assert [answer.body for answer in following] == ([] if found.status in (500, 503) else [PAGE])
    if httpd.mpm == "event":
        answer = ask(httpd, "2", path)
        assert (answer.code, answer.status) == (0, found.status)
        assert answer.body[:10] == found.body[:10]
    return found


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize("status", [404, 403, 500, 503, 302])
def test_a_page_of_httpd_is_whole_behind_a_filter_behind_the_headers(httpd: Httpd, name: str, status: int) -> None:
    answer = whole(httpd, f"/gives/{name}?{status}")
    assert answer.status == status
    assert answer.headers["Content-Length"] is None
    start, end = (answer.body[:10], answer.body[-10:])
    if name.startswith("shorter"):
        assert start == b"<!DOCTYPE "
    else:
        assert start.startswith(b"<<" if name.startswith("longer") else b"<<!DOCTYPE")
        assert end.rstrip().endswith(b">")


@pytest.mark.parametrize("name", BEHIND)
def test_a_missing_file_behind_a_filter_behind_the_headers(httpd: Httpd, name: str) -> None:
    plain, answer = httpd.get("/files/missing.txt").body, whole(httpd, f"/files/{name}/missing.txt")
    assert answer.status == 404
    if not name.startswith("shorter"):
        assert plain[:30] in answer.body
        assert len(answer.body) > len(plain)


@pytest.mark.parametrize("name", BEHIND)
def test_an_error_before_the_handler_has_its_page(httpd: Httpd, name: str) -> None:
    answer = whole(httpd, f"/fixup/{name}?403")
    assert answer.status == 403
    assert b"DOCTYPE" in answer.body


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize(("status", "body"), [(404, b"a text"), (403, PAGE)])
def test_an_error_document_is_whole_behind_a_filter_behind_the_headers(
    httpd: Httpd, name: str, status: int, body: bytes
) -> None:
    answer = whole(httpd, f"/own/{name}?{status}")
    assert (answer.status, answer.body) == (status, changed(name, body))


@pytest.mark.parametrize("name", BEHIND)
def test_a_redirect_inside_is_whole_behind_a_filter_behind_the_headers(httpd: Httpd, name: str) -> None:
    answer = whole(httpd, f"/redirects/{name}")
    assert (answer.status, answer.body) == (200, changed(name, PAGE))


@pytest.mark.parametrize("name", BEHIND)
def test_head_and_get_of_a_page_agree(httpd: Httpd, name: str) -> None:
    head = http1.head(f"HEAD /gives/{name}?404 HTTP/1.1", "Host: localhost")
    data = httpd.raw(head + NEXT)
    top, _, rest = data.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 404")
    assert b"Content-Length" not in top
    assert [answer.body for answer in http1.responses(rest)] == [PAGE]


@pytest.mark.parametrize("name", ["plain", *BEHIND])
def test_the_page_for_a_header_that_httpd_refuses_is_whole(httpd: Httpd, name: str) -> None:
    # On HTTP/2 mod_http2 sends such a header, and its library ends the stream.
    httpd.expect("AH02430: Response header 'X-Bad' value of .* contains invalid characters, aborting request")
    (answer,) = http1.responses(httpd.raw(http1.get(f"/bad/{name}") + NEXT))
    assert answer.status == 500
    start = b"<!DOCTYPE" if name.startswith(("plain", "shorter")) else b"<" * 50
    assert start in answer.body[:60]
