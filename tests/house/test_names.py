"""Names in the sources: those of the field, one word for one thing; and functions that fit on a screen."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from server import PROJECT

SOURCES = sorted((PROJECT / "src").rglob("*.rs"))
PYTHON = [
    path
    for folder in ("python", "protocols", "filters", "tests/support")
    for path in sorted((PROJECT / folder).rglob("*.py"))
]
C = [path for folder in ("c-shim", "tests/support") for path in sorted((PROJECT / folder).rglob("*.[ch]"))]
MOST_LINES_OF_A_FUNCTION = 60

# Parts of names that once stood for what the field calls otherwise (task, session, timer, transport ...).
PRIVATE_WORDS = {
    *("seat", "talk", "alarm", "farewell", "duplex", "speaker", "crowd", "wishes", "usher", "rung", "bell"),
    *("watchman", "patience", "originals", "inquiry", "meter", "landing", "behind"),
}
# Words that are plain English as a part of a name, and private as a whole one.
PRIVATE_NAMES = {"wire", "breaking", "drops", "loose", "flow", "way", "waits", "hold", "stand_in", "parts"}
# Names that several types may have, each for a reason.
SHARED_NAMES = {
    "Me": "in each file that implements a Python class: the object, `This<'_, '_, Class>`",
}

_DEFINITION = re.compile(
    r"^\s*(?:pub(?:\([^)]*\))? )?(?:const |async |unsafe |static )*(?:fn|struct|enum|trait|type|mod|union) (\w+)"
)
_TYPE = re.compile(r"^( *)(?:pub(?:\([^)]*\))? )?(?:unsafe )?(struct|enum|union|trait|type) (\w+)")
_TRAIT_OR_IMPLEMENTATION = re.compile(r"^( *)(?:pub(?:\([^)]*\))? )?(?:unsafe )?(?:trait|impl)\b")
_FIELD = re.compile(r"^    (?:pub(?:\([^)]*\))? )?([a-z_]\w*): [^:]")
_FUNCTION = re.compile(r"^( *)(?:pub(?:\([^)]*\))? )?(?:const |async |unsafe |extern \"[^\"]*\" )*fn (\w+)")

_FUNCTION_OF_C = re.compile(r"^[a-z][\w *]*?\b(\w+)\([^;]*$", re.MULTILINE)


def names() -> Iterator[tuple[Path, str]]:
    """Yield the names of modules, types, functions and, in Rust, fields, each with its file."""
    for path in PYTHON:
        yield path, path.stem
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node.name.strip("_")
    for path in C:
        yield path, path.stem
        for name in _FUNCTION_OF_C.findall(path.read_text()):
            yield path, name
    for path in SOURCES:
        yield path, path.stem
        for line in path.read_text().splitlines():
            if match := _DEFINITION.match(line) or _FIELD.match(line):
                yield path, match[1]


def parts(name: str) -> list[str]:
    """Return the words of a name in snake_case or CamelCase, in lower case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function of a formatted file, with how many lines it has."""
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                yield node.name, node.end_lineno - node.lineno + 1
        return
    lines = path.read_text().splitlines()
    for start, line in enumerate(lines):
        if match := _FUNCTION.match(line):
            ends = (at for at in range(start, len(lines)) if lines[at] == f"{match[1]}}}")
            if not line.endswith(("}", ";")) and (end := next(ends, None)):
                yield match[2], end - start + 1


def test_names_are_those_of_the_field() -> None:
    wrong = {
        f"{path.relative_to(PROJECT)}: {name}"
        for path, name in names()
        if name.lower() in PRIVATE_NAMES or PRIVATE_WORDS.intersection(parts(name))
    }
    assert not wrong, "name these by the field's term"
    seen = {(path.name, name) for path, name in names()}
    assert {("native.py", "Library"), ("encoding.py", "encode"), ("mod_export_probe.c", "in_parent")} <= seen


def types() -> Iterator[tuple[str, Path]]:
    """Yield the structs, enums, unions, traits and type aliases, each with its file; those of tests left out."""
    for path in SOURCES:
        if path.stem == "tests":
            continue
        associated = ""  # The indent of the trait or implementation whose associated types are passed over.
        for line in re.split(r"^ *mod tests\b", path.read_text(), maxsplit=1, flags=re.MULTILINE)[0].splitlines():
            if match := _TRAIT_OR_IMPLEMENTATION.match(line):
                associated = f"{match[1]} " if not line.endswith("}") else ""
            elif re.fullmatch(r" *\}", line) and len(line) <= len(associated):
                associated = ""
            if match := _TYPE.match(line):
                is_associated = match[2] == "type" and associated and len(match[1]) >= len(associated)
                if not is_associated:
                    yield match[3], path


def test_no_name_has_two_types() -> None:
    found: dict[str, list[str]] = {}
    for name, path in types():
        found.setdefault(name, []).append(str(path.relative_to(PROJECT)))
    assert len(found) > 250
    several = {name: files for name, files in found.items() if len(files) > 1}
    assert {name: files for name, files in several.items() if name not in SHARED_NAMES} == {}, "rename one of them"
    assert SHARED_NAMES.keys() <= several.keys(), "take these from the list"


def test_no_function_is_long() -> None:
    long = {
        f"{path.relative_to(PROJECT)}: {name}": length
        for path in [*SOURCES, *PYTHON]
        for name, length in functions(path)
        if length > MOST_LINES_OF_A_FUNCTION
    }
    assert not long, f"split along its seams what has more than {MOST_LINES_OF_A_FUNCTION} lines"
    assert sum(1 for path in SOURCES for _ in functions(path)) > 1000
