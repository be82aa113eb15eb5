"""Work that a client chooses by cutting a body small: it grows with the pieces, not with their square.

Counted, not timed: each bucket of the body counts how often the module reads it or sets it aside.
"""

import json
import re
import types
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from mod_python import testing
from mod_python.testing.bench import Bench, Setting
from mod_python.testing.native import library
from mod_python.testing.result import Result

# isort: split
from mod_python import apache
from mod_python.filters import csv_to_json, redact

Filter = Callable[[apache.AsyncFilter], AsyncIterator[object]]
SIZES = (2_000, 20_000)
MOST = 12  # touches of a piece


async def body(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    yield await filter.body(1 << 20)


async def peek(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    yield b"%d " % len(await filter.peek(1 << 20))
    async for chunk in filter:
        yield chunk


async def peek_often(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    while await filter.peek(4096):
        yield await filter.read(7)


async def peek_all_often(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    while await filter.peek(1 << 20):
        yield await filter.read(7)


async def lines(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    for line in [line async for line in filter.lines(1 << 20)]:
        yield line


async def buckets(filter: apache.AsyncFilter) -> AsyncIterator[object]:
    for bucket in [bucket async for bucket in filter.buckets()]:
        yield bucket


async def replaced(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter.replace({"no such": "text"}):
        yield chunk


async def chunks(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk


def pieces(data: bytes) -> Iterator[testing.Piece]:
    for at in range(len(data)):
        yield data[at : at + 1]
        yield testing.BRIGADE


def touched(
    function: Filter, data: bytes, ways: list[str] | None = None, *, keys: str = "", length: bool = False
) -> Result:
    """Give a filter a body byte by byte, each in a call of its own; each must have been touched a few times."""
    headers = {"Content-Length": str(len(data))} if length else {}
    setting = Setting(
        input=ways is not None,
        headers=headers,
        content_type="text/plain",
        encoding=None,
        options={},
        keys=keys,
        method="POST" if ways else "GET",
    )
    before = library().bench_touches()
    with Bench(function, setting) as bench:
        bench.watched = True
        if ways:
            bench.read(list(pieces(data)), ways)
        else:
            bench.write(list(pieces(data)))
        result = bench.result()
    each = (library().bench_touches() - before) / len(data)
    assert result.complete, result.log
    assert 1 <= each <= MOST, f"each of {len(data)} pieces was touched {each} times"
    return result


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("function", [body, lines, buckets, replaced, chunks])
def test_output_filters(function: Filter, size: int) -> None:
    data = b"x" * size
    assert touched(function, data).body == data
    data = b"x" * 79 + b"\n"
    data *= size // len(data)
    assert touched(function, data).body == data


@pytest.mark.parametrize("size", SIZES)
def test_peeking_of_output_filters(size: int) -> None:
    data = b"x" * size
    assert touched(peek, data).body == b"%d " % size + data


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("function", [peek_often, peek_all_often])
def test_peeking_again_and_again(function: Filter, size: int) -> None:
    data = b"x" * size
    assert touched(function, data).body == data
    assert touched(function, data, ["8192"]).body == data


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ways", [["8192"], ["1"], ["line"], ["peek8000", "1"]], ids=" ".join)
@pytest.mark.parametrize("function", [body, lines, buckets, chunks])
def test_input_filters(function: Filter, ways: list[str], size: int) -> None:
    data = b"x" * size
    assert touched(function, data, ways).body == data


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", ["1", "line"])
def test_input_filters_that_keep_the_length(way: str, size: int) -> None:
    data = b"x" * 9 + b"\n"
    data *= size // len(data)
    assert touched(buckets, data, [way], keys="change=no", length=True).body == data


@pytest.mark.parametrize("size", SIZES)
def test_csv_to_json(size: int) -> None:
    rows = [{"a": str(number), "b": "x"} for number in range(size // 10)]
    # A long first row: nothing is yielded before the second one.
    data = (
        b"a,b"
        + b" " * size
        + b"\n"
        + b"".join(b"%(a)s,%(b)s\n" % {b"a": row["a"].encode(), b"b": b"x"} for row in rows)
    )
    told = json.loads(touched(csv_to_json.outputfilter, data).body)
    assert [row["a"] for row in told] == [row["a"] for row in rows]


@pytest.mark.parametrize("size", SIZES)
def test_redact(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    searched = 0

    class Counting:
        def __init__(self, expression: bytes) -> None:
            self._pattern = re.compile(expression)

        def finditer(self, text: bytes, start: int) -> object:
            nonlocal searched
            searched += len(text) - start
            return self._pattern.finditer(text, start)

    monkeypatch.setattr("mod_python.filters.redact.re", types.SimpleNamespace(compile=Counting, sub=re.sub))
    for data in (b"x" * size, b"x y-z " * (size // 6), b"<x>" * (size // 3)):
        searched = 0
        assert touched(redact.outputfilter, data).body == data
        assert searched <= 4 * len(data) + 2 * redact.LONGEST
