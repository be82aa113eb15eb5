"""Hides numbers of payment cards (those with a right Luhn checksum) and e-mail addresses.

    PythonOutputFilter mod_python.filters.redact REDACT range=whole
    AddOutputFilterByType REDACT text/html text/plain application/json
    PythonOption redact "cards addresses"
    PythonOption redact_with "[redacted]"

These are the defaults of both options. Without `range=whole` a client could ask for a part, which goes by as it is.

Limit: text with entities or escapes (&#64; for @) is not found.
"""

import re
from collections.abc import AsyncIterator

from mod_python import apache

PATTERNS = {
    "addresses": rb"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}",
    "cards": rb"(?<!\d)(?<!\d[ -])\d(?:[ -]?\d){12,18}(?![ -]?\d)",
}
WITHIN = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.%+@ -"
LONGEST = 400  # bytes of the longest match and of what its pattern looks at behind it


async def outputfilter(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    options = filter.req.get_options()
    kinds = options.get("redact", "cards addresses").split()
    pattern = re.compile(b"|".join(PATTERNS[kind] for kind in sorted(kinds)))
    cover = options.get("redact_with", "[redacted]").encode()

    def redact(start: int, end: int) -> tuple[bytes, int]:
        """Redact the matches that begin in text[start:end]; return the text and the end of the last match."""
        parts: list[bytes] = []
        for match in pattern.finditer(text, start):
            if match.start() >= end:
                break
            parts += text[start : match.start()], cover if is_secret(match[0]) else match[0]
            start = match.end()
        return b"".join([*parts, text[start:end]]), max(start, end)

    text, done = b"", 0
    async for chunk in filter:
        text += chunk
        decided = len(text.rstrip(WITHIN))
        if decided <= done:  # a match may go on: wait for more, so that small chunks are searched together
            decided = len(text) - LONGEST
            if decided < done + LONGEST:
                continue
        decided = max(decided, len(text) - LONGEST)
        data, end = redact(done, decided)
        text, done = text[max(end - 2, 0) :], min(end, 2)  # the pattern looks at two bytes before a match
        yield data
    yield redact(done, len(text))[0]


def is_secret(text: bytes) -> bool:
    digits = [int(digit) for digit in reversed(re.sub(rb"\D", b"", text).decode())]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return b"@" in text or (sum(digits[::2]) + sum(doubled)) % 10 == 0
