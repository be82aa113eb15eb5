"""The house (src/lib.rs has its map): floors know only what lies below them, files are about one thing."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from server import PROJECT

# What the code of a floor must not mention; use lists in braces count, too.
FORBIDDEN = {
    "httpd": ("pyo3", "crate::python", "crate::engine", "crate::entry", "crate::directives"),
    "engine": ("pyo3", "crate::httpd", "crate::python", "crate::entry", "crate::directives"),
    "python": ("crate::entry", "crate::directives", "httpd::ffi"),
}
MOST_LINES = 400
MOST_LINES_OF_AN_EXAMPLE = 60
MOST_LINES_OF_A_PROTOCOL = 150
# Not .pyi: a stub is the index of one built-in module; split, it would tell of modules that are not there.
WRITTEN = {".rs", ".c", ".h", ".py", ".conf", ".sh", ""}


def mentions(path: Path, name: str) -> Iterator[str]:
    """Where the code of a Rust file, without its comments, mentions a name."""
    text = re.sub(r"//.*", "", path.read_text())
    for match in re.finditer(r"\b" + name.replace("::", r"::(?:\{[^;]*?)?\b") + r"\b", text):
        yield f"{path.relative_to(PROJECT)}:{text.count(chr(10), 0, match.start()) + 1} {match[0]}"


def lines(path: Path) -> int:
    """How many lines a file has."""
    return len(path.read_text().splitlines())


@pytest.mark.parametrize("floor", FORBIDDEN)
def test_a_floor_knows_nothing_of_those_above(floor: str) -> None:
    files = sorted((PROJECT / "src" / floor).rglob("*.rs"))
    assert len(files) > 1
    assert not [place for path in files for name in FORBIDDEN[floor] for place in mentions(path, name)]


def test_decisions_are_safe() -> None:
    assert "\n#![forbid(unsafe_code)]\n" in (PROJECT / "src/engine/mod.rs").read_text()


def test_no_file_is_long() -> None:
    folders = ["src", "c-shim", "python", "filters", "protocols", "conf-examples/handlers", "scripts", "tests"]
    files = [PROJECT / "build.rs", *(path for folder in folders for path in (PROJECT / folder).rglob("*"))]
    files = [path for path in files if path.is_file() and path.suffix in WRITTEN]
    long = {str(path.relative_to(PROJECT)): lines(path) for path in files if lines(path) > MOST_LINES}
    assert not long, f"split by noun what has more than {MOST_LINES} lines"


@pytest.mark.parametrize(
    "path",
    sorted([*(PROJECT / "conf-examples/handlers").glob("*.py"), *(PROJECT / "filters").glob("*.py")]),
    ids=lambda path: path.stem,
)
def test_an_example_is_short(path: Path) -> None:
    assert lines(path) <= MOST_LINES_OF_AN_EXAMPLE


@pytest.mark.parametrize("path", sorted((PROJECT / "protocols").rglob("*.py")), ids=lambda path: path.stem)
def test_a_protocol_is_short(path: Path) -> None:
    assert lines(path) <= MOST_LINES_OF_A_PROTOCOL


def test_one_version() -> None:
    cargo = tomllib.loads((PROJECT / "Cargo.toml").read_text())["package"]["version"]
    source = (PROJECT / "python/mod_python/version.py").read_text()
    assert f'version = "{cargo}"' in source.splitlines()
