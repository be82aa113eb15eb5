"""How httpd's children end, where httpd says nothing of it: one was killed, or its code has called `os._exit()`."""

import contextlib
import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from mod_python._command.child import BEGINS, ENDS, EXITS

_BEGINS, _ENDS, _EXITS = BEGINS.decode(), ENDS.decode(), EXITS.decode()
# Of children that end by another signal, httpd says so itself.
_UNTOLD = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGKILL)
_CRASH = re.compile(r"\[core:notice\].*\bAH0005[12]: child pid (\d+) ")
_LATE = "(PythonShutdownTimeout): "  # in an entry of a child that does not come to its end, and is ended then
_DOUBT = 2.0  # seconds in which the log may say why a child has ended


@dataclass
class _Child:
    """A child of httpd.

    Attributes:
        descriptor: it can be read when the process has ended (pidfd_open(2)).
        is_told: whether the log says why it ends.
        place: the file and line that have called `os._exit()`.
        status: as that of wait(2), when it has ended; None if it is not known.
        ended: when it has ended.
    """

    descriptor: int
    is_told: bool = False
    place: str = ""
    status: int | None = None
    ended: float | None = None


@dataclass(frozen=True)
class End:
    """The end of a child that httpd has not asked for.

    Attributes:
        text: what has happened, as a sentence without its stop.
        is_crash: whether httpd's log says it, too.
    """

    text: str
    is_crash: bool = False


class Lives:
    """The children of httpd, as they tell of themselves in the log. Where Linux is too old for this, it knows none."""

    def __init__(self) -> None:
        self._children: dict[int, _Child] = {}
        self._late = -_DOUBT  # when a child has last said that it does not come to its end

    def take(self, line: str) -> bool:
        """Look at a line of the log. Return whether it is one of the children's for this purpose."""
        if found := _CRASH.match(line):
            self._note_told(_number(found[1]))
        elif _LATE in line:
            self._late = time.monotonic()
        elif line.startswith(_BEGINS):
            self._begin(line.removeprefix(_BEGINS))
        elif line.startswith(_ENDS):
            self._note_told(_number(line.removeprefix(_ENDS)))
        elif line.startswith(_EXITS):
            pid, _, place = line.removeprefix(_EXITS).partition(" ")
            number, _, file = place.partition(" ")
            if child := self._children.get(_number(pid)):
                child.place = f"{file}, line {number},"
        else:
            return False
        return line.startswith((_BEGINS, _ENDS, _EXITS))

    def _begin(self, pid: str) -> None:
        try:
            self._children[_number(pid)] = _Child(os.pidfd_open(_number(pid)))
        except ProcessLookupError:  # the log was not read for a time
            self._children[_number(pid)] = _Child(-1, ended=time.monotonic())
        except OSError:
            pass

    def _note_told(self, pid: int) -> None:
        if child := self._children.get(pid):
            child.is_told = True

    def descriptors(self) -> list[int]:
        """Return the descriptors that can be read when a child has ended."""
        return [child.descriptor for child in self._children.values() if child.ended is None]

    def note_ended(self, descriptors: list[int]) -> None:
        """Note the ends of children, by their descriptors. Soon after that httpd takes how they have ended."""
        for pid, child in self._children.items():
            if child.descriptor in descriptors:
                child.status, child.ended = _status(pid), time.monotonic()

    def ends(self, *, is_over: bool = False) -> list[End]:
        """Return what is to be said of children that have ended, once each. The log was read to its end before.

        Args:
            is_over: whether nothing comes any more in the log.
        """
        found = []
        for pid, child in [*self._children.items()]:
            if child.ended is None:
                continue
            is_known = child.is_told or child.place or child.status
            is_late = abs(self._late - child.ended) < _DOUBT
            if is_known or is_late or is_over or time.monotonic() - child.ended > _DOUBT:
                del self._children[pid]
                if child.descriptor >= 0:
                    os.close(child.descriptor)
                found += _said(pid, child) if is_known or not is_late else []
        return found


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _said(pid: int, child: _Child) -> list[End]:
    """Return what is to be said of a child that has ended."""
    status = child.status or 0
    number, code = os.WTERMSIG(status), os.WEXITSTATUS(status)
    if number and number not in _UNTOLD:
        return [End(f"process {pid} of httpd has crashed ({_name(number)})", is_crash=True)]
    if child.is_told:
        return []
    if child.place:
        how = "os._exit()" if child.status is None else f"os._exit({code})"
        return [End(f"{child.place} has ended process {pid} of httpd with {how}")]
    if number == signal.SIGKILL:
        return [End(f"process {pid} of httpd was killed (SIGKILL), by somebody or by Linux for want of memory")]
    if number:
        return [End(f"process {pid} of httpd was ended by {_name(number)}")]
    if code:
        return [End(f"process {pid} of httpd has ended by itself, with status {code}, as os._exit() does")]
    return [End(f"process {pid} of httpd was killed, or has ended by itself, as os._exit() does")]


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _status(pid: int) -> int | None:
    """Return the status of a process that has ended and that its parent has not waited for; None for any other."""
    with contextlib.suppress(OSError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[-1]) if fields[0] == "Z" else None
    return None
