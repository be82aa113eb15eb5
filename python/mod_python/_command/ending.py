"""The signals that end a command in the foreground."""

import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop(*_: object) -> None:
    """End what runs, whatever of Ctrl-C, a closed terminal or `kill` asked for it; a second signal changes nothing."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def stop_on_signals() -> bool:
    """Have each of these signals raise KeyboardInterrupt once. What nohup ignores stays ignored; then return False."""
    is_kept = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    for number in SIGNALS:
        if number != signal.SIGHUP or not is_kept:
            signal.signal(number, stop)
    return not is_kept
