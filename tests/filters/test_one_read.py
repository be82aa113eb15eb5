"""filter.read() in a plain function gives all that this call's brigade holds, as the manual of 3.5 says."""

import pytest

from httpd import Httpd
from mod_python import testing
from mod_python.testing.cuts import Mark

# isort: split
from mod_python import apache

OUTPUT = ("once", "lengths", "asks", "first_line")
HANDLERS = ("ten", "slow", "reader")
CONF = (
    "".join(
        f"""
        PythonOutputFilter one_read_filters::{name} {name}
        PythonInputFilter one_read_filters::{name} {name}
        <LocationMatch "^/(files|ten|slow)/{name}">
            SetOutputFilter {name}
        </LocationMatch>
        <LocationMatch "^/reader/{name}">
            SetInputFilter {name}
        </LocationMatch>
        """
        for name in OUTPUT
    )
    + "".join(
        f"""
        <Location "/{name}">
            SetHandler mod_python
            PythonHandler one_read_filters::{name}
        </Location>
        """
        for name in HANDLERS
    )
    + """
    PythonOutputFilter one_read_filters::once MORE joined=4M
    PythonOutputFilter one_read_filters::lengths FEW joined=10
    <Location "/files/more">
        SetOutputFilter MORE
    </Location>
    <Location "/files/few">
        SetOutputFilter FEW
    </Location>
    <Location "/bare">
        EnableMMAP Off
        SetOutputFilter once
    </Location>
    """
)
MB = 1 << 20
BOUND = r"FilterLimit: close\(\) would drop the rest .*read\(\) and readline\(\) return at most 1048576 .*joined=SIZE"


@pytest.mark.parametrize("folder", ["files/once", "bare"])
@pytest.mark.parametrize("length", [1, 65_536, 65_537, 100_000, MB])
def test_one_read_gives_a_whole_file(httpd: Httpd, folder: str, length: int) -> None:
    body = bytes(range(256)) * (length // 256) + b"x" * (length % 256)
    httpd.write(f"{folder}/a.bin", body)
    answer = httpd.get(f"/{folder}/a.bin")
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("times", [1, 5000])
def test_one_read_gives_all_that_a_handler_wrote(httpd: Httpd, times: int) -> None:
    assert httpd.get(f"/ten/once?{times}").text == "".join(str(number) * times for number in range(10))


def test_a_flush_ends_a_read(httpd: Httpd) -> None:
    assert httpd.get("/slow/lengths").text == "6 5 "


def test_a_body_above_the_bound_comes_in_pieces(httpd: Httpd) -> None:
    httpd.write("files/lengths/a.bin", b"x" * (2 * MB + 5))
    assert httpd.get("/files/lengths/a.bin").text == "1048576 1048576 5 "
    httpd.write("files/few/a.txt", b"x" * 25)
    assert httpd.get("/files/few/a.txt").text == "10 10 5 "


@pytest.mark.parametrize("name", ["once", "first_line"])
def test_closing_before_what_the_bound_left_is_no_silent_truncation(httpd: Httpd, name: str) -> None:
    httpd.write(f"files/{name}/large.bin", b"x" * (MB + 1))
    httpd.expect(BOUND)
    answer = httpd.raw(f"GET /files/{name}/large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 500 " in head or (b"chunked" in head.lower() and not body.endswith(b"0\r\n\r\n"))


def test_a_key_raises_the_bound(httpd: Httpd) -> None:
    httpd.write("files/more/large.bin", b"x" * (4 * MB))
    assert httpd.get("/files/more/large.bin").body == b"x" * (4 * MB)


def test_a_number_of_bytes_is_given_whole_and_can_end_the_body(httpd: Httpd) -> None:
    httpd.write("files/asks/a.bin", b"x" * 2 * MB)
    for number in (3, 200_000, MB):
        assert httpd.get(f"/files/asks/a.bin?{number}").body == b"x" * number


def test_a_line_longer_than_64_kib_is_given_whole(httpd: Httpd) -> None:
    line = b"x" * 200_000 + b"\n"
    httpd.write("files/first_line/a.txt", line + b"rest\n")
    assert httpd.get("/files/first_line/a.txt").body == line
    line = b"x" * (MB - 1) + b"\n"
    httpd.write("files/first_line/b.txt", line + b"rest\n")
    assert httpd.get("/files/first_line/b.txt").body == line


def test_an_input_filter_reads_what_its_brigade_holds(httpd: Httpd) -> None:
    assert httpd.request("POST", "/reader/once", body=b"x" * 8000).text == "8000"


def told_lengths(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(f"{len(data)} ")


def one_read(filter: apache.Filter) -> None:
    if s := filter.read():
        filter.write(s)
        filter.close()


def test_a_filter_under_test_reads_as_under_httpd() -> None:
    pieces: list[bytes | Mark] = [
        b"one",
        b"two",
        testing.FLUSH,
        b"three",
        testing.SLOW,
        b"four",
        testing.BRIGADE,
        b"five",
    ]
    result = testing.run(told_lengths, b"", cuts=[pieces])
    assert result.body == b"6 5 4 4 "
    body = b"x" * 100_000
    assert testing.run(one_read, body).body == body
