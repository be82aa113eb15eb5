"""The signals that end a command in the foreground."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 0.3  # seconds that a signal waits for what is not to be interrupted, such as a terminal that takes nothing


class _State:
    waits = False  # whether signals wait
    has_come = False


def stop(*_: object) -> None:
    """End what runs, whatever of Ctrl-C, a closed terminal or `kill` asked for it; a second signal changes nothing."""
    if _State.waits and not _State.has_come:
        _State.has_come = True
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
        return
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _State.has_come = False
    raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Have a signal that comes meanwhile wait for the end of the block, for a short time."""
    _State.waits = True
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _State.waits = False
    if _State.has_come:
        stop()


def stop_on_signals() -> bool:
    """Have each of these signals raise KeyboardInterrupt once. What nohup ignores stays ignored; then return False."""
    is_kept = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    for number in SIGNALS:
        if number != signal.SIGHUP or not is_kept:
            signal.signal(number, stop)
    return not is_kept
