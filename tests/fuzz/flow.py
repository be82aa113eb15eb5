"""Generated filters whose outcome is known: each passes on what it reads, in a way of its own, until its end.

What it adds is MARK alone, which no body has: without the marks, the body that comes out is the one that went in, or
begins it if the filter gives up early.
"""

import itertools
import random
from collections.abc import Sequence
from typing import NamedTuple

from mod_python.testing import BRIGADE, EMPTY, FLUSH, FOREIGN, SLOW, Piece
from tests.fuzz.programs import STATUSES, function

MARK = b"\xfe"
MARK_TEXT = "b'\\xfe'"
_ENDS = (200, 0, -1, -2)  # results that say that all is well: they end the body where it is
MARKS = [BRIGADE, FLUSH, SLOW, EMPTY, FOREIGN]


class Flow(NamedTuple):
    """A filter."""

    text: str
    """Its source."""
    drops: bool
    """Whether it may end the body early as if that were all."""
    fails: bool
    """Whether it may raise."""


_STEPS = [
    "async for c in it: yield c; break",
    "yield await it.read({n})",
    "keep(await it.peek({n}))",
    "yield apache.FLUSH",
    f"yield {MARK_TEXT}",
    f"yield bytearray({MARK_TEXT})",
    "yield b''",
    "async for c in it.lines({big}): yield c; break",
    "async for b in it.buckets(): yield b; break",
    "async for b in it.buckets(): yield b.read(); break",
    "async for c in it: yield memoryview(c)[:1]; yield memoryview(c)[1:]; break",
    "in_thread(lambda: it.req and it.req.headers_out)",
    "it.any = 5",
    "gc.collect()",
]
_RESTS = [
    "async for c in it: yield c",
    "async for c in it.lines({big}): yield c",
    "async for b in it.buckets(): yield b",
    "async for b in it.buckets(): t = b.split({n}) if b.length and b.length > {n} else None; yield b; "
    "yield t if t is not None else b''",
    "async for c in it.replace({{b'\\xfd\\xf0': b'', b'\\xf0': b'x'}}): yield c",
    "yield await it.body({big})",
    "while d := await it.read({n}): yield d",
    "while d := await it.peek({n}): keep(d); yield await it.read({n})",
    "it.pass_on()",
]
_PLAIN = [
    "it.write(it.read({n}) or b'')",
    "it.write(it.readline({n}) or b'')",
    "it.flush()",
    f"it.write({MARK_TEXT})",
    "it.write(b'')",
    "gc.collect()",
    "it.write(memoryview(it.read() or b''))",
    "return",
]
_PLAIN_RESTS = [
    "while d := it.read(): it.write(d)",
    "while d := it.read({n}): it.write(d)",
    "while d := it.readline(): it.write(d)",
    "it.pass_on()",
    "it.disable()",
    "it.read(0)",
    "it.write(it.read() or b'')",
    "while (d := it.read()): it.write(d)\n    if d is None: it.close()",
]


_PLAIN_FAILURES = [
    "raise KeyError('generated')",
    "raise apache.SERVER_RETURN({status})",
    "it.read(); raise apache.SERVER_RETURN({status})",
    "it.write(5)",
    "it.read(); raise SystemExit",
    "raise KeyboardInterrupt",
    "return {status}",
    "it.read(object())",
]


def _fill(chance: random.Random, line: str) -> str:
    return line.format(n=chance.choice([1, 2, 3, 7, 100, 8192, 65536, 1 << 20]), big=chance.choice([1 << 20, 1 << 24]))


def _failure(chance: random.Random, status: int) -> str:
    return chance.choice(
        [
            "raise KeyError('generated')",
            f"raise apache.SERVER_RETURN({status})",
            "yield 'text'",
            "yield 5",
            "raise SystemExit",
            "raise KeyboardInterrupt",
            "raise StopAsyncIteration",
            "raise apache.BodyTooLarge",
            "await it.body(1); raise OSError",
            "yield apache.FileBucket('/no_such')",
        ]
    )


def generator(chance: random.Random, name: str) -> Flow:
    """Return an async generator."""
    lines = [_fill(chance, chance.choice(_STEPS)) for _ in range(chance.randint(0, 5))]
    end = chance.random()
    drops, fails = end > 0.9, 0.7 < end <= 0.9
    if end <= 0.7:
        lines.append(_fill(chance, chance.choice(_RESTS)))
    elif fails:
        status = chance.choice(STATUSES)
        lines.append(_failure(chance, status))
        drops = status in _ENDS
    else:
        lines += ["async for c in it: yield c; break", "return"]
    lines.append("if 0: yield b''")
    if chance.random() < 0.3:
        lines = ["try:", *(f"    {line}" for line in lines), "finally:", "    keep(it)"]
    return Flow(function(name, lines, is_async=True), drops, fails)


def plain(chance: random.Random, name: str) -> Flow:
    """Return a plain function."""
    lines = [_fill(chance, chance.choice(_PLAIN)) for _ in range(chance.randint(0, 3))]
    end = chance.random()
    drops, fails = end > 0.9, 0.7 < end <= 0.9
    if fails:
        line = chance.choice(_PLAIN_FAILURES)
        # A function that ends well has answered what it has read, with nothing too.
        status = chance.choice([one for one in STATUSES if "it.read()" not in line or one not in _ENDS])
        lines.append(line.format(status=status))
        drops = status in _ENDS
    elif drops:
        lines.append("it.close()")
    else:
        lines.append(_fill(chance, chance.choice(_PLAIN_RESTS)))
    return Flow(function(name, lines), drops, fails)


def body(chance: random.Random) -> bytes:
    """Return a body without marks."""
    words = [b"a", b"bc", b"\n", b"<p>", b"line\r\n", b"\x00", b"\xfd", b"\xfdab", b"\xc3\xa9", b"x" * 100, b"y" * 9000]
    if chance.random() < 0.05:
        words.append(b"z" * 300_000)
    return b"".join(chance.choice(words) for _ in range(chance.choice([0, 1, 2, 5, 20, 60])))


def cut(chance: random.Random, whole: bytes) -> list[Piece]:
    """Return the body in pieces, with anything between them."""
    count = chance.choice([0, 1, 3, 10, 40])
    places = sorted(chance.randint(0, len(whole)) for _ in range(count))
    pieces: list[Piece] = []
    for start, end in itertools.pairwise([0, *places, len(whole)]):
        pieces += chance.sample(MARKS, chance.choice([0, 1, 1, 2]))
        pieces.append(whole[start:end])
    return filled(pieces)


def filled(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces without brigades that have no bucket, and without waiting for what is no data."""
    found: list[Piece] = []
    is_empty = True
    for piece, following in itertools.zip_longest(pieces, pieces[1:]):
        if (piece is BRIGADE and is_empty) or (piece is SLOW and following in (None, b"", *MARKS)):
            continue
        found.append(piece)
        if piece is not SLOW:
            is_empty = piece in (BRIGADE, FLUSH)
    return found


def judge(flows: Sequence[Flow], went_in: bytes, came_out: bytes, *, whole: bool) -> str | None:
    """Say what is wrong with a body that came out, if anything is."""
    plain_out = came_out.replace(MARK, b"")
    if not went_in.startswith(plain_out):
        return f"{plain_out[:300]!r} does not begin {went_in[:300]!r} ({len(plain_out)} and {len(went_in)} bytes)"
    if whole and plain_out != went_in and not any(flow.drops for flow in flows):
        return f"{len(plain_out)} of {len(went_in)} bytes came, as if that were all"
    return None
