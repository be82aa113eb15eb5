"""docs/asgi-spec.md names tests of tests/asgi only, and each sentence has one or a reason."""

import ast
import re

from server import PROJECT

PAGE = PROJECT / "docs/asgi-spec.md"


def test_each_name_is_a_test() -> None:
    tests = set()
    for path in (PROJECT / "tests/asgi").glob("test_*.py"):
        tests |= {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
    assert set(re.findall(r"`(test_\w+)`", PAGE.read_text())) <= tests


def test_each_sentence_has_a_test_or_a_reason() -> None:
    rows = [row.strip("| ").split(" | ") for row in re.findall(r"^\| .*\|$", PAGE.read_text(), re.MULTILINE)]
    sentences = [row for row in rows if row[0] != "Sentence"]
    assert len(sentences) > 30
    for row in sentences:
        assert len(row) == 2, row
        assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*|none: .+", row[1]), row
