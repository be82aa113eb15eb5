"""README.md is the door: it is short, and each of its links leads somewhere. test_docs.py runs its examples."""

import re

from server import PROJECT

README = (PROJECT / "README.md").read_text()
MOST_LINES = 150
LONGEST_LINE = 120


def test_it_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) <= MOST_LINES
    assert not [line for line in lines if len(line) > LONGEST_LINE]


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#([^)]+))?", README)
    assert len(links) > 5
    for target, anchor in links:
        assert (PROJECT / target).exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)", (PROJECT / target).read_text(), re.MULTILINE)
            assert anchor in [heading.lower().replace(" ", "-") for heading in headings], f"{target}#{anchor}"
