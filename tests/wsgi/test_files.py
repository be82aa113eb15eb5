"""wsgi.file_wrapper, and bodies that are larger than memory."""

import gzip
from pathlib import Path

import application_cases
import pytest

from httpd import Httpd

CONF = """
PythonApplication / wsgi file_pages
PythonApplication /sent wsgi file_pages
LogLevel python:info
<Location /sent>
    EnableSendfile On
</Location>
"""
DIGITS = b"0123456789" * 10000


@pytest.mark.parametrize("mount", ["", "/sent"])
@pytest.mark.parametrize("kind", ["buffered", "raw", "position", "temporary", "other", "gzip", "pipe"])
def test_files_are_sent_from_where_they_stand(httpd: Httpd, mount: str, kind: str) -> None:
    data = gzip.compress(DIGITS) if kind == "gzip" else DIGITS
    name = httpd.write("digits", data)
    answer = httpd.get(f"{mount}/opened/{kind}?{name}")
    wanted = {"position": DIGITS[4:], "temporary": b"3456789", "pipe": b"through a pipe"}.get(kind, DIGITS)
    assert (answer.status, answer.body) == (200, wanted)
    by_httpd = kind in ("buffered", "raw", "position", "temporary")
    assert answer.headers["Content-Length"] == (str(len(wanted)) if by_httpd else None)
    assert ("read by Python" in httpd.log()) is (kind == "other")


@pytest.mark.parametrize("mount", ["", "/sent"])
def test_ranges_of_files_are_left_to_httpd(httpd: Httpd, mount: str) -> None:
    path = f"{mount}/opened/buffered?{httpd.write('digits', DIGITS)}"
    answer = httpd.get(path, {"Range": "bytes=5-14"})
    assert (answer.status, answer.body) == (206, b"5678901234")
    assert answer.headers["Content-Range"] == f"bytes 5-14/{len(DIGITS)}"
    several = httpd.get(path, {"Range": "bytes=0-1,-2"})
    assert several.status == 206 and several.headers.get_content_type() == "multipart/byteranges"
    assert httpd.get(path, {"Range": "bytes=999999-"}).status == 416
    assert httpd.get(path, {"Range": "bytes=5-14", "If-Range": '"2"'}).body == DIGITS
    head = httpd.request("HEAD", path)
    assert (head.body, head.headers["Content-Length"]) == (b"", str(len(DIGITS)))


def test_files_that_do_not_say_their_size(httpd: Httpd) -> None:
    """Those of /proc have a size of 0, those of /sys one of a page."""
    for name in ("/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled", httpd.write("empty", "")):
        answer = httpd.get(f"/opened/buffered?{name}")
        assert (answer.status, answer.body) == (200, Path(name).read_bytes())
        assert httpd.request("HEAD", f"/opened/buffered?{name}").status == 200


def test_a_file_is_cut_at_its_content_length(httpd: Httpd) -> None:
    name = httpd.write("digits", DIGITS)
    assert httpd.get(f"/opened/short?{name}").body == b"01234"
    httpd.expect("TypeError: an application gives the body as bytes, not str")
    assert httpd.get(f"/opened/text?{name}").status == 500


@pytest.mark.alone
def test_a_gigabyte_up_and_down_takes_no_memory(httpd: Httpd) -> None:
    application_cases.a_gigabyte_up_and_down(httpd, "/sink", "/source")
