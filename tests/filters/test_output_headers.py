"""Headers of filtered responses: they are those of the new body, for GET, HEAD, ranges and conditions alike."""

import gzip
import os
from email.message import Message

import pytest

from httpd import Httpd, Response

CONF = """
FileETag MTime Size
<Location "/upper">
    PythonOutputFilter output_filters::upper UPPER
    SetOutputFilter UPPER
</Location>
<LocationMatch "^/(disable|pass_on|reads_none)/">
    SetOutputFilter STEP
</LocationMatch>
<Location "/disable">
    PythonOutputFilter output_filters::disable STEP
</Location>
<Location "/pass_on">
    PythonOutputFilter output_filters::pass_on STEP
</Location>
<Location "/reads_none">
    PythonOutputFilter output_filters::reads_none STEP
</Location>
<Location "/plain">
    PythonOutputFilter output_filters::disable UNUSED
</Location>
<Location "/tail">
    PythonOutputFilter output_filters::tail TAIL
    SetOutputFilter TAIL
</Location>
<Location "/frame">
    PythonOutputFilter output_filters::frame FRAME
    SetOutputFilter FRAME
</Location>
<Location "/any">
    PythonOutputFilter output_filters::frame ANY encoding=any
    SetOutputFilter ANY
</Location>
<Location "/deflated">
    PythonOutputFilter output_filters::upper UPPER
    SetOutputFilter UPPER;DEFLATE
</Location>
<Location "/inflated">
    PythonOutputFilter output_filters::upper UPPER_INFLATED encoding=any
    SetOutputFilter INFLATE;UPPER_INFLATED
</Location>
<Location "/cgi-bin">
    SetOutputFilter UPPER
</Location>
<Location "/digests">
    SetHandler mod_python
    PythonHandler output_sources::digests
</Location>
<Location "/digests/filtered">
    SetOutputFilter UPPER
</Location>
<Location "/handled">
    SetHandler mod_python
    PythonHandler output_sources::no_content
    PythonOutputFilter output_filters::frame FRAME
    SetOutputFilter FRAME
</Location>
<Location "/count">
    PythonOutputFilter output_filters::count COUNT
    SetOutputFilter COUNT
</Location>
AddEncoding x-gzip .gz
"""
STEP = ["disable", "pass_on", "reads_none"]
SMALL, LARGE = b"some text " * 20, b"some text " * 100_000


def put(httpd: Httpd, name: str, body: bytes) -> None:
    """Write a file that is old enough for a strong ETag; all of them are equally old."""
    os.utime(httpd.write(name, body), (1_700_000_000, 1_700_000_000))


def comparable(headers: Message) -> dict[str, str]:
    """What must be the same for HEAD. httpd leaves these away there, with and without filters."""
    left_out = {"Date", "Transfer-Encoding"} | ({"Content-Length"} if headers["Content-Length"] == "0" else set())
    return {name: value for name, value in headers.items() if name not in left_out}


def head_and_get(httpd: Httpd, path: str) -> tuple[Response, Response]:
    return httpd.request("HEAD", path), httpd.get(path)


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_o20_the_headers_of_the_old_body_are_gone(httpd: Httpd, body: bytes) -> None:
    put(httpd, "upper/a.txt", body)
    put(httpd, "plain/a.txt", body)
    plain, response = httpd.get("/plain/a.txt"), httpd.get("/upper/a.txt")
    assert response.body == body.upper()
    assert response.headers["ETag"].startswith('W/"')
    assert not plain.headers["ETag"].startswith("W/")
    assert response.headers["Accept-Ranges"] == "none"
    assert response.headers["Last-Modified"]


