"""The layers of the crate: which file imports which, and the order in which they may."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from server import PROJECT

SOURCE = PROJECT / "src"

# Per folder: files and folders in it, each rank importing only what stands in later ranks. Entries of one rank
# do not import each other.
ORDER: dict[str, list[tuple[str, ...]]] = {
    "": [
        ("entry",),
        ("directives",),
        ("requests", "request_ids", "connections", "python_homes"),
        ("configuration",),
        ("module",),
        ("python",),
        ("parking",),
        ("metrics", "caches"),
        ("httpd", "engine"),
        ("filter_chain", "hook_order", "locks"),
    ],
    "python": [
        ("apache",),
        ("filter", "ssi", "c_api", "child_end"),
        ("request",),
        ("connection",),
        ("server",),
        ("handlers", "cleanup", "cache"),
        ("values",),
        ("object",),
        ("pdb", "stepper"),
        ("runtime",),
        ("text",),
        ("memory",),
    ],
    "httpd": [
        ("hooks",),
        ("filter",),
        ("request",),
        ("connection",),
        ("server",),
        ("module_data",),
        ("apr",),
        ("guard",),
        ("gate",),
        ("log",),
        ("status", "cstr", "module_index", "constants"),
        ("ffi",),
    ],
}

_USE = re.compile(r"^[ ]*(?:pub(?:\([^)]*\))? )?use ([^;]+);", re.MULTILINE)
_INLINE = re.compile(r"\b(?:crate|super)(?:::\w+)+")
_TREE = re.compile(r"^((?:\w+::)*)\{(.*)\}$", re.DOTALL)


class Arrow(NamedTuple):
    """One import: the file that has it, the file that it leads to, and the path that is written."""

    source: str
    target: str
    path: str


def _leaves(tree: str) -> Iterator[str]:
    """The paths of a `use` tree."""
    tree = tree.strip()
    match = _TREE.match(tree)
    if match is None:
        yield re.sub(r"\s+as\s+\w+$", "", tree)
        return
    depth, part = 0, ""
    for character in [*match[2], ","]:
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            if part.strip():
                yield from (match[1] + leaf for leaf in _leaves(part))
            part = ""
        else:
            part += character


def _module(path: Path) -> str:
    """The module of a file, as in `crate::httpd::apr`."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    if parts == ("lib",):
        return "crate"
    return "::".join(("crate", *(parts[:-1] if parts[-1] == "mod" else parts)))


@functools.cache
def _modules() -> dict[str, Path]:
    return {_module(path): path for path in sorted(SOURCE.rglob("*.rs"))}


def _absolute(path: str, module: str, *, is_folder: bool) -> str | None:
    """A path as seen from the root of the crate; None for one that leads to another crate."""
    segments, current = path.split("::"), module.split("::")
    if segments[0] == "crate":
        return path
    if segments[0] == "self":
        return "::".join(current + segments[1:])
    if segments[0] == "super":
        while segments and segments[0] == "super":
            current, segments = current[:-1], segments[1:]
        return "::".join(current + segments)
    is_child = is_folder and f"{module}::{segments[0]}" in _modules()
    return "::".join(current + segments) if is_child else None


@functools.cache
def arrows() -> tuple[Arrow, ...]:
    """All imports of the crate, those of tests left out."""
    found = []
    for module, path in _modules().items():
        text = re.sub(r"//.*", "", path.read_text())
        text = re.split(r"^(?:#\[cfg\(test\)\]\n)?(?:pub\([^)]*\) )?mod tests", text, flags=re.MULTILINE)[0]
        written = [leaf for tree in _USE.findall(text) for leaf in _leaves(tree)]
        rest = _USE.sub("", text).replace("$crate", "crate").replace("(in crate::", "(")
        for one in {*written, *_INLINE.findall(rest)}:
            absolute = _absolute(one, module, is_folder=path.name == "mod.rs")
            while absolute and absolute not in _modules():
                absolute = absolute.rpartition("::")[0]
            if absolute and absolute not in ("crate", module):
                source, target = (str(file.relative_to(PROJECT)) for file in (path, _modules()[absolute]))
                found.append(Arrow(source, target, one))
    return tuple(sorted(found))


def against_order(folder: str) -> Iterator[Arrow]:
    """The imports inside of a folder of src that lead to the same or an earlier rank."""
    root = Path("src") / folder
    ranks = {name: rank for rank, names in enumerate(ORDER[folder]) for name in names}
    for arrow in arrows():
        source, target = Path(arrow.source), Path(arrow.target)
        if not (source.is_relative_to(root) and target.is_relative_to(root)):
            continue
        first, second = (path.relative_to(root).parts[0].removesuffix(".rs") for path in (source, target))
        # The folder's own mod.rs declares and re-exports what is in it.
        if first not in ("mod", "lib") and first != second and ranks.get(second, -1) <= ranks.get(first, -1):
            yield arrow
