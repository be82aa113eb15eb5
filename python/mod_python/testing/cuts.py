"""Ways to cut a body into pieces, and what httpd can put between these."""

import enum
import itertools
from collections.abc import Iterator, Sequence


class Mark(enum.Enum):
    """What is between two pieces of a body."""

    BRIGADE = "b"
    FLUSH = "f"
    SLOW = "l"
    EMPTY = "z"
    FOREIGN = "m"


BRIGADE = Mark.BRIGADE
"""The following pieces are in another brigade."""
FLUSH = Mark.FLUSH
"""A FLUSH bucket, and another brigade."""
SLOW = Mark.SLOW
"""The next piece is not available yet: a read that does not block fails."""
EMPTY = Mark.EMPTY
"""A bucket without data."""
FOREIGN = Mark.FOREIGN
"""A metadata bucket of another module."""

Piece = bytes | Mark
Cut = Sequence[Piece]

MOST_PLACES = 200


def all_cuts(body: bytes) -> Iterator[list[Piece]]:
    """Yield the body with each kind of cut at each place, and with all kinds after every 1, 2, 3 and 5 bytes.

    A body of more than 200 bytes is cut at about 200 places at equal distances.
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