def test_o20_digests_are_gone(httpd: Httpd) -> None:
    names = ["Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "ETag", "Content-Length", "X-Other"]
    plain, response = httpd.get("/digests/"), httpd.get("/digests/filtered")
    assert [plain.headers[name] for name in names] == ["md5", "digest", "content", "whole", '"tag"', "4", "kept"]
    assert [response.headers[name] for name in names] == [None, None, None, None, 'W/"tag"', "4", "kept"]
    assert response.text == "BODY"


def test_o20_the_length_is_right_where_it_can_be_known(httpd: Httpd) -> None:
    put(httpd, "frame/a.txt", SMALL)
    response = httpd.get("/frame/a.txt")
    assert response.headers["Content-Length"] == str(len(SMALL) + 2)
    put(httpd, "frame/a.txt", LARGE)
    response = httpd.get("/frame/a.txt")
    assert response.headers["Content-Length"] is None
    assert len(response.body) == len(LARGE) + 2


@pytest.mark.parametrize("name", STEP)
@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_o21_who_steps_out_leaves_the_headers_as_they_were(httpd: Httpd, name: str, body: bytes) -> None:
    put(httpd, "plain/a.txt", body)
    put(httpd, f"{name}/a.txt", body)
    plain, response = httpd.get("/plain/a.txt"), httpd.get(f"/{name}/a.txt")
    assert comparable(response.headers) == comparable(plain.headers)
    assert response.headers["Content-Length"] == str(len(body))
    assert response.body == body
    part = httpd.get(f"/{name}/a.txt", {"Range": "bytes=5-8"})
    assert (part.status, part.body) == (206, b"text")


@pytest.mark.parametrize("headers", [{}, {"If-Range": "x"}])
def test_o22_no_ranges_of_a_body_that_changes(httpd: Httpd, headers: dict[str, str]) -> None:
    put(httpd, "frame/a.txt", SMALL)
    response = httpd.get("/frame/a.txt", {"Range": "bytes=0-4", **headers})
    assert (response.status, response.body) == (200, b"<" + SMALL + b">")
    assert response.headers["Content-Range"] is None


def test_o22_a_range_beyond_the_old_body(httpd: Httpd) -> None:
    put(httpd, "frame/a.txt", b"a")
    response = httpd.get("/frame/a.txt", {"Range": "bytes=2-"})
    assert (response.status, response.body) == (200, b"<a>")


@pytest.mark.parametrize("path", ["upper/a.txt", "tail/a.txt", "disable/a.txt", "reads_none/a.txt", "frame/a.txt"])
@pytest.mark.parametrize("body", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_o23_head_is_get_without_body(httpd: Httpd, path: str, body: bytes) -> None:
    put(httpd, path, body)
    head, get = head_and_get(httpd, f"/{path}")
    assert head.body == b""
    assert comparable(head.headers) == comparable(get.headers)


def test_o23_head_of_a_script(httpd: Httpd) -> None:
    httpd.cgi("hello", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello\\n'\n")
    head, get = head_and_get(httpd, "/cgi-bin/hello")
    assert (head.body, get.body) == (b"", b"HELLO\n")
    del head.headers["Content-Length"], get.headers["Content-Length"]  # there if the script ended soon enough
    assert comparable(head.headers) == comparable(get.headers)


def test_o23_no_work_for_a_body_that_nobody_gets(httpd: Httpd) -> None:
    put(httpd, "count/a.txt", LARGE * 3)
    httpd.get("/count/a.txt")
    pieces = int(httpd.wait_for_log(r"pieces: (\d+)")[1])
    assert pieces >= len(LARGE) * 3 / (1 << 20)
    httpd.check_log()
    httpd.request("HEAD", "/count/a.txt")
    # The function still sees the end, once the headers are out.
    assert int(httpd.wait_for_log(r"pieces: (\d+)")[1]) <= 2


def test_o24_conditional_get(httpd: Httpd) -> None:
    put(httpd, "upper/a.txt", SMALL)
    first = httpd.get("/upper/a.txt")
    for condition in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        again = httpd.get("/upper/a.txt", condition)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Content-Length"] is None
    changed = httpd.get("/upper/a.txt", {"If-None-Match": '"other"'})
    assert (changed.status, changed.body) == (200, SMALL.upper())


def test_o24_no_body_is_invented(httpd: Httpd) -> None:
    response = httpd.get("/handled/none")
    assert (response.status, response.body) == (204, b"")
    assert response.headers["Content-Length"] is None


def test_o26_a_coded_body_is_left_alone(httpd: Httpd) -> None:
    httpd.expect("filter FRAME steps aside: .*encoding=decode")
    coded = gzip.compress(SMALL)
    put(httpd, "frame/a.txt.gz", coded)
    response = httpd.get("/frame/a.txt.gz")
    assert response.body == coded
    assert response.headers["Content-Encoding"] == "x-gzip"
    assert response.headers["Content-Length"] == str(len(coded))
    assert not response.headers["ETag"].startswith("W/")


def test_o26_encoding_any(httpd: Httpd) -> None:
    coded = gzip.compress(SMALL)
    put(httpd, "any/a.txt.gz", coded)
    assert httpd.get("/any/a.txt.gz").body == b"<" + coded + b">"


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_o26_deflate_after_us(httpd: Httpd, body: bytes) -> None:
    put(httpd, "deflated/a.txt", body)
    response = httpd.get("/deflated/a.txt", {"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.body) == body.upper()
    assert httpd.get("/deflated/a.txt").body == body.upper()


def test_o26_inflate_before_us(httpd: Httpd) -> None:
    put(httpd, "inflated/a.txt.gz", gzip.compress(SMALL))
    response = httpd.get("/inflated/a.txt.gz", {"Accept-Encoding": "gzip"})
    assert response.body == SMALL.upper()
    assert response.headers["Content-Encoding"] is None
