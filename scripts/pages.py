"""The code blocks of README.md and docs/*.md, for the tests that run them and for scripts/bare.

Only the standard library, because scripts/bare runs without the tests' venv.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
INSTALLATION = PROJECT / "docs/installation.md"


class Block(NamedTuple):
    """A code block of a page."""

    language: str
    text: str


class Attempt(NamedTuple):
    """A command of a console block, and what it prints."""

    command: str
    answer: str


def blocks(page: Path, language: str = "") -> list[str]:
    """The code blocks of a page in one language."""
    return [block.text for block in all_blocks(page) if block.language == language]


def all_blocks(page: Path) -> list[Block]:
    """All code blocks of a page."""
    return [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)]


def attempts(console: str) -> Iterator[Attempt]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        yield Attempt(*part.split("\n", 1))


def modules(page: Path) -> dict[str, str]:
    """The Python files of a page by their names, which their first lines tell."""
    found = {}
    for text in blocks(page, "python"):
        if match := re.match(r"# /srv/python/(\w+\.py)\n", text):
            found[match[1]] = text
    return found


def server_pages(page: Path) -> dict[str, str]:
    """The pages for browsers in a page, by their paths in /var/www/html, which their first lines tell."""
    found = {}
    for text in blocks(page, "text"):
        if match := re.match(r"<(?:%--|!--) /var/www/html/(\S+) --%?>\n", text):
            found[match[1]] = text
    return found


def installation() -> str:
    """The commands of docs/installation.md that build and install."""
    return next(block for block in blocks(INSTALLATION, "sh") if "LIBEXECDIR" in block)


def with_pip() -> str:
    """The commands of docs/installation.md that install with pip."""
    return next(block for block in blocks(INSTALLATION, "sh") if "pip install" in block)
