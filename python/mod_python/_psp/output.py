"""What a page writes.

A page writes many small pieces. They are collected and go to the response together, before anything else does: the
methods of its request that send something give the response the pieces first.
"""

from collections.abc import Container
from types import BuiltinMethodType
from typing import TYPE_CHECKING, Any

from mod_python._psp.escaping import escape
from mod_python._psp.generator import CHECK, ESCAPED, TEXT, VALUE

if TYPE_CHECKING:
    from mod_python import _apache

# Of how many pieces, and of how many characters of a single one, the response is given at once. It holds them back
# itself until they are worth to be sent.
MOST_PIECES = 256
LARGE = 4000


def begin(req: "_apache.Request", names: dict[str, Any], used: Container[str]) -> bool:
    """Add what a page writes with to its globals, as far as that is used.

    Returns:
        Whether the page is the outer one: it calls `end`. Others that run within write to the same pieces.
    """
    pieces = req._page_pieces
    is_outer = pieces is None
    if pieces is None:
        req._page_pieces = pieces = []
    add_writers(req, names, used, pieces)
    return is_outer


def add_writers(req: "_apache.Request", names: dict[str, Any], used: Container[str], pieces: list[str]) -> None:
    """Add what a page writes with to its globals, as far as that is used: it adds to `pieces`."""
    append, write = pieces.append, req.write
    if type(write) is not BuiltinMethodType:  # a program has replaced req.write, and gets all that the page writes
        append = lambda text: write(text, False)  # noqa: E731

    def value(value: object) -> None:
        text = str(value)
        append(text)
        if len(text) > LARGE:
            write("", False)  # behind the pieces

    names[TEXT], names[VALUE] = append, value
    if ESCAPED in used:
        names[ESCAPED] = lambda one: value(escape(one))
    if CHECK in used:
        names[CHECK] = lambda: len(pieces) > MOST_PIECES and write("", False)


def end(req: "_apache.Request") -> None:
    """Give the pieces to the response. Raise OSError when the client is gone."""
    req._page_pieces = None
