"""Large bodies that async handlers read in pieces leave no holes in the memory of their child."""

from httpd import Httpd
from tests.bench import slow_clients

MPMS = ("event",)
CONF = slow_clients.CONF


def test_memory_is_flat(httpd: Httpd) -> None:
    httpd.handler("slow_clients.py", slow_clients.HANDLER)
    slow_clients.upload(httpd, 64 << 20, chunked=False)
    assert slow_clients.upload(httpd, 4 << 30, chunked=False) < 16 * 1024
