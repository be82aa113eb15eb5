"""mod_python.protocols.resp: what a client chooses of work and memory has limits."""

import importlib.util
import itertools
import random
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import redis

from httpd import Httpd
from server import PROJECT

MPMS = ("event", "prefork")
CONF = """
Listen 127.0.0.1:${RESP_PORT}
<VirtualHost *:${RESP_PORT}>
    PythonConnectionHandler mod_python.protocols.resp
    PythonOption resp_database ${STATE}/keys.sqlite
</VirtualHost>
<Location "/portions">
    SetHandler mod_python
    PythonHandler key_portions
</Location>
"""
KEY = 1_000_000
MOST = 4 << 20


def in_redis(glob: bytes, text: bytes) -> bool:
    """Whether a key matches a pattern, word for word as Redis says it."""
    if not glob:
        return not text
    if glob[:1] == b"*":
        return in_redis(glob[1:], text) or (bool(text) and in_redis(glob, text[1:]))
    if not text:
        return False
    if glob[:1] == b"?":
        return in_redis(glob[1:], text[1:])
    if glob[:1] == b"\\" and len(glob) > 1:
        return glob[1] == text[0] and in_redis(glob[2:], text[1:])
    if glob[:1] != b"[":
        return glob[0] == text[0] and in_redis(glob[1:], text[1:])
    glob = glob[1:]
    negated = glob[:1] == b"^"
    glob = glob[negated:]
    found = False
    while glob and glob[:1] != b"]":
        if glob[:1] == b"\\" and len(glob) > 1:
            found |= glob[1] == text[0]
            glob = glob[2:]
        elif len(glob) > 2 and glob[1:2] == b"-":
            found |= min(glob[0], glob[2]) <= text[0] <= max(glob[0], glob[2])
            glob = glob[3:]
        else:
            found |= glob[0] == text[0]
            glob = glob[1:]
    return found != negated and in_redis(glob[1:], text[1:])


@pytest.fixture(scope="module")
def patterns() -> ModuleType:
    spec = importlib.util.spec_from_file_location("patterns", PROJECT / "protocols/resp/patterns.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["patterns"] = module
    spec.loader.exec_module(module)
    return module


def test_patterns_match_what_they_match_in_redis(patterns: ModuleType) -> None:
    chance = random.Random(0)
    texts = [bytes(text) for size in range(5) for text in itertools.product(b"ab]", repeat=size)]
    texts += [b"a\\b", b"a-b", b"^", b"\n", b"*?", b"a*b", b"\xff\x00"]
    for _ in range(3000):
        glob = bytes(chance.choices(b"ab*?[]^-\\\xff", k=chance.randint(0, 9)))
        matches = patterns.pattern(glob)
        wrong = [text for text in texts if matches(text) != in_redis(glob, text)]
        assert not wrong, glob


def test_a_match_looks_at_a_long_key_once(patterns: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in bytes that the searches are given: whatever the stars, no more than the key has, and a little."""
    looked: list[int] = []
    compile_ = patterns.re.compile

    class Counting:
        def __init__(self, *arguments: object) -> None:
            self._pattern = compile_(*arguments)

        def search(self, text: bytes, start: int, end: int) -> object:
            found = self._pattern.search(text, start, end)
            looked.append((found.end() if found else end) - start)
            return found

        def match(self, text: bytes, start: int, end: int) -> object:
            looked.append(end - start)
            return self._pattern.match(text, start, end)

    monkeypatch.setattr(patterns.re, "compile", Counting)
    for size in (100_000, 400_000):
        for glob in (b"*[ab]?" * 40 + b"*[^a]", b"*?[ab]a[^c]*" * 20 + b"b", b"[ab]*" * 50 + b"[b]?"):
            looked.clear()
            assert not patterns.pattern(glob)(b"a" * size)
            assert sum(looked) <= size * 1.1 + patterns.LONGEST


@pytest.fixture
def client(httpd: Httpd) -> Iterator["redis.Redis"]:
    with redis.Redis(port=httpd.port_of("RESP_PORT"), socket_timeout=20) as client:
        client.flushdb()
        yield client
        client.flushdb()


def test_a_pattern_has_a_longest(client: "redis.Redis") -> None:
    client.set("aaa", "x")
    assert client.keys("*a" * 128) == []
    assert client.keys("*a" * 3 + "*") == [b"aaa"]
    for ask in (lambda glob: client.keys(glob), lambda glob: client.scan(0, match=glob)):
        for glob in ("*a" * 500_000, "a" * 257):
            with pytest.raises(redis.ResponseError, match="a pattern has at most 256 bytes"):
                ask(glob)
    assert client.ping()


def grown(httpd: Httpd, action: Callable[[], None]) -> int:
    """By how many KB the children grow at most; on prefork they come and go."""
    children = httpd.children() if httpd.mpm == "event" else []
    for child in children:
        Path(f"/proc/{child}/clear_refs").write_text("5")  # forgets the peak
    before = [httpd.memory(child).now for child in children]
    action()
    return max((httpd.memory(child).peak - now for child, now in zip(children, before, strict=True)), default=0)


def test_replies_with_keys_have_limits_in_bytes(httpd: Httpd, client: "redis.Redis") -> None:
    names = [b"%03d" % number + b"x" * (KEY - 3) for number in range(60)]
    for name in names:
        client.set(name, "")

    def ask() -> None:
        with pytest.raises(redis.ResponseError, match="more than 100000 keys or 4194304 bytes: use SCAN"):
            client.keys("*")
        assert client.keys("00[1-3]*") == names[1:4]
        cursor, found, calls = 0, [], 0
        while cursor or not calls:
            cursor, some = client.scan(cursor, count=1000)
            assert len(some) <= 2
            found += [name[:3] for name in some]
            calls += 1
        assert found == [name[:3] for name in names]

    # Of 60 MB of keys: 5 MB and their copies, and as much again in each thread's arena of malloc.
    assert grown(httpd, ask) < 100_000


def test_mget_has_a_limit_in_bytes(client: "redis.Redis") -> None:
    client.set("long", "x" * KEY)
    assert client.mget(["long"] * 4) == [b"x" * KEY] * 4
    with pytest.raises(redis.ResponseError, match="more than 4194304 bytes: ask for fewer"):
        client.mget(["long"] * 5)


def test_who_takes_no_replies_gets_one_at_a_time(httpd: Httpd, client: "redis.Redis") -> None:
    for number in range(4):
        client.set(b"%d" % number + b"x" * KEY, "")
    clients: list[socket.socket] = []

    def ask() -> None:
        for _ in range(5):
            clients.append(httpd.connect(httpd.port_of("RESP_PORT")))
            clients[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            clients[-1].sendall(b"KEYS *\r\n" * 100 + b"INCR done\r\n")
        assert client.ping()
        for asker in clients:
            assert asker.makefile("rb").read(4) == b"*4\r\n"

    # 500 replies of 4 MB are asked for: one for each client is under way, and is made in some copies.
    assert grown(httpd, ask) < 100_000
    assert client.get("done") is None
    for asker in clients:
        asker.close()


def test_keys_lets_others_in_between(httpd: Httpd) -> None:
    assert httpd.get("/portions").text == "3 pauses, 1 deletions, 1501 keys"
