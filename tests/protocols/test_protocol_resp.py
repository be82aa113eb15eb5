"""mod_python.protocols.resp: what redis-cli, redis-py and hostile bytes get, the same from all children."""

import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from httpd import Httpd

MPMS = ("event", "prefork")
HOST = """
Listen 127.0.0.1:${@PORT}
<VirtualHost *:${@PORT}>
    PythonConnectionHandler mod_python.protocols.resp
    PythonOption resp_database ${STATE}/@.sqlite
"""
CONF = f"""
<IfModule mpm_event_module>
    AsyncRequestWorkerFactor 20
</IfModule>
{HOST.replace("@", "RESP_")}
</VirtualHost>
{HOST.replace("@", "SMALL_")}
    PythonOption resp_longest 1000
    PythonOption resp_most 200000
</VirtualHost>
{HOST.replace("@", "TLS_RESP_")}
    SSLEngine on
    SSLCertificateFile "${{CERT}}"
    SSLCertificateKeyFile "${{KEY}}"
</VirtualHost>
"""
LONGEST = 1 << 20


def cli(httpd: Httpd, *words: str, tls: bool = False, stdin: bytes = b"") -> str:
    """What redis-cli prints."""
    port = httpd.port_of("TLS_RESP_PORT" if tls else "RESP_PORT")
    command = ["redis-cli", "-p", str(port), *(["--tls", "--cacert", str(httpd.certificate)] if tls else []), *words]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=30, check=True)
    return (done.stdout + done.stderr).decode().strip()


def execute(client: "redis.Redis", *words: str) -> Any:
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


def raw(httpd: Httpd, data: bytes, name: str = "RESP_PORT") -> bytes:
    return httpd.raw(data, port=httpd.port_of(name), half_close=True)


