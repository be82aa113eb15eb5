"""What handlers say of their ends, for tests that see them end."""

import time
from collections.abc import Callable

from programs import PATIENCE


def last_words(ask: Callable[[], str], count: int) -> str:
    """Ask until that many words were said, and return them.

    Args:
        ask: returns the words that were said since it was called last.
        count: how many words are waited for.
    """
    deadline = time.monotonic() + PATIENCE
    said = ""
    while len(said.split()) < count and time.monotonic() < deadline:
        said = f"{said} {ask()}".strip()
        time.sleep(0.02)
    return said
