"""Bodies that a filter lets pass: parts that a server behind a proxy has cut, and coded ones; and those it must not."""

import gzip

import pytest

from httpd import Httpd

MODULES = ("headers", "proxy", "proxy_http")
CONF = (
    """
PythonOutputFilter output_filters::upper UPPER
PythonOutputFilter output_filters::upper UPPER_ONCE
PythonOutputFilter output_filters::upper UPPER_1_1 change=1:1
PythonOutputFilter output_filters::upper UPPER_AFTER kind=protocol
PythonOutputFilter output_filters::upper UPPER_HTML types=text/html;charset=utf-8,text/css
<Location "/origin">
    SetHandler mod_python
    PythonHandler partial_sources
</Location>
<Location "/coded">
    SetHandler mod_python
    PythonHandler partial_sources::coded
    SetOutputFilter UPPER_HTML
</Location>
"""
    + "".join(
        f"""
<Location "/{name}">
    ProxyPass http://127.0.0.1:${{PORT}}/origin
    SetOutputFilter {declared}
</Location>
"""
        for name, declared in {
            "upper": "UPPER",
            "one": "UPPER_1_1",
            "after": "UPPER_AFTER",
            "whole": "UPPER",
            "once": "UPPER_ONCE",
        }.items()
    )
    + """
<Location "/whole">
    RequestHeader unset Range
</Location>
PythonOutputFilter partial_sources::raises RAISES change=1:1
<Location "/debug/handler">
    SetHandler mod_python
    PythonHandler partial_sources::fails
    PythonDebug On
</Location>
<Location "/debug/filter">
    SetHandler mod_python
    PythonHandler partial_sources
    SetOutputFilter RAISES
    PythonDebug On
</Location>
PythonInputFilter input_filters::upper IN_UPPER
PythonInputFilter input_filters::upper IN_UPPER_ANY encoding=any
PythonInputFilter input_filters::unchanged IN_SAME change=1:1
<LocationMatch "^/in/">
    SetHandler mod_python
    PythonHandler partial_sources::reader
</LocationMatch>
"""
    + "".join(
        f"""
<Location "/in/{name}">
    SetInputFilter {filters}
</Location>
"""
        for name, filters in {
            "upper": "IN_UPPER",
            "any": "IN_UPPER_ANY",
            "two": "IN_UPPER;IN_SAME",
            "decoded": "IN_UPPER;DEFLATE",
        }.items()
    )
)
RANGE = {"Range": "bytes=2-4"}
RANGES = {"Range": "bytes=0-1,4-5"}
TWO_PARTS = (
    b"--edge\r\nContent-Range: bytes 0-1/10\r\n\r\nab\r\n"
    b"--edge\r\nContent-Range: bytes 4-5/10\r\n\r\nef\r\n--edge--\r\n"
)
GZIP = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize("path", ["/upper", "/after"])
def test_a_part_from_upstream_passes_as_it_is(httpd: Httpd, path: str) -> None:
    httpd.allow("filter UPPER(_AFTER)? steps aside")
    answer = httpd.get(path, RANGE)
    assert (answer.status, answer.body) == (206, b"cde")
    assert answer.headers["Content-Range"] == "bytes 2-4/10"
    assert answer.headers["Content-Length"] == "3"
    assert answer.headers["ETag"] == '"whole"'
    answer = httpd.get(path, RANGES)
    assert (answer.status, answer.body) == (206, TWO_PARTS)
    assert httpd.get(path).body == b"ABCDEFGHIJ"


def test_the_warning_about_parts_is_written_once(httpd: Httpd) -> None:
    httpd.expect("filter UPPER_ONCE steps aside: .*206.*range=whole")
    for _ in range(5):
        assert httpd.get("/once", RANGE).body == b"cde"
    lines = [line for line in httpd.log().splitlines() if "filter UPPER_ONCE steps aside" in line]
    children = {line.split("[pid ")[1].split("]")[0].split(":")[0] for line in lines}
    assert len(lines) == len(children) >= 1


def test_one_to_one_changes_one_part_and_not_several(httpd: Httpd) -> None:
    httpd.allow("filter UPPER_1_1 steps aside")
    answer = httpd.get("/one", RANGE)
    assert (answer.status, answer.body, answer.headers["Content-Range"]) == (206, b"CDE", "bytes 2-4/10")
    assert httpd.get("/one", RANGES).body == TWO_PARTS


def test_the_whole_body_where_no_range_goes_upstream(httpd: Httpd) -> None:
    answer = httpd.get("/whole", RANGE)
    assert (answer.status, answer.body, answer.headers["Content-Range"]) == (200, b"ABCDEFGHIJ", None)


@pytest.mark.parametrize("name", ["handler", "filter"])
def test_a_traceback_in_place_of_a_part_has_no_range(httpd: Httpd, name: str) -> None:
    httpd.expect("a failed part")
    answer = httpd.get(f"/debug/{name}", RANGE)
    assert (answer.status, answer.headers["Content-Range"]) == (500, None)
    assert b"RuntimeError: a failed part" in answer.body


@pytest.mark.parametrize("coding", ["", "none", "identity", "identity,identity", "None,,identity"])
def test_codings_that_are_none(httpd: Httpd, coding: str) -> None:
    assert httpd.get(f"/coded?{coding}").body == b"<BODY>"


@pytest.mark.parametrize("coding", ["gzip", "identity,br", "identity|gzip"])
def test_codings_that_are_some(httpd: Httpd, coding: str) -> None:
    httpd.allow("filter UPPER_HTML steps aside")
    assert httpd.get(f"/coded?{coding}").body == b"<body>"


def test_a_coded_request_body_passes_by(httpd: Httpd) -> None:
    httpd.expect("filter IN_UPPER steps aside: .*with encoding=decode the filter gets it decoded")
    httpd.allow("filter IN_SAME steps aside")
    body = gzip.compress(b"abc" * 1000, mtime=0)
    for sent in (body, [body[:5], body[5:]]):
        length = len(body) if sent is body else None
        assert httpd.request("POST", "/in/upper", sent, GZIP).text == f"{length} {body.hex()}"
    assert httpd.request("POST", "/in/two", body, GZIP).text.split()[1] == body.hex()
    assert httpd.request("POST", "/in/any", body, GZIP).text.split()[1] == body.upper().hex()
    assert httpd.request("POST", "/in/upper", b"abc").text.split()[1] == b"ABC".hex()


def test_a_request_body_that_is_decoded_below(httpd: Httpd) -> None:
    body = gzip.compress(b"abc" * 1000, mtime=0)
    assert httpd.request("POST", "/in/decoded", body, GZIP).text.split()[1] == (b"ABC" * 1000).hex()


def test_a_request_body_with_a_coding_that_is_none(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/in/upper", b"abc", {"Content-Encoding": "identity, identity"})
    assert answer.text.split()[1] == b"ABC".hex()
