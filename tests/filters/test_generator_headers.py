"""What the headers say of a body that a streaming filter has changed."""

from email.message import Message

import pytest

from httpd import Httpd

NAMES = ["identity", "tail", "doubled", "first_half", "whole", "empty", "limited", "about"]
BODY = b"twelve bytes"
CONF = (
    "".join(
        f"""
        Alias "/{name}" "${{HTDOCS}}"
        <Location "/{name}">
            PythonOutputFilter streaming_filters::{name} {name}
            SetOutputFilter {name}
        </Location>
        <Location "/fixed/{name}">
            SetOutputFilter {name}
        </Location>
        """
        for name in NAMES
    )
    + """
    <Location "/fixed">
        SetHandler mod_python
        PythonHandler response_sources::fixed
    </Location>
    <Location "/coded">
        PythonOutputFilter streaming_filters::tail TAIL
        SetOutputFilter TAIL
        AddEncoding x-gzip .gz
    </Location>
    <Location "/any">
        PythonOutputFilter streaming_filters::tail TAIL_ANY encoding=any
        SetOutputFilter TAIL_ANY
        AddEncoding x-gzip .gz
    </Location>
    """
)


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    httpd.write("a.txt", BODY)
    httpd.write("large.txt", BODY * 20000)


@pytest.mark.parametrize(
    ("name", "length"), [("tail", 12 + 13), ("doubled", 24), ("first_half", 6), ("whole", 12), ("empty", 0)]
)
def test_o11_a_small_body_is_counted(httpd: Httpd, name: str, length: int) -> None:
    answer = httpd.get(f"/{name}/a.txt")
    assert (answer.headers["Content-Length"], len(answer.body)) == (str(length), length)
    assert answer.headers["Transfer-Encoding"] is None


@pytest.mark.parametrize("name", ["tail", "first_half", "doubled"])
def test_o20_the_length_of_a_large_body_is_not_what_it_was(httpd: Httpd, name: str) -> None:
    answer = httpd.get(f"/{name}/large.txt")
    assert answer.headers["Content-Length"] is None
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert len(answer.body) == {"tail": 240013, "first_half": 120000, "doubled": 480000}[name]


def test_o20_a_tail_after_a_length_that_was_set_upstream(httpd: Httpd) -> None:
    # When the headers go out nobody knows the tail yet. What is sent too much would be taken for the second answer.
    one = b"GET /fixed/tail HTTP/1.1\r\nHost: x\r\n\r\n"
    answers = httpd.raw(one + one, half_close=True)
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.count(b"3\r\nabc\r\nd\r\n<!-- tail -->\r\n0\r\n\r\n") == 2
    assert b"Content-Length" not in answers


@pytest.mark.parametrize("name", ["tail", "first_half"])
def test_o20_o21_digests_go_and_the_tag_is_weak(httpd: Httpd, name: str) -> None:
    plain = httpd.get("/fixed/plain").headers
    assert (plain["ETag"], plain["Content-Length"], plain["Digest"]) == ('"strong"', "3", "sha-256=x")
    changed = httpd.get(f"/fixed/{name}").headers
    assert changed["ETag"] == 'W/"strong"'
    assert changed["Accept-Ranges"] == "none"
    assert not [name for name in ("Content-Length", "Content-MD5", "Digest") if name in changed]


def test_o21_the_date_of_the_file_stays(httpd: Httpd) -> None:
    assert httpd.get("/tail/a.txt").headers["Last-Modified"] == httpd.get("/a.txt").headers["Last-Modified"]


def test_o22_a_range_is_the_whole_body(httpd: Httpd) -> None:
    answer = httpd.get("/tail/a.txt", {"Range": "bytes=0-4"})
    assert (answer.status, answer.body) == (200, BODY + b"<!-- tail -->")
    assert answer.headers["Content-Range"] is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file", ["a.txt", "large.txt", "missing.txt"])
def test_o23_head_says_what_get_says(httpd: Httpd, name: str, file: str) -> None:
    def described(headers: Message) -> dict[str, str]:
        # A HEAD request need not know the length; one that it tells must be right.
        ours = ("Date", "Transfer-Encoding", "Content-Length")
        return {name: value for name, value in headers.items() if name not in ours}

    get, head = httpd.get(f"/{name}/{file}"), httpd.request("HEAD", f"/{name}/{file}")
    assert (head.status, head.body) == (get.status, b"")
    assert described(head.headers) == described(get.headers)
    assert head.headers["Content-Length"] in (None, str(len(get.body)))


@pytest.mark.parametrize("name", NAMES)
def test_o24_not_modified_has_no_body(httpd: Httpd, name: str) -> None:
    tag = httpd.get(f"/{name}/a.txt").headers["ETag"]
    answer = httpd.get(f"/{name}/a.txt", {"If-None-Match": tag})
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (304, b"", None)


def test_o25_an_error_page_is_not_filtered(httpd: Httpd) -> None:
    answer = httpd.get("/tail/missing.txt")
    assert answer.status == 404
    assert b"<!-- tail -->" not in answer.body


def test_o26_a_coded_body_is_left_alone_unless_asked_for(httpd: Httpd) -> None:
    httpd.write("coded/a.txt.gz", b"as if coded")
    httpd.write("any/a.txt.gz", b"as if coded")
    httpd.expect("filter TAIL steps aside: .*encoding=decode")
    assert httpd.get("/coded/a.txt.gz").body == b"as if coded"
    assert httpd.get("/any/a.txt.gz").body == b"as if coded<!-- tail -->"


def test_body_limit(httpd: Httpd) -> None:
    assert httpd.get("/limited/a.txt").body == b"the body is larger than 10 bytes"
    httpd.write("ten.txt", b"1234567890")
    assert httpd.get("/limited/ten.txt").body == b"1234567890"


def test_what_a_filter_knows(httpd: Httpd) -> None:
    expected = ("about", "streaming_filters::about", 0, "/about/a.txt", "127.0.0.1", 12)
    assert httpd.get("/about/a.txt").text == repr(expected)
