"""A response that is cut is no response for mod_cache, whoever has cut it."""

import http.client
from pathlib import Path

import pytest

from coded_pages import MOD_DEFLATE, conf
from httpd import Httpd

MODULES = ("cache", "cache_disk")
MPMS = ("event", "prefork")
CONF = (
    conf({"plain": "SetOutputFilter PLAIN"}, ("cached/",))
    + """
PythonOutputFilter coded_sources::fails_later LATER
<Location "/cached/handler">
    SetHandler mod_python
    PythonHandler coded_sources::half
</Location>
<Location "/cached/filter">
    SetHandler mod_python
    PythonHandler coded_sources::two_pieces
    SetOutputFilter LATER
</Location>
CacheRoot "${STATE}/cache"
CacheEnable disk /cached
"""
)


@pytest.fixture(scope="module", autouse=True)
def _cache(httpd: Httpd) -> None:
    cache = Path(httpd.variables["STATE"]) / "cache"
    cache.mkdir()
    cache.chmod(0o777)


@pytest.mark.parametrize(
    ("path", "reason"),
    {
        "/cached/plain/crc?kept&tiny": "its gzip data is damaged",
        "/cached/handler": "half a response",
        "/cached/filter": "half a body",
    }.items(),
)
def test_a_cut_response_is_not_kept(httpd: Httpd, path: str, reason: str) -> None:
    httpd.expect(reason)
    httpd.allow(MOD_DEFLATE, "PythonHandler coded_sources", "filter LATER")
    for _ in range(2):
        with pytest.raises(http.client.IncompleteRead):
            httpd.get(path)
