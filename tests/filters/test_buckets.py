"""filter.buckets(): the brigade itself in the author's hands, with the same manners."""

import pytest

from cuts import answers, cut_everywhere
from http1 import chunk, post, responses
from httpd import Httpd
from probe import PROBE_CONF, passed

BODY = b"twelve bytes"
LAW = ["identity", "upper", "read_and_yield", "halves", "all_at_once", "some"]
NAMES = [*LAW, "mirror", "look_and_step_out", "tell", "part", "wrong", "keep", "twice"]
CONF = (
    PROBE_CONF
    + "".join(
        f"""
        PythonOutputFilter bucket_filters::{name} {name}
        PythonInputFilter bucket_filters::{name} {name}
        Alias "/{name}" "${{HTDOCS}}"
        <Location "/{name}">
            SetOutputFilter {name};PROBE
        </Location>
        <Location "/cut/{name}">
            SetOutputFilter BUCKETEER;{name}
        </Location>
        <Location "/buckets/{name}">
            SetHandler probe
            SetOutputFilter {name};PROBE
        </Location>
        <Location "/in/{name}">
            SetHandler mod_python
            PythonHandler bucket_filters::echo
            SetInputFilter {name}
        </Location>
        """
        for name in NAMES
    )
    + """
    <Location "/buckets/plain">
        SetHandler probe
        SetOutputFilter PROBE
    </Location>
    <Location "/kept">
        SetHandler mod_python
        PythonHandler bucket_filters::kept
    </Location>
    <Location "/cgi-bin">
        SetOutputFilter identity
    </Location>
    <Location "/cgi-bin/tell">
        SetOutputFilter tell
    </Location>
    <Location "/cgi-bin/read">
        SetOutputFilter read_and_yield
    </Location>
    """
)
SLOW = """#!/bin/sh
printf 'Content-Type: text/plain\\n\\naaa'
sleep 0.4
printf 'bbb'
"""


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    httpd.write("a.txt", BODY)


@pytest.mark.parametrize("name", LAW)
def test_o3_the_cut_law(httpd: Httpd, name: str) -> None:
    body = b"some secret text\n"
    expected = body.upper() if name == "upper" else body
    for cut, answer in answers(httpd, f"cut/{name}/cut.txt", cut_everywhere(body)):
        assert answer == expected, cut


@pytest.mark.parametrize("name", LAW)
def test_the_cut_law_for_requests(httpd: Httpd, name: str) -> None:
    body = b"some secret text\n" * 20
    for size in (1, 2, 7, 100, 400):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        request = post(f"/in/{name}", pieces, "Connection: close")
        (answer,) = responses(httpd.raw(request))
        assert answer.body == (body.upper() if name == "upper" else body), size


def test_o35_a_file_stays_a_file(httpd: Httpd) -> None:
    httpd.write("large.txt", BODY * 100000)
    assert httpd.get("/identity/large.txt").body == BODY * 100000
    assert passed(httpd) == ["FILE=1200000", "EOS"]


def test_o35_parts_of_files_stay_files(httpd: Httpd) -> None:
    assert httpd.get("/mirror/a.txt").body == b" bytestwelve"
    assert httpd.get("/part/a.txt").body == b"bytes" + b"twelv"
    assert passed(httpd) == ["FILE=6 FILE=6 EOS", "FILE=5 FILE=2 FILE=3 EOS"]


def test_what_buckets_say(httpd: Httpd) -> None:
    assert httpd.get("/tell/a.txt").text == "FILE=12@a.txt+0\nEOS\n"
    assert httpd.get("/buckets/tell?m,d:abc,z,f,u:xyz,m,e").text == "PROBE\nHEAP=3\nFLUSH\nUNKNOWN=None\nPROBE\nEOS\n"


def test_what_a_pipe_says(httpd: Httpd) -> None:
    httpd.cgi("tell", SLOW)
    assert httpd.get("/cgi-bin/tell").text == "HEAP=3\nPIPE=None\nEOS\n"


