"""The Cookie header of a request (RFC 6265bis), read into pairs of name and value."""

import re
from collections.abc import Iterator

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"

# httpd joins several headers of one name with ", ". A comma within a value is followed by a name and "=" only there.
_NEXT_HEADER = re.compile(rf", (?={TOKEN}=)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def pairs(header: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of each cookie in a Cookie header, in their order.

    A value keeps the double quotes around it. Names that begin with ``$`` are left out: RFC 2965 had attributes there.
    So are parts without ``=`` and parts with control characters.
    """
    for part in header.split(";"):
        for pair in _headers(part):
            name, equals, value = pair.partition("=")
            name, value = name.strip(" \t"), value.strip(" \t")
            if equals and name and not name.startswith("$") and _CONTROL.search(pair) is None:
                yield name, value


def _headers(part: str) -> Iterator[str]:
    """Split what stands between two ``;`` where one header ended and the next one began."""
    pieces = _NEXT_HEADER.split(part)
    pending: list[str] = []
    for piece in pieces:
        pending.append(piece)
        if not pending[1:]:
            is_open = _opens_quotes(piece)
        if not is_open or piece.rstrip(" \t").endswith('"'):
            yield ", ".join(pending)
            pending = []
    yield from pending  # the quotes are never closed


def _opens_quotes(pair: str) -> bool:
    """Whether the value of a pair begins with a double quote that the pair does not close."""
    value = pair.partition("=")[2].strip(" \t")
    return value.startswith('"') and not (len(value) > 1 and value.endswith('"'))
