"""An output filter that puts a banner before the </body> of each HTML page.

    PythonOutputFilter banner::outputfilter BANNER
    AddOutputFilterByType BANNER text/html

A page arrives in chunks, and the border between two of them may cut the tag. So the filter
holds back an end that could be the start of the tag, and searches it again in front of
the next chunk. Attributes of the filter object last as long as the response.
"""

import re
from typing import TYPE_CHECKING

from mod_python import apache

BANNER = b"""\
<div style="position: fixed; bottom: 0; left: 0; right: 0; padding: .5em; z-index: 9;
  background: #306998; color: white; text-align: center; font: 1rem sans-serif">
Served by httpd, with this banner added by a few lines of Python</div>
"""
BEFORE_TAG = re.compile(rb"(?=</body[\s>])", re.IGNORECASE)
TAG_LENGTH = len(b"</body>")


if TYPE_CHECKING:

    class Page(apache.Filter):
        """A filter and what it keeps from one chunk to the next, for type checkers."""

        held: bytes
        found: int


def outputfilter(filter: "Page") -> None:
    if not hasattr(filter, "held"):
        filter.held, filter.found = b"", 0

    while chunk := filter.read():
        text, filter.held = filter.held + chunk, b""
        if not filter.found:
            text, filter.found = BEFORE_TAG.subn(BANNER, text, count=1)
        if not filter.found:
            text, filter.held = split_end(text)
        filter.write(text)

    if chunk is None:
        filter.write(filter.held)


def split_end(text: bytes) -> tuple[bytes, bytes]:
    """Split off an end of the text that could be the start of a tag cut in two."""
    start = text.rfind(b"<", 1 - TAG_LENGTH)
    return (text, b"") if start < 0 else (text[:start], text[start:])
