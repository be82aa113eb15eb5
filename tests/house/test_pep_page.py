"""docs/pep-3333.md and tests/wsgi/test_pep3333.py name each other."""

import ast
import re

from server import PROJECT

PAGE = PROJECT / "docs/pep-3333.md"
FILE = PROJECT / "tests/wsgi/test_pep3333.py"


def test_each_test_is_named_and_each_name_is_a_test() -> None:
    functions = [node.name for node in ast.parse(FILE.read_text()).body if isinstance(node, ast.FunctionDef)]
    tests = {name for name in functions if name.startswith("test_")}
    assert set(re.findall(r"`(test_\w+)`", PAGE.read_text())) == tests


def test_each_sentence_has_a_test_or_a_reason() -> None:
    rows = [row.strip("| ").split(" | ") for row in re.findall(r"^\| .*\|$", PAGE.read_text(), re.MULTILINE)]
    sentences = [row for row in rows if row[0] != "Sentence"]
    assert len(sentences) > 40
    for row in sentences:
        assert len(row) == 2, row
        assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*|none: .+", row[1]), row
