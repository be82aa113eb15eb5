"""Queries and form bodies: ``_apache.parse_qs`` and ``_apache.parse_qsl``."""

from typing import Any, AnyStr
from urllib import parse

from mod_python import _apache


def parse_qs(qs: AnyStr, keep_blank_values: bool = False, strict_parsing: bool = False) -> dict[AnyStr, list[AnyStr]]:
    """Return a dict of the names in a query, each with the list of its values in their order.

    The arguments and errors are those of `parse_qsl`.
    """
    values: dict[AnyStr, list[AnyStr]] = {}
    for name, value in parse_qsl(qs, keep_blank_values, strict_parsing):
        values.setdefault(name, []).append(value)
    return values


def parse_qsl(qs: AnyStr, keep_blank_values: bool = False, strict_parsing: bool = False) -> list[tuple[AnyStr, AnyStr]]:
    """Return the pairs of name and value in a query such as ``a=1&b=2``; ``;`` separates them, too.

    Args:
        qs: the query. In str, escaped bytes are UTF-8; others are kept by ``surrogateescape``.
        keep_blank_values: whether names without a value are returned.
        strict_parsing: whether a part without ``=`` is an error.

    Returns:
        Pairs of str for str, of bytes for bytes.

    Raises:
        TypeError: neither str nor bytes.
        ValueError: a part without ``=``, if ``strict_parsing``.
    """
    if isinstance(qs, str):
        return _pairs(qs, keep_blank_values, strict_parsing, "utf-8")
    if isinstance(qs, bytes):
        # Latin-1 maps each byte to one character, so that no byte is lost.
        pairs = _pairs(qs.decode("latin-1"), keep_blank_values, strict_parsing, "latin-1")
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    raise TypeError(f"a query is str or bytes, not {type(qs).__name__}")


def is_short(qs: str, most: int) -> bool:
    """Return whether a query has no more than so many fields."""
    return qs.count("&") + qs.count(";") < most


def arguments_of_query(qs: str, keep_blank_values: bool) -> dict[str, Any]:
    """Return the value of each name in a query, as `parse_qsl` finds them; a list where there are several."""
    pairs = _pairs(qs, keep_blank_values, False, "utf-8")
    found: dict[str, Any] = dict(pairs)
    if len(found) == len(pairs):
        return found
    found.clear()
    for name, value in pairs:
        if name not in found:
            found[name] = value
        elif type(known := found[name]) is list:
            known.append(value)
        else:
            found[name] = [known, value]
    return found


def _pairs(qs: str, keep_blank_values: bool, strict_parsing: bool, encoding: str) -> list[tuple[str, str]]:
    if not strict_parsing and encoding == "utf-8":
        found = _apache._query_fields(qs, keep_blank_values)
        if found is not None:
            return found
    return parse.parse_qsl(
        qs.replace(";", "&"),
        keep_blank_values=bool(keep_blank_values),
        strict_parsing=bool(strict_parsing),
        encoding=encoding,
        errors="surrogateescape",
    )
