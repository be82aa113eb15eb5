"""`apache.cache` on a real redis and a real memcached of Debian's packages: the same interface, with their limits."""

import json
import subprocess
import urllib.parse
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from engines import KINDS, engine

from httpd import Httpd

MPMS = ("event", "prefork")


class OnEngine(NamedTuple):
    """A server with a cache `far` on an engine."""

    httpd: Httpd
    kind: str
    port: int

    def call(self, page: str, query: str = "") -> Any:
        """What a function of cache_pages answers."""
        answer = self.httpd.get(f"/call/cache_pages/{page}/far?{query}")
        assert answer.status == 200, answer.text
        return json.loads(answer.body)

    def said(self, expression: str) -> str:
        """What an expression with `cache` is or raises in a handler."""
        answer = self.call("evaluate", urllib.parse.urlencode({"x": expression}))
        assert isinstance(answer, str)
        return answer


def conf(kind: str, port: int) -> str:
    return f"PythonCache far {kind}:127.0.0.1:{port} ttl=60\nSetHandler mod_python\nPythonHandler call_by_path\n"


@pytest.fixture(scope="module", params=[(kind, mpm) for kind in KINDS for mpm in MPMS], ids="-".join)
def server(request: pytest.FixtureRequest) -> Iterator[OnEngine]:
    kind, mpm = request.param
    modules = (f"socache_{kind}",)
    with engine(kind) as port, Httpd(conf(kind, port), beside=__file__, mpm=mpm, modules=modules) as httpd:
        yield OnEngine(httpd, kind, port)


@pytest.fixture
def far(server: OnEngine) -> Iterator[OnEngine]:
    yield server
    server.httpd.check_log()


def test_values_come_back_as_they_were(far: OnEngine) -> None:
    assert far.call("values") == []


def test_the_same_interface(far: OnEngine) -> None:
    assert far.said("cache.get('none', 'default')") == "'default'"
    assert far.said("cache['none']") == "KeyError: 'none'"
    assert far.said("(cache.set('x', 1), 'x' in cache, cache.delete('x'), cache.delete('x'))") == (
        "(None, True, True, False)"
    )
    assert far.said("(cache.set('k' * 100, b'long'), cache['k' * 100])") == "(None, b'long')"
    assert far.said("(cache.set('n', 1), cache.get_many(['n', 'none', b'n']))") == "(None, {'n': 1, b'n': 1})"
    assert far.said("(cache.name, cache.provider)") == f"('far', '{far.kind}')"


def test_what_is_not_atomic_there_is_refused(far: OnEngine) -> None:
    start = f"NotImplementedError: the cache far ({far.kind}): add() and incr() would not be atomic there"
    assert far.said("cache.add('a', 1)").startswith(start)
    assert far.said("cache.incr('a')").startswith(start)
    assert far.said("'a' in cache") == "False"


def test_sizes_at_the_bounds(far: OnEngine) -> None:
    far.httpd.handler(
        "far_sizes.py",
        "from mod_python import apache\n"
        "def told(req):\n"
        "    cache = apache.cache('far')\n"
        "    most = 1_000_000 - 4 - len('size') - 17\n"
        "    found = []\n"
        "    for size in (0, 1, most):\n"
        "        value = b'v' * size\n"
        "        cache.set('size', value)\n"
        "        found.append(cache['size'] == value)\n"
        "    try:\n"
        "        cache.set('size', bytes(most + 1))\n"
        "    except ValueError as error:\n"
        "        found.append(str(error))\n"
        "    return found\n",
    )
    told = json.loads(far.httpd.get("/call/far_sizes/told").body)
    assert told == [True, True, True, f"the cache far ({far.kind}): the value has 999976 bytes, and there is room for "
                    "999975 beside this key"]  # fmt: skip


def test_entries_end(far: OnEngine) -> None:
    assert far.call("expiry") == [["s", "l", "p"], [None, "l", False, True]]
    # One second of memcached may be over at once: its clock has whole ones.
    fraction = 1.01 if far.kind == "memcache" else 0.01
    assert far.said(f"(cache.set('f', 1, ttl={fraction}), cache['f'])") == "(None, 1)"
    month = 30 * 24 * 3600
    assert far.said(f"(cache.set('m', 1, ttl={month}), cache['m'])") == "(None, 1)"
    said = far.said(f"cache.set('m', 1, ttl={month + 1})")
    if far.kind == "memcache":  # which takes it for a time of day
        assert "lives for more than 0 and up to 2592000 seconds, not 2592001" in said
    else:
        assert said == "None"


def test_what_others_have_written_is_missing(far: OnEngine) -> None:
    """A value nobody expects, under the very key that the module uses."""
    assert far.said("cache.set('theirs', 1)") == "None"
    if far.kind == "redis":
        ask = ["redis-cli", "-p", str(far.port)]
        [key] = subprocess.run(
            [*ask, "keys", "far:*" + b"theirs".hex().upper()], capture_output=True, text=True, check=True
        ).stdout.split()
        subprocess.run([*ask, "set", key, "theirs"], capture_output=True, check=True)
        far.httpd.expect("the cache far has entries that this module has not written")
        assert far.said("cache.get('theirs', 'missing')") == "'missing'"
        subprocess.run([*ask, "set", key, ""], capture_output=True, check=True)
        assert far.said("cache.get('theirs', 'missing')") == "'missing'"
        subprocess.run([*ask, "del", key], capture_output=True, check=True)
        subprocess.run([*ask, "rpush", key, "a", "list"], capture_output=True, check=True)
        far.httpd.allow("AH03479")
        assert far.said("cache.get('theirs', 'missing')").startswith(("'missing'", "OSError: the cache far (redis)"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_that_is_away_raises_and_comes_back(kind: str) -> None:
    with engine(kind) as port, Httpd(conf(kind, port), beside=__file__, modules=(f"socache_{kind}",)) as httpd:
        here = OnEngine(httpd, kind, port)
        assert here.said("cache.set('x', 1)") == "None"
    with engine(kind) as port:
        pass
    with Httpd(conf(kind, port), beside=__file__, modules=(f"socache_{kind}",)) as httpd:
        httpd.allow("AH03478", "AH03479", "AH00790", "AH00791")
        here = OnEngine(httpd, kind, port)
        assert here.said("cache.set('x', 1)").startswith(f"OSError: the cache far ({kind}): its provider fails: ")
        assert here.said("cache.get('x', 'none')") == "'none'"  # httpd knows for five seconds that it is away
        with engine(kind, port):
            httpd.handler(
                "comes_back.py",
                "import time\n"
                "from mod_python import apache\n"
                "def told(req):\n"
                "    deadline = time.monotonic() + 30\n"
                "    while time.monotonic() < deadline:\n"
                "        try:\n"
                "            apache.cache('far').set('x', 'back')\n"
                "            return [apache.cache('far')['x']]\n"
                "        except OSError:\n"
                "            time.sleep(0.2)\n"
                "    return ['away']\n",
            )
            answer = httpd.connect(timeout=60)
            answer.sendall(b"GET /call/comes_back/told HTTP/1.0\r\n\r\n")
            with answer, answer.makefile("rb") as file:
                assert file.read().endswith(b'["back"]')
