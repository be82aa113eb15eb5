"""Whether a client would rather have JSON than plain text (``Accept``, RFC 9110, 12.5.1)."""

import re

_RANGE = re.compile(r"\s*([^\s;,]+/[^\s;,]+)\s*((?:;[^;,]*)*)")
_QUALITY = re.compile(r";\s*q\b\s*=?\s*([^;]*)", re.IGNORECASE)
_NUMBER = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")


def prefers_json(accept: str) -> bool:
    """Return whether JSON is sent, by the value of ``Accept``.

    It is, to clients that name it and do not prefer plain text. To one that takes all types alike (``*/*``, or no
    header), as browsers and tools do that do not know of the choice, a text is sent, as by mod_python 3.
    """
    ranges = _ranges(accept)
    json, is_named = _quality(ranges, "application", "json")
    text, _ = _quality(ranges, "text", "plain")
    return json > text or (json == text > 0 and is_named)


def _ranges(accept: str) -> dict[str, float]:
    """Return the media ranges of the header, in small letters, with their qualities."""
    found: dict[str, float] = {}
    for part in accept.split(","):
        if match := _RANGE.fullmatch(part.strip()):
            found.setdefault(match[1].lower(), _number(match[2]))
    return found


def _number(parameters: str) -> float:
    """Return the quality among parameters: 1 if there is none, 0 for one that is malformed."""
    match = _QUALITY.search(parameters)
    if match is None:
        return 1.0
    return float(match[1]) if _NUMBER.fullmatch(match[1].strip()) else 0.0


def _quality(ranges: dict[str, float], kind: str, subtype: str) -> tuple[float, bool]:
    """Return the quality of a type by the range that fits it best, and whether that range is more than ``*/*``."""
    for one in (f"{kind}/{subtype}", f"{kind}/*"):
        if one in ranges:
            return ranges[one], True
    return ranges.get("*/*", 0.0), False
