"""`apache.cache`: caches that all children share, over httpd's own providers."""

import json
import urllib.parse
from typing import Any

import pytest

from httpd import Httpd
from mod_python import testing

# isort: split
from mod_python import apache

MPMS = ("event", "worker", "prefork")
MODULES = ("socache_dbm",)
CONF = """
PythonCache shm shmcb:run/shm(200K) ttl=60
PythonCache tiny shmcb:run/tiny(8192)
PythonCache file dbm:run/file
PythonOutputFilter counting_filter COUNTING
<Location "/call">
    SetHandler mod_python
    PythonHandler call_by_path
</Location>
<Location "/call/both_interpreters/add/other">
    PythonInterpreter other
</Location>
<Location "/counted.txt">
    SetOutputFilter COUNTING
</Location>
"""
SHARED = ("shm", "file")


def call(httpd: Httpd, page: str, name: str, query: str = "") -> Any:
    answer = httpd.get(f"/call/cache_pages/{page}/{name}?{query}")
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


def evaluate(httpd: Httpd, name: str, expression: str) -> str:
    """What an expression with `cache` is or raises in a handler."""
    answer = call(httpd, "evaluate", name, urllib.parse.urlencode({"x": expression}))
    assert isinstance(answer, str)
    return answer


@pytest.mark.parametrize("name", SHARED)
def test_values_come_back_as_they_were(httpd: Httpd, name: str) -> None:
    assert call(httpd, "values", name) == []


@pytest.mark.parametrize("name", SHARED)
def test_a_cache_is_a_mapping(httpd: Httpd, name: str) -> None:
    def said(expression: str) -> str:
        return evaluate(httpd, name, expression)

    assert said("cache.get('none', 'default')") == "'default'"
    assert said("'none' in cache") == "False"
    assert said("cache['none']") == "KeyError: 'none'"
    assert said("cache.__delitem__('none')") == "KeyError: 'none'"
    assert said("(cache.delete('none'), cache.set('x', 1), cache.delete('x'), cache.delete('x'))") == (
        "(False, None, True, False)"
    )
    assert said("(cache.add('a', [1]), cache.add('a', [2]), cache['a'], cache.delete('a'))") == (
        "(True, False, [1], True)"
    )
    assert said("(cache.incr('i'), cache.incr('i', 5), cache.incr('i', delta=-10), cache['i'])") == "(1, 6, -4, -4)"
    assert said("(cache.set('ä', 1), cache['ä'.encode()])") == "(None, 1)"
    assert said("(cache.set(b'\\xff', 1), cache[b'\\xff'], cache['\\udcff'])") == "(None, 1, 1)"
    assert said("(cache.set('n', 1), cache.get_many(['n', 'none', b'n']))") == "(None, {'n': 1, b'n': 1})"
    assert said("cache.get_many([])") == "{}"
    text = "type('Text', (str,), {})('ä')"
    assert said(f"(cache.set('s', [{text}, {{{text}: 1}}]), cache['s'])") == "(None, ['ä', {'ä': 1}])"
    assert said(f"(cache.set('s', {text}), type(cache['s']) is str)") == "(None, True)"
    assert said("list(cache)") == "TypeError: 'Cache' object is not iterable"
    assert said("len(cache)") == "TypeError: object of type 'Cache' has no len()"
    provider = {"shm": "shmcb", "file": "dbm"}[name]
    assert said("(cache.name, cache.provider, cache)") == f"('{name}', '{provider}', <cache {name} of {provider}>)"


def test_what_is_wrong_is_said(httpd: Httpd) -> None:
    def said(expression: str) -> str:
        return evaluate(httpd, "shm", expression)

    for keys, kind in (("'to'", "str"), ("b'to'", "bytes")):
        assert said(f"cache.get_many({keys})") == f"TypeError: get_many() takes a list of keys, not a single {kind}"
    assert said("cache.get(1)") == "TypeError: the key of a cache is a str or bytes, not <class 'int'>"
    assert said("cache.get('')").startswith("ValueError: the key of a cache has 1 to 100 bytes, and not 0")
    assert said("cache.get('k' * 101)").endswith("not 101: for longer ones take hashlib.sha256(key).digest()")
    assert said("cache.set('k' * 100, 1)") == "None"
    assert said("cache.set('t', (1, 2))").startswith(
        "TypeError: a value in a cache is bytes, None, bool, int, float, str, list or dict, not tuple"
    )
    assert said("cache.set('t', [{1: 2}])").startswith("TypeError: a key of a dict in a cache is a str, not int")
    assert said("cache.set('t', {'x': float('nan')})").startswith("TypeError: a number in a cache is finite, not nan")
    assert said("cache.set('t', bytearray(b'x'))").startswith("TypeError: a value in a cache is bytes")
    for ttl in ("0", "-1", "float('nan')", "float('inf')", "10**12", "timedelta(0)", "timedelta(days=-1)"):
        assert "lives for more than 0 and up to 315360000 seconds" in said(f"cache.set('t', 1, ttl={ttl})"), ttl
    assert said("cache.set('t', 1, ttl='60')") == "TypeError: must be real number, not str"
    assert said("(cache.set('t', '1'), cache.incr('t'))").startswith(
        "TypeError: the cache shm (shmcb): incr() takes values that are an int of 64 bits"
    )
    assert "incr() takes values" in said("(cache.set('t', b'1'), cache.incr('t'))")
    assert "incr() takes values" in said("(cache.set('t', 2**63), cache.incr('t'))")
    assert said("(cache.set('t', 2**63 - 1), cache.incr('t'))").startswith(
        "OverflowError: the cache shm (shmcb): the sum has more than 64 bits"
    )
    assert said("cache.incr('t', 1.5)").startswith("TypeError")


