"""No way of cutting a body makes a difference: every shipped filter, and replace with any texts, on random bodies.

CASES says how many cases there are in all: 10,000 unless set; scripts/cut-law tries a million.
"""

import csv
import io
import itertools
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mod_python import testing
from mod_python.testing import Cut, Piece, Result

# isort: split
from mod_python import apache
from mod_python.filters import csv_to_json, inject, limit_upload, nonce, redact, replace, tee, throttle

CASES = int(os.environ.get("CASES", "10000"))
FILTERS: dict[
    str,
    tuple[Callable[[apache.AsyncFilter], object] | Callable[[apache.Filter], object], Mapping[str, str], list[bytes]],
] = {
    "inject": (inject.outputfilter, {"inject": "<p>"}, [b"</", b"bo", b"dy", b"</body", b"</BoDy>", b"\xc3\xa9", b"<"]),
    "replace": (
        replace.outputfilter,
        {"replace:aab": "x", "replace:aa": "", "replace:baaac": "long", "replace:c\u00e9": "y"},
        [b"a", b"a", b"b", b"c", b"\xc3", b"\xa9", b"baaa"],
    ),
    "redact": (
        redact.outputfilter,
        {},
        [
            b"4111 1111 ",
            b"1111 1111",
            b"41111111",
            b"11111111",
            b"1",
            b" ",
            b"-",
            b"a@b.",
            b"cd",
            b"@",
            b"\n",
            b"x" * 70,
        ],
    ),
    "nonce": (nonce.outputfilter, {}, [b"<script", b"<SCR", b"ipt", b">", b" ", b"<", b"/", b"x"]),
    "csv_to_json": (
        csv_to_json.outputfilter,
        {},
        [b"a,b\n", b'"', b",", b"\n", b"\r\n", b"x", b"\xc3", b"\xa9", b'""'],
    ),
    "tee": (tee.outputfilter, {"tee": "/dev/null"}, [b"a", b"bc"]),
    "throttle": (throttle.outputfilter, {"throttle": "1000000000"}, [b"a", b"bc"]),
}
MARKS = [testing.BRIGADE, testing.FLUSH, testing.SLOW, testing.EMPTY, testing.FOREIGN]


def cases(share: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with its share of the cases, in percent."""
    return settings(
        max_examples=CASES * share // 100,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def cut_bodies(words: list[bytes]) -> st.SearchStrategy[tuple[bytes, Cut]]:
    """Return a body made of words, and the same in pieces."""

    def make(letters: bytes, knife: bytes) -> tuple[bytes, Cut]:
        # A byte for a word; one for a place, and one for what stands there: quicker than lists of choices.
        body = b"".join(words[letter % len(words)] for letter in letters)
        cuts = sorted((place % (len(body) + 1), marks) for place, marks in zip(knife[::2], knife[1::2], strict=False))
        pieces: list[Piece] = []
        for (start, marks), (end, _) in itertools.pairwise([(0, 0), *cuts, (len(body), 0)]):
            pieces += [*MARKS[marks % 8 :][:1], *MARKS[marks // 8 % 8 :][:1], body[start:end]]
        return body, pieces

    return st.builds(make, st.binary(max_size=25), st.binary(max_size=24))


def without_nonce(result: Result) -> bytes:
    """Return the body without what is another one each time."""
    return re.sub(rb'nonce="[\w-]{22}"', b"nonce", result.body)


@pytest.mark.parametrize("name", FILTERS)
def test_every_shipped_filter(name: str) -> None:
    function, options, words = FILTERS[name]

    @cases(10)
    @given(cut_bodies(words))
    def law(case: tuple[bytes, Cut]) -> None:
        body, pieces = case
        whole = testing.run(function, body, options=options)
        cut = testing.run(function, cuts=[pieces], options=options)
        assert without_nonce(cut) == without_nonce(whole)
        assert (cut.status, cut.error, cut.complete) == (whole.status, whole.error, True)

    law()


def test_the_shipped_input_filter() -> None:
    @cases(10)
    @given(cut_bodies([b"a", b"bc", b"d" * 20]))
    def law(case: tuple[bytes, Cut]) -> None:
        body, pieces = case
        options = {"limit_upload": "100"}
        whole = testing.run(limit_upload.inputfilter, body, options=options, input=True)
        cut = testing.run(limit_upload.inputfilter, cuts=[pieces], options=options, input=True)
        assert whole.error == (413 if len(body) > 100 else None)
        assert cut.error == whole.error
        if whole.complete:
            assert cut.body == body

    law()


def test_all_shipped_filters_are_here() -> None:
    folder = Path(csv_to_json.__file__).parent
    assert {*FILTERS, "limit_upload"} == {path.stem for path in folder.glob("*.py")} - {"__init__"}


TEXTS = st.text("abAB\n", min_size=1, max_size=6).map(str.encode)


@cases(20)
@given(
    st.dictionaries(TEXTS, st.sampled_from([b"", b"1", b"ab", b"aab"]), min_size=1, max_size=5),
    cut_bodies([b"a", b"b", b"A", b"B", b"aab", b"\n", b"x"]),
    st.none() | st.integers(0, 4),
    st.booleans(),
)
def test_replace_is_what_a_regular_expression_does(
    pairs: dict[bytes, bytes], case: tuple[bytes, Cut], count: int | None, ignore_case: bool
) -> None:
    body, pieces = case
    if ignore_case:
        pairs = {old.lower(): new for old, new in pairs.items()}

    async def replacing(filter: apache.AsyncFilter) -> object:
        async for chunk in filter.replace(pairs, count=count, ignore_case=ignore_case):
            yield chunk

    longest_first = sorted(pairs, key=len, reverse=True)
    pattern = re.compile(b"|".join(map(re.escape, longest_first)), re.IGNORECASE if ignore_case else 0)

    def new(match: re.Match[bytes]) -> bytes:
        return pairs[match[0].lower() if ignore_case else match[0]]

    expected = body if count == 0 else pattern.sub(new, body, count=count or 0)
    for one in ([body], pieces):
        assert testing.run(replacing, cuts=[one]).body == expected


def test_csv_is_read_as_the_standard_library_reads_it() -> None:
    # What the law compares with is right, too.
    rows = [["a", "b"], ["1,", 'x "y"\r\n'], ["", "é"]]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    result = testing.run(csv_to_json.outputfilter, text.getvalue().encode(), cuts="all")
    assert result.body == b'[\n{"a": "1,", "b": "x \\"y\\"\\r\\n"},\n{"a": "", "b": "\\u00e9"}\n]\n'
