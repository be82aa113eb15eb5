"""The removal of expired sessions, beside requests: one at a time in a child."""

import threading
from collections.abc import Callable

_is_running = threading.Lock()


def in_background(work: Callable[[], object]) -> None:
    """Do something on a thread of its own, unless the last work of this kind goes on still.

    The end of the child waits for it. Where no thread can be started, it is done at once.
    """
    if not _is_running.acquire(blocking=False):
        return

    def run() -> None:
        try:
            work()
        finally:
            _is_running.release()

    try:
        threading.Thread(target=run, name="expired sessions").start()
    except RuntimeError:
        run()
