"""Faults that are known and not yet mended: what would meet them again is left out, so that others are found."""

import os
import re

KNOWN = [
    # Objects: what breaks the framing, or reads a file without an end.
    r"sparse|popitem|clear\(|__delitem__|\bpop\(|assbackwards|internal_redirect|-3\b|\b1\d\d\b",
    # Brigades: filters behind the headers of mod_proxy_http.
    r"/proxy/\d+/.*FZ(PROTO|TRANS)",
]
_PATTERN = os.environ.get("FUZZ_WITHOUT", "|".join(KNOWN))


def is_known(text: str) -> bool:
    """Whether a case is left out; FUZZ_WITHOUT is a pattern to use in place of the list, and may be empty."""
    return bool(_PATTERN) and re.search(_PATTERN, text) is not None
