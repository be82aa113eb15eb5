"""What a page writes.

A page writes many small pieces. They are collected and go to the response together, before anything else does: the
methods of its request that send something give the response the pieces first.
"""

from collections.abc import Container
from types import BuiltinMethodType
from typing import Any

from mod_python import _apache
from mod_python._psp.escaping import escape
from mod_python._psp.generator import CHECK, ESCAPED, TEXT, VALUE

# Of how many pieces the response is given at once. It holds them back itself until they are worth to be sent.
MOST_PIECES = 256


def begin(req: _apache.Request, names: dict[str, Any], used: Container[str]) -> bool:
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


def add_writers(req: _apache.Request, names: dict[str, Any], used: Container[str], pieces: list[str]) -> None:
    """Add what a page writes with to its globals, as far as that is used: it adds to `pieces`."""
    write = req.write
    if type(write) is BuiltinMethodType:
        names[TEXT], names[VALUE] = pieces.append, _apache._value_writer(pieces, write)
    else:  # a program has replaced req.write, and gets all that the page writes
        names[TEXT], names[VALUE] = (lambda text: write(text, False)), (lambda one: write(str(one), False))
    if ESCAPED in used:
        value = names[VALUE]
        names[ESCAPED] = lambda one: value(escape(one))
    if CHECK in used:
        names[CHECK] = lambda: len(pieces) > MOST_PIECES and write("", False)


def end(req: _apache.Request) -> None:
    """Give the pieces to the response. Raise OSError when the client is gone."""
    req._page_pieces = None