def test_the_caches_of_tests_answer_as_those_of_httpd(httpd: Httpd) -> None:
    testing.clear_caches()
    names = {"cache": apache.cache("shm")}
    for expression in (
        *("cache.incr('same')", "cache.incr('same', 2**63 - 2)", "cache.incr('same')", "cache.incr('same', -(2**63))"),
        *("cache.incr('same', 1.5)", "cache.incr('same', '1')", "cache.incr('same', True)", "cache.incr('n', ttl='1')"),
        *("cache.set('same', 1, '60')", "cache.set('same', 1, 0)", "cache.add('same', 2)", "cache.add('other', b'2')"),
        *("cache.get_many(['same', b'other', 'x'])", "cache['x']", "cache.delete('x')", "list(cache)", "cache.get(1)"),
        *("cache.set('k' * 101, 1)", "cache.set('', 1)", "cache.set('same', (1,))", "cache.incr('other')"),
    ):
        try:
            said = repr(eval(expression, names))
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        assert evaluate(httpd, "shm", expression) == said.replace("(memory)", "(shmcb)"), expression


def test_a_name_that_is_not_there(httpd: Httpd) -> None:
    httpd.handler(
        "no_cache.py",
        "from mod_python import apache\n"
        "def said(req):\n"
        "    try:\n"
        "        apache.cache('nope')\n"
        "    except LookupError as error:\n"
        "        return str(error)\n",
    )
    assert json.loads(httpd.get("/call/no_cache/said").body) == (
        "there is no cache 'nope' (there are shm, tiny, file): write PythonCache nope shmcb:nope(bytes) into the "
        "configuration"
    )


@pytest.mark.parametrize("name", ["shm", "tiny", "file"])
def test_sizes_at_the_bounds(httpd: Httpd, name: str) -> None:
    first, *told, number = call(httpd, "largest", name)
    most = int(first.split("room for ")[1].split()[0])
    assert first.startswith(f"the cache {name} (") and "the value has 10000000 bytes" in first
    assert told[:4] == ["same"] * 4
    assert f"the value has {most + 1} bytes, and there is room for {most} beside this key" in told[4]
    assert number == "1"
    if name == "file":
        assert 900 < most < 950


@pytest.mark.parametrize("name", SHARED)
def test_entries_end(httpd: Httpd, name: str) -> None:
    assert call(httpd, "expiry", name) == [["s", "l", "p"], [None, "l", False, True]]


@pytest.mark.parametrize("name", SHARED)
def test_a_counter_keeps_its_end(httpd: Httpd, name: str) -> None:
    assert call(httpd, "window", name) == [1, True]


def test_interpreters_share_a_cache(httpd: Httpd) -> None:
    httpd.handler(
        "both_interpreters.py",
        "from mod_python import apache\n"
        "def add(req):\n"
        "    return [apache.interpreter, apache.cache('shm').incr('both')]\n",
    )
    asked = [f"/call/both_interpreters/add/{where}" for where in ("main", "other", "main", "other")]
    assert [json.loads(httpd.get(path).body) for path in asked] == [
        ["main_interpreter", 1],
        ["other", 2],
        ["main_interpreter", 3],
        ["other", 4],
    ]


def test_what_is_written_often_pushes_nothing_out(httpd: Httpd) -> None:
    """In the rings of shmcb, what is written again takes new room."""
    httpd.graceful()  # with an empty cache
    assert call(httpd, "beside_a_hot_one", "shm") == [list(range(20)), 5000]


def test_what_is_too_much_pushes_others_out(httpd: Httpd) -> None:
    assert call(httpd, "too_many", "shm") == [True, True]


def test_async_code_asks_on_a_thread(httpd: Httpd) -> None:
    httpd.handler(
        "counting_filter.py",
        "import asyncio\n"
        "from mod_python import apache\n"
        "async def outputfilter(filter):\n"
        "    async for chunk in filter:\n"
        "        yield chunk\n"
        "    found = await apache.aio(asyncio.to_thread(apache.cache('file').incr, 'filtered'))\n"
        "    yield b'%d' % found\n",
    )
    httpd.write("counted.txt", "count ")
    assert [httpd.get("/counted.txt").text for _ in range(3)] == ["count 1", "count 2", "count 3"]
