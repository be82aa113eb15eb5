"""The process that cleans up if `mod_python serve` is killed. It watches a pipe, whose end is that of the command.

    python -m mod_python._command.keeper FOLDER < PIPE

It is in a session of its own, where no terminal's signals reach it. Through the pipe it is told the process ID of
httpd, whose session it ends.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable

from mod_python._machine import Process, processes

_PATIENCE = 2.0  # seconds for httpd's end before it is killed


def keep(folder: str, told: Iterable[str]) -> None:
    """Wait for the end of `told`, then end the sessions that it named and remove the folder."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sessions = {int(line) for line in told if line.strip().isdecimal()}
    _signal([one for one in _of(sessions) if one.pid in sessions], signal.SIGTERM)
    until = time.monotonic() + _PATIENCE
    while (left := _of(sessions)) and time.monotonic() < until:
        time.sleep(0.02)
    while left:
        _signal(left, signal.SIGKILL)
        time.sleep(0.02)
        left = _of(sessions)
    shutil.rmtree(folder, ignore_errors=True)


def _of(sessions: set[int]) -> list[Process]:
    return [one for one in processes() if one.session in sessions]


def _signal(those: Iterable[Process], number: signal.Signals) -> None:
    for one in those:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, number)


if __name__ == "__main__":
    keep(sys.argv[1], sys.stdin)
