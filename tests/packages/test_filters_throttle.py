"""mod_python.filters.throttle: it takes its time, and no memory."""

import time

import pytest

from httpd import Httpd
from mod_python import testing

# isort: split
from mod_python.filters.throttle import outputfilter

CONF = """
PythonOutputFilter mod_python.filters.throttle THROTTLE
<Location "/slow">
    SetOutputFilter THROTTLE
    PythonOption throttle 100000
</Location>
"""


def test_the_cut_law() -> None:
    body = b"whatever it is, it stays as it is"
    assert testing.run(outputfilter, body, cuts="all", options={"throttle": "1000000000"}).body == body


@pytest.mark.alone
def test_the_rate(httpd: Httpd) -> None:
    httpd.write("slow/a.bin", bytes(60_000))
    started = time.monotonic()
    assert len(httpd.get("/slow/a.bin").body) == 60_000
    # The last piece, of a tenth of a second, is not waited for.
    assert 0.5 <= time.monotonic() - started < 0.8


def test_nothing_is_kept_meanwhile(httpd: Httpd) -> None:
    with httpd.write("slow/large.bin", b"").open("wb") as file:
        file.truncate(1 << 30)
    httpd.get("/slow/none.bin")
    before = max(httpd.memory(pid).peak for pid in httpd.children())
    httpd.curl("--max-time", "0.5", "-o", "/dev/null", httpd.url("/slow/large.bin"))
    assert max(httpd.memory(pid).peak for pid in httpd.children()) - before < 6 << 10
