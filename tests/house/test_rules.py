"""docs/rules.md and the tests name each other: a number in the name of a test is a rule, and a rule has its tests.

The rules of filters are shown for filters of both shapes, on both versions of HTTP.
"""

import ast
import itertools
import re
from collections import Counter
from typing import NamedTuple

import pytest

from server import PROJECT

PAGE = PROJECT / "docs" / "rules.md"
WITHOUT_GAPS = "OICP"
"""The letters whose numbers go from 1 to the last one."""
FOR_FILTERS = "OIC"
SHAPES = ("functions", "streaming filters")
VERSIONS = ("HTTP/1.1", "HTTP/2")
RULE = re.compile(r"\*\*([A-Z]\d+)\.\*\* ")
NUMBERS = re.compile(r"test_((?:[a-z]\d+_)+)")
ON_HTTP2 = re.compile(r"http2|\bversion: str|\bget: Get|Stream\(")
ONLY_ON_HTTP2 = re.compile(r"on_http2\(|needs_http2\(")


class Case(NamedTuple):
    """A test function."""

    file: str
    """The name of its file, without the folder."""
    name: str
    text: str


class Entry(NamedTuple):
    """A line of a rule's list: the tests of some combinations, or why there are none."""

    label: str
    text: str

    @property
    def tests(self) -> list[str]:
        """The names of the tests, some with the names of their files."""
        return re.findall(r"`(\S*test_\w+)`", self.text)

    @property
    def versions(self) -> list[str]:
        """The versions of HTTP that the label names."""
        return [version for version in VERSIONS if version in self.label]

    @property
    def combinations(self) -> set[tuple[str, str]]:
        """The shapes of filters that the label names, each with each version of HTTP that it names."""
        shapes = [shape for shape in SHAPES if shape in self.label.lower()]
        return set(itertools.product(shapes, self.versions))


def cases() -> list[Case]:
    """All test functions, in all folders of tests."""
    found: list[Case] = []
    for path in sorted((PROJECT / "tests").rglob("test_*.py")):
        lines = path.read_text().splitlines()
        found += [
            Case(path.name, node.name, "\n".join(lines[node.lineno - 1 : node.end_lineno]))
            for node in ast.walk(ast.parse("\n".join(lines)))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        ]
    return found


def rules() -> list[tuple[str, list[Entry]]]:
    """The rules of the page in its order."""
    found: list[tuple[str, list[Entry]]] = []
    for block in PAGE.read_text().split("\n\n"):
        if rule := RULE.match(block):
            found.append((rule[1], []))
        elif block.startswith("- ") and found:
            for line in block[2:].split("\n- "):
                label, _, text = " ".join(line.split()).partition(": ")
                found[-1][1].append(Entry(label, text))
    return found


CASES = cases()
RULES = rules()
TIMES = Counter(case.name for case in CASES)
BY_NAME = {case.name if TIMES[case.name] == 1 else f"{case.file}::{case.name}": case for case in CASES}
"""The tests by what the page calls them: with the file's name only where several files have a test of that name."""


def numbers(name: str) -> list[str]:
    """The rules in the name of a test."""
    found = NUMBERS.match(name)
    return found[1].upper().rstrip("_").split("_") if found else []


def test_each_rule_stands_once() -> None:
    found = [rule for rule, _ in RULES]
    assert [rule for rule, times in Counter(found).items() if times > 1] == []
    assert {rule[0] for rule in found} == {*WITHOUT_GAPS, "B", "W"}
    for letter in WITHOUT_GAPS:
        there = [int(rule[1:]) for rule in found if rule[0] == letter]
        assert there == list(range(1, len(there) + 1)), letter
    shared = Counter(rule[1:] for rule in found if rule[0] in "BW")
    assert [number for number, times in shared.items() if times > 1] == [], "B and W share their numbers"


def test_numbers_in_names_of_tests_are_rules() -> None:
    known = {rule for rule, _ in RULES}
    assert {case.name: number for case in CASES for number in numbers(case.name) if number not in known} == {}
    bare = [case.name for case in CASES if re.match(r"test_(?:[a-z]\d+_)*\d", case.name)]
    assert bare == [], "a number without a letter says nothing: name the rule of docs/rules.md, or the promise alone"


@pytest.mark.parametrize(("rule", "entries"), RULES, ids=[rule for rule, _ in RULES])
def test_a_rule_names_its_tests(rule: str, entries: list[Entry]) -> None:
    named = [test for entry in entries for test in entry.tests]
    assert sorted(named) == sorted(test for test, case in BY_NAME.items() if rule in numbers(case.name))
    assert named


@pytest.mark.parametrize(
    "entries", [pytest.param(entries, id=rule) for rule, entries in RULES if rule[0] in FOR_FILTERS]
)
def test_a_rule_of_filters_covers_each_shape_on_each_version(entries: list[Entry]) -> None:
    covered = set[tuple[str, str]]()
    for entry in entries:
        assert entry.combinations, f"{entry.label!r} names no shape or no version of HTTP"
        assert bool(entry.tests) != entry.text.startswith("none, because "), entry
        covered |= entry.combinations
        for test in entry.tests:
            text = BY_NAME[test].text
            assert "HTTP/2" not in entry.versions or ON_HTTP2.search(text), f"{test} is not on HTTP/2"
            assert "HTTP/1.1" not in entry.versions or not ONLY_ON_HTTP2.search(text), f"{test} is on HTTP/2 only"
    assert covered == set(itertools.product(SHAPES, VERSIONS))


def test_lines_of_the_page_are_short() -> None:
    assert [line for line in PAGE.read_text().splitlines() if len(line) > 120] == []
