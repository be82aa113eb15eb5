"""Glob patterns as Redis has them: * ? [abc] [a-z] [^abc], and a backslash before a literal character.

Matching takes time linear in the length of the key, and never backtracks: a part between two stars has a fixed
length and is searched for once, from left to right. The length of a pattern is limited to LONGEST.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

LONGEST = 256  # bytes of a pattern
WINDOW = 16 * 1024  # bytes of a key that one call of `re` searches with the GIL held


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a pattern between two stars. It matches texts of one length."""

    length: int
    literal: bytes | None
    "Its bytes, if it has neither ? nor [...]; else None."
    search: Callable[[bytes, int, int], re.Match[bytes] | None]
    match: Callable[[bytes, int, int], re.Match[bytes] | None]

    def is_at(self, text: bytes, at: int) -> bool:
        """Return whether it matches at a position."""
        if self.literal is not None:
            return text.startswith(self.literal, at)
        return self.match(text, at, at + self.length) is not None

    def find(self, text: bytes, at: int, end: int) -> int:
        """Return where it matches first in text[at:end]; -1 if it does not match."""
        if self.literal is not None:
            return text.find(self.literal, at, end)
        for start in range(at, end - self.length + 1, WINDOW):
            if found := self.search(text, start, min(start + WINDOW + self.length - 1, end)):
                return found.start()
        return -1


def pattern(glob: bytes) -> Callable[[bytes], bool]:
    """Return a function that answers whether a key matches.

    Raises:
        ValueError: the pattern is too long.
    """
    if len(glob) > LONGEST:
        raise ValueError(f"a pattern has at most {LONGEST} bytes")
    parts = [part(choices) for choices in split(glob)]
    first, last, between = parts[0], parts[-1], [part for part in parts[1:-1] if part.length]
    shortest = sum(part.length for part in parts)

    def matches(text: bytes) -> bool:
        if len(text) < shortest or not first.is_at(text, 0):
            return False
        if len(parts) == 1:
            return len(text) == first.length
        at, end = first.length, len(text) - last.length
        for piece in between:
            at = piece.find(text, at, end)
            if at < 0:
                return False
            at += piece.length
        return last.is_at(text, end)

    return matches


def split(glob: bytes) -> list[list[frozenset[int]]]:
    """Return the parts between the stars: for each position, the allowed bytes."""
    parts: list[list[frozenset[int]]] = [[]]
    at = 0
    while at < len(glob):
        byte = glob[at]
        at += 1
        if byte == b"*"[0]:
            parts.append([])
        elif byte == b"?"[0]:
            parts[-1].append(ANY)
        elif byte == b"["[0]:
            choices, at = bracket(glob, at)
            parts[-1].append(choices)
        else:
            if byte == b"\\"[0] and at < len(glob):
                byte = glob[at]
                at += 1
            parts[-1].append(frozenset([byte]))
    return parts


ANY = frozenset(range(256))


def bracket(glob: bytes, at: int) -> tuple[frozenset[int], int]:
    """Return the bytes that a [...] allows, and its end. `at` is behind its [; the pattern's end closes it too."""
    negated = glob[at : at + 1] == b"^"
    at += negated
    chosen: set[int] = set()
    while at < len(glob) and glob[at] != b"]"[0]:
        if glob[at] == b"\\"[0] and at + 1 < len(glob):
            chosen.add(glob[at + 1])
            at += 2
        elif at + 2 < len(glob) and glob[at + 1] == b"-"[0]:
            low, high = sorted((glob[at], glob[at + 2]))
            chosen.update(range(low, high + 1))
            at += 3
        else:
            chosen.add(glob[at])
            at += 1
    return (ANY - chosen if negated else frozenset(chosen)), at + 1


def part(choices: list[frozenset[int]]) -> Part:
    """Compile a part from the allowed bytes of each position."""
    expression, at = b"", 0
    while at < len(choices):
        same = 1
        while choices[at] == ANY and choices[at + same : at + same + 1] == [ANY]:
            same += 1
        expression += expression_of(choices[at]) + (b"{%d}" % same if same > 1 else b"")
        at += same
    compiled = re.compile(expression, re.DOTALL)
    literal = b"".join(map(bytes, choices)) if all(len(some) == 1 for some in choices) else None
    return Part(len(choices), literal, compiled.search, compiled.match)


def expression_of(choices: frozenset[int]) -> bytes:
    """Return a regular expression that matches one of the bytes."""
    if choices == ANY:
        return b"."
    return b"[%b]" % b"".join(b"\\x%02x" % byte for byte in sorted(choices)) if choices else b"(?!)"