@pytest.mark.parametrize("name", ["identity", "read_and_yield"])
@pytest.mark.parametrize("query", ["m,d:a,m,i:b,m,e", "d:a,m,b,m,t:b,f,m,d:c,b,m,m,e", "m,b,e", "m,e", "d:a,f,b,f,e"])
def test_o9_metadata_keeps_its_place(httpd: Httpd, name: str, query: str) -> None:
    expected = httpd.get(f"/buckets/plain?{query}").body
    assert httpd.get(f"/buckets/{name}?{query}").body == expected
    plain, filtered = (" ".join(lines) for lines in _halves(passed(httpd)))
    assert filtered.replace("TRANSIENT", "HEAP") == plain.replace("TRANSIENT", "HEAP")


def _halves(lines: list[str]) -> tuple[list[str], list[str]]:
    end = next(number for number, line in enumerate(lines) if line.endswith("EOS")) + 1
    return lines[:end], lines[end:]


def test_o7_a_slow_source_is_passed_on_as_it_comes(httpd: Httpd) -> None:
    for name in ("slow", "read"):
        httpd.cgi(name, SLOW)
        with httpd.connect() as connection:
            connection.sendall(f"GET /cgi-bin/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            data = b""
            while b"aaa" not in data:
                data += connection.recv(4096)
            assert b"bbb" not in data
            while part := connection.recv(4096):
                data += part
        assert b"bbb" in data


def test_pass_on_gives_back_what_was_taken(httpd: Httpd) -> None:
    answer = httpd.get("/look_and_step_out/a.txt")
    assert answer.body == BODY
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert httpd.get("/buckets/look_and_step_out?m,d:abc,f,b,u:xyz,m,e").body == b"abcxyz"


def test_files_that_are_not_there(httpd: Httpd) -> None:
    answer = httpd.get("/wrong/a.txt").text
    assert answer.splitlines()[:-1] == ["FileNotFoundError", *["ValueError"] * 4, "OverflowError"]
    assert answer.splitlines()[-1].startswith("twelve bytesthe bucket has gone on")


@pytest.mark.parametrize("name", ["keep", "wrong"])
def test_a_bucket_kept_too_long_says_so(httpd: Httpd, name: str) -> None:
    httpd.get("/kept")
    httpd.get(f"/{name}/a.txt")
    lines = httpd.get("/kept").text.splitlines()
    # The request before may still be ending.
    assert all(line.startswith(("the filter is over", "the filter cannot be used now")) for line in lines[:3])
    assert len(lines) >= 3
    assert lines[3:] in ([], ["b''", "0", "None"])


def test_a_bucket_goes_on_once(httpd: Httpd) -> None:
    httpd.expect("this bucket is not in the filter's hands", "filter twice")
    assert httpd.get("/twice/a.txt").status == 500


def test_buckets_of_a_large_body_take_little_memory(httpd: Httpd) -> None:
    size = 100 << 20
    (httpd.htdocs / "huge.txt").touch()
    with (httpd.htdocs / "huge.txt").open("r+b") as file:
        file.truncate(size)
    with httpd.connect(timeout=60) as connection:
        connection.sendall(b"GET /read_and_yield/huge.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        before = {pid: httpd.memory(pid).peak for pid in httpd.children()}
        received = 0
        while part := connection.recv(1 << 20):
            received += len(part)
    assert received > size
    assert max(httpd.memory(pid).peak - before.get(pid, 0) for pid in httpd.children()) < 40 << 10


def test_early_end_of_input_buckets_reads_the_rest(httpd: Httpd) -> None:
    request = post("/in/some", [b"abc", b"def"]) + post("/in/identity", BODY, "Connection: close")
    assert [answer.body for answer in responses(httpd.raw(request))] == [b"abcdef", BODY]
    assert chunk(b"") == b"0\r\n\r\n"
