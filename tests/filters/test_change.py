"""change=: a promised length is kept, or the message is cut, so that no bytes become the next message."""

import pytest

from http1 import get, post, responses
from httpd import Httpd

NAMES = ["same", "upper", "plain_upper", "longer", "shorter", "plain_longer", "plain_shorter", "early", "more_and_out"]
CONF = "".join(
    f"""
    PythonOutputFilter length_filters::{name} {name}_no change=no
    PythonOutputFilter length_filters::{name} {name}_11 change=1:1
    PythonInputFilter length_filters::{name} {name}_no change=no
    PythonInputFilter length_filters::{name} {name}_11 change=1:1
    """
    + "".join(
        f"""
        Alias "/{name}_{change}/files" "${{HTDOCS}}"
        <Location "/{name}_{change}">
            SetHandler mod_python
            PythonHandler length_filters::pieces
            SetOutputFilter {name}_{change}
        </Location>
        <Location "/{name}_{change}/whole">
            PythonHandler length_filters::whole
        </Location>
        <Location "/{name}_{change}/files">
            SetHandler None
        </Location>
        <Location "/in/{name}_{change}">
            SetHandler mod_python
            PythonHandler length_filters::echo
            SetInputFilter {name}_{change}
        </Location>
        """
        for change in ("no", "11")
    )
    for name in [*NAMES, "look_and_out"]
)
CONF += """
PythonInputFilter length_filters::upper TYPED types=text/plain,application/*
<Location "/typed">
    SetHandler mod_python
    PythonHandler length_filters::echo
    SetInputFilter TYPED
</Location>
"""
WRONG = ["longer", "shorter", "plain_longer", "plain_shorter", "early", "more_and_out"]
# What shows only when something is out. (An early end shows at once.)
LATE = [name for name in WRONG if name != "early"]
RIGHT = ["same", "upper", "plain_upper"]


@pytest.mark.parametrize("name", ["same_no", "look_and_out_no", "look_and_out_11"])
def test_o21_change_no_leaves_all_headers(httpd: Httpd, name: str) -> None:
    httpd.write("a.txt", "abcdef")
    plain, filtered = httpd.get("/a.txt").headers, httpd.get(f"/{name}/files/a.txt").headers
    assert {n: plain[n] for n in plain if n != "Date"} == {n: filtered[n] for n in filtered if n != "Date"}
    answer = httpd.get(f"/{name}")
    assert (answer.headers["Content-Length"], answer.headers["ETag"], answer.headers["Content-MD5"]) == (
        "6",
        '"strong"',
        "x",
    )


@pytest.mark.parametrize("name", ["upper_11", "plain_upper_11"])
def test_o20_o21_one_to_one_keeps_the_length(httpd: Httpd, name: str) -> None:
    answer = httpd.get(f"/{name}")
    assert answer.body == b"ABCDEF"
    assert (answer.headers["Content-Length"], answer.headers["ETag"], answer.headers["Content-MD5"]) == (
        "6",
        'W/"strong"',
        None,
    )


@pytest.mark.parametrize("name", ["upper_11", "plain_upper_11", "same_no"])
def test_o22_a_range_is_a_slice_of_the_filtered_body(httpd: Httpd, name: str) -> None:
    httpd.write("a.txt", "abcdef")
    answer = httpd.get(f"/{name}/files/a.txt", {"Range": "bytes=2-4"})
    assert (answer.status, answer.body.lower(), answer.headers["Content-Range"]) == (206, b"cde", "bytes 2-4/6")
    assert answer.body.isupper() == ("upper" in name)


@pytest.mark.parametrize("change", ["no", "11"])
@pytest.mark.parametrize("name", LATE)
def test_o19_a_broken_promise_is_a_cut_response(httpd: Httpd, name: str, change: str) -> None:
    httpd.expect(rf"filter {name}_{change} keeps the Content-Length \(change=\), but .* of 6 came: it is cut")
    data = httpd.raw(get(f"/{name}_{change}") + get("/same_no") * 99)
    assert data.count(b"HTTP/1.1 200") == 1
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"Content-Length: 6" in head
    assert len(body) <= 6
    assert b"smuggled" not in data


@pytest.mark.parametrize("name", LATE)
def test_o19_on_http2(httpd: Httpd, name: str) -> None:
    httpd.expect("keeps the Content-Length")
    answer = httpd.curl("--http2", httpd.url(f"/{name}_no", tls=True))
    # What was promised may be there before the stream is reset; never more.
    assert answer.returncode in (18, 92) or answer.stdout == b"abcdef"


@pytest.mark.parametrize("name", WRONG)
def test_o11_what_is_at_hand_as_a_whole_is_mended(httpd: Httpd, name: str) -> None:
    httpd.expect(rf"filter {name}_no keeps the Content-Length .*: its length is corrected")
    answer = httpd.get(f"/{name}_no/whole")
    assert int(answer.headers["Content-Length"]) == len(answer.body) != 6


@pytest.mark.parametrize("name", [f"{name}_{change}" for name in RIGHT for change in ("no", "11")])
def test_o10_a_kept_promise_keeps_the_connection(httpd: Httpd, name: str) -> None:
    data = httpd.raw(get(f"/{name}") * 99 + get(f"/{name}", "Connection: close"))
    assert [answer.body.lower() for answer in responses(data)] == [b"abcdef"] * 100


@pytest.mark.parametrize("name", RIGHT)
def test_o23_head(httpd: Httpd, name: str) -> None:
    httpd.write("a.txt", "abcdef")
    for path in (f"/{name}_11", f"/{name}_11/files/a.txt"):
        get_, head = httpd.get(path).headers, httpd.request("HEAD", path).headers
        assert {n: get_[n] for n in get_ if n != "Date"} == {n: head[n] for n in head if n != "Date"}


@pytest.mark.parametrize("name", [f"{name}_{change}" for name in RIGHT for change in ("no", "11")])
def test_i10_a_kept_length_is_told_to_readers(httpd: Httpd, name: str) -> None:
    data = httpd.raw(post(f"/in/{name}", b"abcdef") * 9 + post(f"/in/{name}", b"abcdef", "Connection: close"))
    assert [answer.text.lower() for answer in responses(data)] == ["6 abcdef"] * 10


@pytest.mark.parametrize("change", ["no", "11"])
@pytest.mark.parametrize("name", WRONG)
def test_i10_a_broken_promise_is_an_error_for_readers(httpd: Httpd, name: str, change: str) -> None:
    httpd.expect(rf"filter {name}_{change} keeps the Content-Length \(change=\), but .* of 6 came")
    data = httpd.raw(post(f"/in/{name}_{change}", b"abcdef") + get("/same_no"))
    assert data.count(b"HTTP/1.1") == 1
    assert b"could not be read" in data or b" 500 " in data


def test_i10_without_a_length_nothing_is_promised(httpd: Httpd) -> None:
    data = httpd.raw(post("/in/plain_longer_no", [b"abc", b"def"], "Connection: close"))
    assert responses(data)[0].text.startswith("None abc")


def test_input_of_other_types_goes_by(httpd: Httpd) -> None:
    def answer(kind: str) -> str:
        return httpd.request("POST", "/typed", b"abc", {"Content-Type": kind}).text

    assert answer("Text/Plain; charset=utf-8") == answer("application/json") == "None ABC"
    assert answer("text/html") == answer("") == "3 abc"
