"""Starts programs and ends them by SIGTERM; called by call_by_path."""

import multiprocessing.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from mod_python import apache

SLEEP = ["/bin/sleep", "60"]


def _blocked() -> list[str]:
    return sorted(signal.Signals(number).name for number in signal.pthread_sigmask(signal.SIG_BLOCK, ()) if number < 32)


def _ended(start: Callable[[], int]) -> list[object]:
    """By which signal a process ends; the signals that this thread blocks before and after that."""
    before = _blocked()
    code = start()
    return [signal.Signals(-code).name, before, _blocked()]


def _killed(pid: int) -> int:
    os.kill(pid, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _terminated(process: "subprocess.Popen[bytes]") -> int:
    process.terminate()
    return process.wait(30)


def popen(req: apache.Request) -> list[object]:
    return _ended(lambda: _terminated(subprocess.Popen(SLEEP)))


def shell(req: apache.Request) -> list[object]:
    return _ended(lambda: _terminated(subprocess.Popen("exec sleep 60", shell=True)))


def kept_descriptors(req: apache.Request) -> list[object]:
    """With these arguments subprocess calls os.posix_spawn()."""
    return _ended(lambda: _terminated(subprocess.Popen(SLEEP, close_fds=False, restore_signals=False)))


def spawned_process(req: apache.Request) -> list[object]:
    """As multiprocessing starts processes that do not fork this one."""
    return _ended(lambda: _killed(multiprocessing.util.spawnv_passfds(b"/bin/sleep", [b"sleep", b"60"], [])))


def posix_spawn(req: apache.Request) -> list[object]:
    return _ended(lambda: _killed(os.posix_spawn(SLEEP[0], SLEEP, os.environ)))


def system(req: apache.Request) -> list[object]:
    return _ended(lambda: os.waitstatus_to_exitcode(os.system("kill -TERM $$; sleep 60")))


def blocked(req: apache.Request) -> list[str]:
    code = "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('SigBlk')])"
    command = [sys.executable, "-c", code]
    return [subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()]
