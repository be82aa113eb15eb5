"""Bodies in pieces: what httpd puts between them, and the ways to cut one."""

import enum
import itertools
from collections.abc import Iterator, Sequence


class Mark(enum.Enum):
    """What stands between two pieces of a body."""

    BRIGADE = "b"
    FLUSH = "f"
    SLOW = "l"
    EMPTY = "z"
    FOREIGN = "m"


BRIGADE = Mark.BRIGADE
"""The pieces after it come in a call of their own."""
FLUSH = Mark.FLUSH
"""What is held must go on: a FLUSH bucket, and the next call."""
SLOW = Mark.SLOW
"""The piece after it has not come yet, for those who would not wait."""
EMPTY = Mark.EMPTY
"""A bucket without data."""
FOREIGN = Mark.FOREIGN
"""A metadata bucket of another module."""

Piece = bytes | Mark
Cut = Sequence[Piece]

MOST_PLACES = 200


def all_cuts(body: bytes) -> Iterator[list[Piece]]:
    """The body with a cut of each kind at each place, and with cuts of all kinds after each few bytes.

    Of a body of more than 200 bytes, 200 places, evenly.
    """
    yield [body]
    places = range(len(body) + 1)
    if len(body) > MOST_PLACES:
        places = range(0, len(body) + 1, len(body) // MOST_PLACES)
    between: list[list[Mark]] = [[], [BRIGADE], [FLUSH], [SLOW], [EMPTY, FOREIGN], [BRIGADE, SLOW]]
    for marks, place in itertools.product(between, places):
        yield [body[:place], *marks, body[place:]]
    for step, turn in itertools.product((1, 2, 3, 5), range(len(between))):
        if len(body) // step <= 4 * MOST_PLACES:
            pieces: list[Piece] = []
            for number, start in enumerate(range(0, len(body), step)):
                pieces += [body[start : start + step], *between[(number + turn) % len(between)]]
            yield pieces
