"""What caches do: each function is called by its path, with the name of a cache behind it."""

import ast
import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from mod_python import apache

VALUES: list[Any] = [
    b"",
    b"\x00\xff" * 50,
    b'{"json": "text"}',
    None,
    True,
    False,
    0,
    -(2**70),
    1.5,
    1e300,
    "",
    "Grüße \U0001f600",
    "half \udc80",
    [],
    [1, [2, {"three": None}]],
    {"a": {"b": [True, 1.0, 1, "1"]}},
]


def the_cache(req: apache.Request) -> Any:
    """The cache whose name is the last part of the path."""
    return apache.cache(req.uri.rpartition("/")[2])


def text_of(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def evaluate(req: apache.Request) -> str:
    """The value of the query as an expression with `cache` and `timedelta`, or what it raises."""
    try:
        value = eval(apache.parse_qs(req.args or "")["x"][0], {"cache": the_cache(req), "timedelta": timedelta})
    except Exception as error:
        return text_of(error)
    return repr(value)


def values(req: apache.Request) -> list[str]:
    """The values that do not come back as they were."""
    cache = the_cache(req)
    wrong = []
    for number, value in enumerate(VALUES):
        cache.set(f"value{number}", value)
        found = cache[f"value{number}"]
        if found != value or type(found) is not type(value) or repr(found) != repr(value):
            wrong.append(f"{value!r}: {found!r}")
    found = cache.get_many([f"value{number}" for number in range(len(VALUES))])
    if repr(list(found.values())) != repr(VALUES):
        wrong.append(repr(found))
    return wrong


def count(req: apache.Request) -> list[Any]:
    """Add to one of four counters, look at a value that others write, and write it. Return what looked torn."""
    cache = the_cache(req)
    number = int(apache.parse_qs(req.args or "")["n"][0])
    torn = []
    for step in range(20):
        cache.incr(f"counter{(number + step) % 4}")
        found = cache.get("wide")
        if found is not None and (len(found) != 700 or len(set(found)) != 1):
            torn.append(repr(found))
        cache.set("wide", bytes([number % 256]) * 700)
    return [os.getpid(), torn]


def counters(req: apache.Request) -> list[Any]:
    """The four counters."""
    cache = the_cache(req)
    return [cache.get(f"counter{number}", 0) for number in range(4)]


def hammer(req: apache.Request) -> list[Any]:
    """Count in the cache and in a file, until the child is killed or there is a file `stop`."""
    cache = the_cache(req)
    folder = req.document_root()
    stop = Path(f"{folder}/stop")
    torn = 0
    done = 0
    # The count of what has returned: a byte a call, so that a kill cannot tear it.
    with open(f"{folder}/done-{os.getpid()}-{threading.get_ident()}", "ab", buffering=0) as file:
        while not stop.exists():
            cache.incr("hammered")
            file.write(b"x")
            done += 1
            found = cache.get("wide")
            torn += found is not None and (len(found) != 700 or len(set(found)) != 1)
            cache.set("wide", bytes([done % 256]) * 700)
    return [done, torn]


def largest(req: apache.Request) -> list[str]:
    """What values at the bounds of the size do."""
    cache = the_cache(req)
    try:
        cache.set("size", bytes(10_000_000))
        return ["no limit"]
    except ValueError as error:
        text = str(error)
    most = ast.literal_eval(text.split("room for ")[1].split()[0])
    told = [text]
    for size in (0, 1, most - 1, most, most + 1):
        value = b"v" * size
        try:
            cache.set("size", value)
        except ValueError as error:
            told.append(str(error))
        else:
            told.append("same" if cache.get("size") == value else "other")
    cache.set("size", 0)
    told.append(str(cache.incr("size")))
    return told


def expiry(req: apache.Request) -> list[Any]:
    """What is there before and after the end of entries."""
    cache = the_cache(req)
    cache.set("short", "s", ttl=timedelta(seconds=2))
    cache.set("long", "l", ttl=3600)
    cache["plain"] = "p"
    before = [cache.get("short"), cache.get("long"), cache["plain"]]
    deadline = time.monotonic() + 10
    while cache.get("short") is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    return [before, [cache.get("short"), cache.get("long"), "short" in cache, "plain" in cache]]


def window(req: apache.Request) -> list[Any]:
    """A counter keeps the end that it got when it was made."""
    cache = the_cache(req)
    first = cache.incr("window", ttl=1)
    highest = first
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        number = cache.incr("window", ttl=1)
        if number == 1:
            return [first, highest > 3]
        highest = number
        time.sleep(0.02)
    return ["no end"]


def forked(req: apache.Request) -> str:
    """The exit code of a process that was forked and uses the cache."""
    cache = the_cache(req)
    cache.set("forked", 1)
    child = os.fork()
    if child == 0:
        cache.get("forked")
        os._exit(7)
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def pid(req: apache.Request) -> str:
    """The process that answers."""
    return str(os.getpid())


def number(req: apache.Request) -> str:
    """The counter of `hammer`."""
    return str(the_cache(req).get("hammered", 0))


def beside_a_hot_one(req: apache.Request) -> list[Any]:
    """What is left of values that are not written again, while others are: a counter, and a long value."""
    cache = the_cache(req)
    for number in range(20):
        cache.set(f"cold{number}", number)
    for number in range(5000):
        cache.incr("hot")
        if number % 10 == 0:
            cache.set("long", b"x" * 2000)
            cache.set("short", number, ttl=0.001)
    found = cache.get_many([f"cold{number}" for number in range(20)])
    return [list(found.values()), cache.get("hot")]


def too_many(req: apache.Request) -> list[Any]:
    """More values than there is room for: the last one is there, and others are not."""
    cache = the_cache(req)
    for number in range(5000):
        cache.set(f"many{number}", b"x" * 500)
        if cache.get(f"many{number}") is None:
            return [number]
    found = cache.get_many([f"many{number}" for number in range(5000)])
    return [0 < len(found) < 5000, all(value == b"x" * 500 for value in found.values())]
