"""Many small writes of a handler are joined before they go through httpd's filters, and keep their order."""

import pytest

from httpd import Httpd

CONF = """
PythonOutputFilter counting COUNT
<Location "/counted/">
    SetOutputFilter COUNT
</Location>
SetHandler mod_python
PythonHandler small_writes
"""
COUNTING = """
async def outputfilter(filter):
    lengths = []
    async for bucket in filter.buckets():
        if bucket.type != "EOS":
            if not bucket.is_metadata:
                lengths.append(len(bucket.read()))
                continue
        yield bucket
    yield f"{len(lengths)} buckets of {sum(lengths)} bytes".encode()
"""
HANDLER = """
import os
import tempfile

from mod_python import apache

LARGE = b"L" * 100_000


def handler(req):
    for number in range(int(req.args)):
        req.write(f"{number:9}\\n", 0)
    if req.uri.endswith("/mixed"):
        req.write("a", 0)
        req.write(LARGE, 0)
        req.write("b", 0)
        req.flush()
        req.write("c", 0)
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"FILE")
            file.flush()
            req.sendfile(file.name)
        req.write("d")
        req.write("\\udce9", 0)
        req.write("", 0)
    if req.uri.endswith("/failing"):
        raise ValueError("after a small write")
    return apache.OK
"""


@pytest.fixture(autouse=True, scope="module")
def _modules(httpd: Httpd) -> None:
    httpd.handler("counting.py", COUNTING)
    httpd.handler("small_writes.py", HANDLER)


def lines(count: int) -> bytes:
    return b"".join(b"%9d\n" % number for number in range(count))


@pytest.mark.parametrize("count", [0, 1, 2, 799, 801, 6553, 6554, 50_000])
def test_small_pieces_arrive_in_their_order(httpd: Httpd, count: int) -> None:
    assert httpd.get(f"/pieces?{count}").body == lines(count)


def test_small_pieces_share_buckets(httpd: Httpd) -> None:
    told = httpd.get("/counted/pieces?10000").text
    buckets, length = int(told.split()[0]), int(told.split()[3])
    assert length == 100_000
    assert buckets <= 20  # and not 10000


def test_small_pieces_stay_before_what_is_written_behind_them(httpd: Httpd) -> None:
    expected = lines(7) + b"a" + b"L" * 100_000 + b"bcFILEd\xe9"
    assert httpd.get("/mixed?7").body == expected
    assert httpd.get("/mixed?0").body == expected[70:]


def test_small_pieces_before_an_error_are_dropped(httpd: Httpd) -> None:
    httpd.expect("ValueError: after a small write")
    answer = httpd.get("/failing?5")
    assert answer.status == 500
    assert lines(1) not in answer.body
