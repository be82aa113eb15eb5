"""Which test shows what httpd asks of filters: each rule for both shapes of filters, on both versions of HTTP.

O are the rules of output filters, I those of input filters, C those of filters of connections. A test has the rules
that it shows in its name, as in `test_o18_o19_...`.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pytest


class Shown(NamedTuple):
    """The test files that show a rule, or why there is none: "no: ..."."""

    plain: str
    """For plain functions on HTTP/1.1."""
    stream: str
    """For generators on HTTP/1.1."""
    plain_http2: str
    stream_http2: str


def all_in(file: str) -> Shown:
    """One file for all."""
    return Shown(file, file, file, file)


def by_shape(plain: str, stream: str) -> Shown:
    """A file for each shape, on both versions."""
    return Shown(plain, stream, plain, stream)


def by_version(one: str, two: str) -> Shown:
    """A file, or none, for each version, with both shapes."""
    return Shown(one, one, two, two)


FRAMING = by_shape("output_framing", "generator_framing")
MORE = all_in("rules_output")
BOTH = all_in("rules_http2")
READS = all_in("rules_input")
# Its server has filters of both shapes on each connection.
CONNECTION = "connection_filters"
BELOW_STREAMS = by_version(
    CONNECTION, "no: there is one connection below all streams (c1), and what its filters see of them is frames"
)

RULES = {
    **dict.fromkeys("o1 o2 o4 o5 o8 o9 o10 o11 o12 o13 o29".split(), FRAMING),
    **dict.fromkeys("o15 o16 o17 o18 o19 o31 o34 o35".split(), MORE),
    **dict.fromkeys("o20 o21 o22 o23 o24 o25 o26 o27 o28 o30 o32".split(), BOTH),
    "o3": Shown("output_cuts", "generator_cuts", "rules_http2", "rules_http2"),
    "o6": Shown("output_memory", "generator_streams", "rules_http2", "rules_http2"),
    "o7": Shown("output_sources", "generator_streams", "rules_http2", "rules_http2"),
    "o14": Shown("output_memory", "rules_http2", "rules_http2", "rules_http2"),
    "o33": all_in("run_time_filters"),
    **dict.fromkeys("i2 i3 i5 i7 i9 i11 i14 i15".split(), READS),
    **dict.fromkeys("i1 i8 i10 i12 i13".split(), BOTH),
    "i4": by_version("rules_input", "no: nothing is between the requests of a connection but frames"),
    "i6": by_version("rules_input", "no: a body that is cut resets its stream, and with it the answer"),
    **dict.fromkeys("c2 c3 c4 c5 c6 c7 c10".split(), BELOW_STREAMS),
    "c1": by_version("no: a connection has no streams", CONNECTION),
    "c8": all_in(CONNECTION),
    "c9": all_in("kinds"),
}
COUNTS = {"o": 35, "i": 15, "c": 10}
ON_HTTP2 = re.compile(r"http2|\bversion: str|\bget: Get|Stream\(")
ONLY_ON_HTTP2 = re.compile(r"on_http2\(|needs_http2\(")


def named_after(rule: str, file: str) -> list[str]:
    """The texts of a file's tests that have a rule in their names."""
    text = (Path(__file__).parent / f"test_{file}.py").read_text()
    return re.findall(rf"^def test_(?:[oic]\d+_)*{rule}_(?s:.*?)(?=^\S(?<!\))|\Z)", text, re.MULTILINE)


def test_no_rule_is_missing() -> None:
    assert set(RULES) == {f"{way}{number}" for way, count in COUNTS.items() for number in range(1, count + 1)}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_tests_of_its_name(rule: str) -> None:
    for combination, file in RULES[rule]._asdict().items():
        if file.startswith("no: "):
            continue
        found = named_after(rule, file)
        if combination.endswith("http2"):
            found = [test for test in found if ON_HTTP2.search(test)]
        else:
            found = [test for test in found if not ONLY_ON_HTTP2.search(test)]
        assert found, f"test_{file}.py shows nothing of {rule} for {combination}"