def packed(*words: bytes) -> bytes:
    """A command as clients send it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(httpd: Httpd, request: pytest.FixtureRequest) -> Iterator["redis.Redis"]:
    with redis.Redis(port=httpd.port_of("RESP_PORT"), protocol=request.param, socket_timeout=10) as client:
        client.flushdb()
        yield client


def test_redis_py_strings(client: "redis.Redis") -> None:
    assert client.ping()
    assert client.echo("all bytes") == b"all bytes"
    assert client.get("a") is None
    assert client.set("a", bytes(range(256)))
    assert client.get("a") == bytes(range(256))
    assert client.exists("a", "a", "b") == 2
    assert client.mset({"b": "1", "c": "", "é": "ü"})
    assert client.mget("a", "b", "none", "c", "é") == [bytes(range(256)), b"1", None, b"", "ü".encode()]
    assert client.dbsize() == 4
    assert client.delete("a", "b", "a", "none") == 2
    assert client.dbsize() == 2
    assert client.flushdb()
    assert client.dbsize() == 0


def test_redis_py_conditions(client: "redis.Redis") -> None:
    assert client.set("a", "1", xx=True) is None
    assert client.set("a", "1", nx=True)
    assert client.set("a", "2", nx=True) is None
    assert client.get("a") == b"1"
    assert client.set("a", "2", xx=True)
    assert client.get("a") == b"2"
    for wrong in (("NX", "XX"), ("EX",), ("EX", "0"), ("PX", "-1"), ("EX", "1", "PX", "1"), ("EX", "x"), ("WHAT",)):
        with pytest.raises(redis.ResponseError):
            execute(client, "SET", "a", "3", *wrong)
    assert client.get("a") == b"2"


def test_redis_py_numbers(client: "redis.Redis") -> None:
    assert client.incr("n") == 1
    assert client.incrby("n", 41) == 42
    assert client.decr("n") == 41
    assert client.decrby("n", 50) == -9
    assert client.get("n") == b"-9"
    for text in ("9223372036854775807", "9223372036854775808", "07", " 1", "1_0", "", "x"):
        client.set("n", text)
        with pytest.raises(redis.ResponseError):
            client.incr("n")
        assert client.get("n") == text.encode()
    client.set("n", "5", ex=100)
    client.incr("n")
    assert client.ttl("n") == 100


def test_redis_py_times(client: "redis.Redis") -> None:
    client.set("a", "1", px=60)
    client.set("b", "1", ex=100)
    client.set("c", "1")
    assert [client.ttl(key) for key in "abcd"] == [0, 100, -1, -2]
    assert client.expire("c", 50)
    assert not client.expire("d", 50)
    assert client.ttl("c") == 50
    assert client.expire("c", 0)
    assert client.ttl("c") == -2
    client.incr("b")
    time.sleep(0.08)
    assert client.get("a") is None
    assert client.exists("a") == 0
    assert client.keys() == [b"b"]
    assert not client.delete("a")
    assert client.set("a", "2", nx=True)
    assert client.ttl("a") == -1


def test_redis_py_databases(client: "redis.Redis", httpd: Httpd) -> None:
    client.set("here", "1")
    with redis.Redis(port=httpd.port_of("RESP_PORT"), db=3) as other:
        other.flushdb()
        assert other.get("here") is None
        other.set("there", "1", ex=10)
        assert other.info("keyspace")["db3"]["expires"] == 1
        other.flushdb()
    assert client.keys() == [b"here"]
    with pytest.raises(redis.ResponseError, match="out of range"):
        execute(client, "SELECT", "16")


def test_redis_py_finds_keys(client: "redis.Redis") -> None:
    names = [f"key:{number}" for number in range(2500)] + ["other", "o[1]", "o?"]
    client.mset(dict.fromkeys(names, "x"))
    assert sorted(client.keys("*")) == sorted(name.encode() for name in names)
    assert sorted(client.keys("o*")) == [b"o?", b"o[1]", b"other"]
    assert client.keys("key:1[1-2]?4") == [b"key:1104", b"key:1114", *(b"key:11%d4" % n for n in range(2, 10))] + [
        b"key:12%d4" % n for n in range(10)
    ]
    assert client.keys(r"o\?") == [b"o?"]
    assert client.keys(r"o\[1]") == [b"o[1]"]
    assert sorted(client.keys("o[^?]*")) == [b"o[1]", b"other"]
    assert sorted(client.scan_iter(count=100)) == sorted(name.encode() for name in names)
    assert len(list(client.scan_iter("key:2*", count=7000))) == 611
    begin = time.monotonic()
    assert client.keys("*a" * 60 + "*b") == []
    assert time.monotonic() - begin < 2


def test_scan_gives_what_is_there_all_the_time(client: "redis.Redis") -> None:
    client.mset({f"k{number}": "x" for number in range(100)})
    cursor, found = client.scan(count=10)
    for number in range(0, 100, 2):
        client.set(f"k{number}", "changed")
    client.delete(*(f"k{number}" for number in range(1, 100, 2)))
    client.mset({f"n{number}": "x" for number in range(100)})
    while cursor:
        cursor, more = client.scan(cursor, count=10)
        found += more
    assert {b"k%d" % number for number in range(0, 100, 2)} <= set(found)


def test_redis_py_pipelines(client: "redis.Redis") -> None:
    pipe = client.pipeline(transaction=False)
    for number in range(5000):
        pipe.incr("n")
        pipe.set(f"k{number % 100}", "x" * number)
    replies = pipe.execute()
    assert replies[::2] == list(range(1, 5001))
    assert client.get("k99") == b"x" * 4999


def test_redis_py_knows_the_server(client: "redis.Redis") -> None:
    assert client.info()["redis_version"]
    assert client.command_count() == len(client.command())
    assert execute(client, "COMMAND", "DOCS") in ([], {})
    assert execute(client, "COMMAND", "INFO", "get", "set")["set"]["arity"] == -3
    with pytest.raises(redis.ResponseError, match="unknown command 'lpush'"):
        client.lpush("a", "b")
    with pytest.raises(redis.ResponseError, match="wrong number of arguments for 'get'"):
        execute(client, "GET")
    for words in (("PING", "a", "b"), ("FLUSHDB", "NOW"), ("FLUSHDB", "SYNC", "SYNC"), ("MSET", "a"), ("SCAN", "x")):
        with pytest.raises(redis.ResponseError):
            execute(client, *words)


def test_redis_cli(httpd: Httpd) -> None:
    for tls in (False, True):
        assert cli(httpd, "FLUSHDB", tls=tls) == "OK"
        assert cli(httpd, "SET", "a", "b c", "EX", "100", tls=tls) == "OK"
        assert cli(httpd, "GET", "a", tls=tls) == "b c"
        assert cli(httpd, "GET", "none", tls=tls) == ""
        assert cli(httpd, "TTL", "a", tls=tls) in ("99", "100")
        assert cli(httpd, "-3", "HELLO", "3", tls=tls).splitlines()[0] == "server redis"
        assert cli(httpd, "--scan", tls=tls) == "a"
        assert cli(httpd, tls=tls, stdin=b"INCR n\nINCR n\nMGET a n\n").split("\n") == ["1", "2", "b c", "2"]
        assert "replies: 3" in cli(httpd, "--pipe", tls=tls, stdin=packed(b"INCR", b"n") * 3)
        assert cli(httpd, "GET", "n", tls=tls) == "5"


def test_redis_benchmark(httpd: Httpd) -> None:
    for pipelined in ([], ["-P", "16"]):
        # On prefork each command waits for the lock of another process, which takes long on a busy machine.
        clients, count = ("4", "500") if httpd.mpm == "prefork" else ("50", "2000")
        command = ["redis-benchmark", "-p", str(httpd.port_of("RESP_PORT")), "-t", "set,get,incr,ping,mset", "--csv"]
        command += ["-c", clients, "-n", count, *pipelined]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        tests = [line.split(",")[0] for line in done.stdout.splitlines()[1:]]
        assert tests == ['"PING_INLINE"', '"PING_MBULK"', '"SET"', '"GET"', '"INCR"', '"MSET (10 keys)"']
        assert "rror" not in done.stdout + done.stderr.replace("CONFIG", "")


def test_all_children_and_clients_share_the_keys(httpd: Httpd, client: "redis.Redis") -> None:
    def count() -> None:
        with redis.Redis(port=httpd.port_of("RESP_PORT")) as own:
            for _ in range(100):
                own.incr("n")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("n") == b"800"


def test_commands_in_any_pieces(httpd: Httpd) -> None:
    chance = random.Random(0)
    data = packed(b"SET", b"a", b"\r\n*1\r\n" * 5) + b"get a\r\n\r\n  PING  \r\n" + packed(b"GET", b"a") + b"quit\r\n"
    value = b"$30\r\n" + b"\r\n*1\r\n" * 5 + b"\r\n"
    whole = b"+OK\r\n" + value + b"+PONG\r\n" + value + b"+OK\r\n"
    assert raw(httpd, data + b"PING\r\n") == whole
    for _ in range(20):
        with httpd.connect(httpd.port_of("RESP_PORT")) as connection:
            at = 0
            while at < len(data):
                size = chance.randint(1, 30)
                connection.sendall(data[at : at + size])
                at += size
                time.sleep(0.0005)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        assert answer == whole


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"*1000000000\r\n$4\r\n", "invalid multibulk length"),
        (b"*-5\r\n", "invalid multibulk length"),
        (b"*x\r\n", "invalid multibulk length"),
        (b"*1_0\r\n", "invalid multibulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$1048577\r\n", "invalid bulk length: a command has at most 1048576 bytes"),
        (b"*20000\r\n" + b"$1\r\nx\r\n" * 20000, "invalid bulk length: a command has at most 1048576 bytes"),
        (b"*1\r\n:4\r\n", "expected '$', got ':'"),
        (b"*1\r\n$4\r\nPINGxx", "expected CRLF behind a bulk string"),
        (b"*" + b"1" * 100, "too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 40, "too big bulk count string"),
        (b"x" * 20000, "too big inline request"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_protocol_errors_have_the_words_of_redis(httpd: Httpd, data: bytes, error: str) -> None:
    assert raw(httpd, b"PING\r\n" + data).decode() == f"+PONG\r\n-ERR Protocol error: {error}\r\n"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("LPUSH a b", "ERR unknown command 'lpush', with args beginning with: 'a' 'b' "),
        ("X " + "y" * 200, f"ERR unknown command 'x', with args beginning with: '{'y' * 127}"),
        ("GET", "ERR wrong number of arguments for 'get' command"),
        ("SET a b EX 0", "ERR invalid expire time in 'set' command"),
        ("SET a b WHAT", "ERR syntax error"),
        ("SELECT 16", "ERR DB index is out of range"),
        ("DECRBY a x", "ERR value is not an integer or out of range"),
        ("SCAN x", "ERR invalid cursor"),
        ("SCAN -1", "ERR invalid cursor"),
        ("HELLO 4", "NOPROTO unsupported protocol version"),
        ("HELLO 3 AUTH alice secret", "ERR Syntax error in HELLO option 'AUTH'"),
        ("COMMAND LIST", "ERR unknown subcommand 'LIST'. Try COUNT, DOCS or INFO."),
    ],
)
def test_errors_have_the_words_of_redis(httpd: Httpd, command: str, error: str) -> None:
    assert raw(httpd, f"{command}\r\n".encode()).decode() == f"-{error}\r\n"


def test_values_up_to_the_limit(httpd: Httpd, client: "redis.Redis") -> None:
    longest = "x" * (LONGEST - 300)
    assert client.set("long", longest)
    assert client.get("long") == longest.encode()
    with pytest.raises(redis.ResponseError, match="a command has at most 1048576 bytes"):
        client.set("long", "x" * LONGEST)
    with pytest.raises(redis.ResponseError, match="ask for fewer"):
        client.mget(["long"] * 17)
    pipe = client.pipeline(transaction=False)
    for _ in range(200):
        pipe.get("long")
    children = httpd.children() if httpd.mpm == "event" else []  # prefork's come and go
    for child in children:
        Path(f"/proc/{child}/clear_refs").write_text("5")  # forgets the peak
    before = [httpd.memory(child).now for child in children]
    assert all(len(value) == len(longest) for value in pipe.execute())
    after = [httpd.memory(child).peak for child in children]
    # Of 200 MB of replies: what is under way, and as much again in each thread's arena of malloc.
    assert all(now - then < 70_000 for now, then in zip(after, before, strict=True))


def test_a_full_file(httpd: Httpd) -> None:
    with redis.Redis(port=httpd.port_of("SMALL_PORT")) as client:
        with pytest.raises(redis.OutOfMemoryError):
            for number in range(1000):
                client.set(f"key{number}", "x" * 500)
        assert client.get("key0") == b"x" * 500
        assert client.delete("key0") == 1
        for number in range(100):
            client.delete(f"key{number}")
        assert client.set("key0", "x")
        with pytest.raises(redis.ResponseError, match="a command has at most 1000 bytes"):
            client.set("key", "x" * 1000)


def test_a_killed_child_loses_no_key(httpd: Httpd) -> None:
    with redis.Redis(port=httpd.port_of("RESP_PORT")) as client:
        client.flushdb()
        children = httpd.children()
        for number in range(200):
            client.set(f"k{number}", str(number))
        for child in children:
            subprocess.run(["kill", "-9", str(child)], check=True)
    deadline = time.monotonic() + 10
    while set(httpd.children()) & set(children) or not httpd.children():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with redis.Redis(port=httpd.port_of("RESP_PORT")) as client:
        assert client.dbsize() == 200
