"""The headers of HEAD behind filters that hold the body back, and parts that come out shorter than they say."""

import gzip
import random

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
PythonOutputFilter head_filters::same DECODED encoding=decode
PythonOutputFilter head_filters::same SAME
PythonOutputFilter head_filters::early EARLY change=no
AddEncoding gzip .gz
<Location "/decoded">
    ForceType text/html
    SetOutputFilter DECODED
</Location>
<Location "/deflated">
    SetOutputFilter SAME;DEFLATE
</Location>
<Location "/part">
    SetHandler mod_python
    PythonHandler head_filters::part
    SetOutputFilter EARLY
</Location>
"""
# Much longer than one piece that a filter gets, coded as well as plain.
BODY = random.Random(4).randbytes(200_000).hex().encode()


@pytest.fixture(scope="module", autouse=True)
def _files(httpd: Httpd) -> None:
    httpd.write("decoded/a.gz", gzip.compress(BODY))
    httpd.write("deflated/a.txt", BODY)


@pytest.mark.parametrize("path", ["/decoded/a.gz", "/deflated/a.txt"])
def test_head_tells_no_length_of_a_piece(httpd: Httpd, path: str) -> None:
    full, head = (httpd.request(method, path, None, {"Accept-Encoding": "gzip"}) for method in ("GET", "HEAD"))
    assert gzip.decompress(full.body) == BODY
    assert (head.status, head.headers["Content-Encoding"]) == (200, "gzip")
    assert head.headers["Content-Length"] in (None, str(len(full.body)))


def test_a_part_that_comes_out_shorter_is_no_whole_one(httpd: Httpd) -> None:
    httpd.expect("filter early keeps the Content-Length .*only 100 bytes of a body of 10000 came: it is cut")
    assert httpd.curl("--fail", httpd.url("/part")).returncode != 0
