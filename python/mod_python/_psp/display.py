"""The view of a page beside the Python code that is made of it."""

import html
from itertools import zip_longest

_HEAD = "<table>\n<tr><td></td><th>Python code</th><th>{name}</th></tr>\n"
_ROW = "<tr><td>{number}.</td><td><pre>{code}</pre></td><td><pre>{line}</pre></td></tr>\n"


def table(name: str, code: str, text: str) -> str:
    """Return a table of HTML: the lines of the code, and beside them those of the page.

    Args:
        name: the name of the page.
        code: the Python code.
        text: the text of the page.
    """
    lines = zip_longest(code.split("\n"), text.split("\n"), fillvalue="")
    rows = [
        _ROW.format(number=number, code=html.escape(one.rstrip("\r")), line=html.escape(other.rstrip("\r")))
        for number, (one, other) in enumerate(lines, 1)
    ]
    return _HEAD.format(name=html.escape(name)) + "".join(rows) + "</table>\n"
