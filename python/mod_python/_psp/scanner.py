"""The tags of a page: text, ``<% code %>``, ``<%= expression %>``, ``<%@ directive %>`` and ``<%-- comment --%>``."""

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a token is."""

    TEXT = "text"
    CODE = "<%"
    EXPRESSION = "<%="
    DIRECTIVE = "<%@"
    COMMENT = "<%--"


class Token(NamedTuple):
    """A part of a page."""

    kind: Kind
    text: str
    """What stands between the marks of the tag, as it is."""
    start: int
    """Where `text` begins in the page, in characters."""
    is_closed: bool
    """Whether the mark that ends it is there."""


_BEGINNINGS = (Kind.COMMENT, Kind.EXPRESSION, Kind.DIRECTIVE, Kind.CODE)


def scan(page: str) -> Iterator[Token]:
    """Yield the tokens of a page in their order; no text that is empty.

    A tag ends at the first ``%>`` behind its beginning, be it in a string of Python or not; a comment at ``--%>``.
    """
    at = 0
    while at < len(page):
        begin = page.find("<%", at)
        if begin < 0:
            begin = len(page)
        if begin > at:
            yield Token(Kind.TEXT, page[at:begin], at, True)
        if begin == len(page):
            return
        kind = next(kind for kind in _BEGINNINGS if page.startswith(kind.value, begin))
        start = begin + len(kind.value)
        mark = "--%>" if kind is Kind.COMMENT else "%>"
        end = page.find(mark, start)
        is_closed = end >= 0
        if not is_closed:
            end = len(page)
        yield Token(kind, page[start:end], start, is_closed)
        at = end + len(mark)
