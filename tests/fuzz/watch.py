"""What must hold of a real httpd whatever a case of the fuzzers does to it."""

import re
import time
from pathlib import Path

from httpd import Httpd, is_bad
from tests.fuzz.answers import Fault, Reader

CANARY = """
<Location "/canary">
    SetHandler mod_python
    PythonHandler canary
    PythonInterpreter canary
</Location>
"""
"""The location that has to answer after each case, in an interpreter that no case has touched."""

NEVER = re.compile(
    r"exit signal|panic (?:at|in) |memory allocation of|Fatal Python error|stack overflow|already (?:mutably )?borrowed"
    r"|SystemError|free\(\)|malloc|corrupt|\*\*\* |AH00045|AH00046|AddressSanitizer|assertion .*failed"
)
"""Lines of the error log that no case may cause, at any level."""

HARMLESS = (
    r"\[python:",  # tracebacks, refusals that name what to write instead, and what programs log at any level
    "AH00484|AH00161",  # as many clients as threads
    "AH01599",  # a content type that a program made up
    "AH0(?:0124|0127|0128|0130|0036|0135|1630|2811|1264|1276|1215)",
    "AH10244",  # core: a path that leads out of the root
    "AH01095",  # proxy: the client's body ended before it was whole
)
"""Bad lines that a case may cause: what it asks for is wrong, and httpd or the module say so."""

SLOWEST = 20.0
"""Seconds within which whatever a case waits for is over: several times the Timeout of the configurations."""


class Watch:
    """Looks at an httpd after each case: its children, its answers, its log and its memory."""

    def __init__(self, httpd: Httpd, *, most_growth: int = 400 * 1024) -> None:
        """Remember how it is now; `most_growth` is in KiB, for all children together."""
        self.httpd = httpd
        self._most_growth = most_growth
        self._read = httpd.error_log.stat().st_size
        self._count = 0
        self._memory = 0

    def check(self) -> None:
        """Raise `Fault` if a child died or hangs, if the log has a line that must never be, or if memory grew."""
        self._canary()
        lines = self._new_lines()
        wrong = [line for line in lines if NEVER.search(line)]
        wrong += [line for line in lines if is_bad(line) and not any(re.search(one, line) for one in HARMLESS)]
        if wrong:
            raise Fault("in the error log:\n" + "\n".join(wrong[:20]))
        memory = self._children_memory()
        self._memory = self._memory or memory
        if memory - self._memory > self._most_growth:
            raise Fault(f"the children grew by {memory - self._memory} KiB")

    def token(self) -> str:
        """A word that no other canary was asked for."""
        self._count += 1
        return f"canary-{self._count}-of-this-run"

    def _canary(self) -> None:
        """Ask on a connection of its own; a child that hangs, or is gone, cannot answer."""
        token = self.token()
        deadline = time.monotonic() + SLOWEST
        said = "no answer"
        while time.monotonic() < deadline:
            try:
                with self.httpd.connect(timeout=SLOWEST) as client:
                    client.sendall(
                        f"GET /canary?{token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
                    )
                    answer = Reader(client).response()
            except OSError as error:
                said = repr(error)
                time.sleep(0.1)  # all threads may be at work for a moment
                continue
            if answer is not None and answer.whole and answer.body == token.encode():
                return
            raise Fault(f"the canary was answered with {answer!r}")
        raise Fault(f"the canary was not answered within {SLOWEST} s: {said}\n{self.stacks()}")

    def _new_lines(self) -> list[str]:
        written = self.httpd.error_log.read_bytes()[self._read :]
        end = written.rfind(b"\n") + 1
        self._read += end
        return written[:end].decode(errors="replace").splitlines()

    def _children_memory(self) -> int:
        total = 0
        for pid in self.httpd.children():
            try:
                total += self.httpd.memory(pid).now
            except (OSError, KeyError):
                continue  # it has just ended
        return total

    def stacks(self) -> str:
        """In which system call each thread of the children is, to tell a hang's kind."""
        found = []
        for pid in self.httpd.children():
            tasks = sorted(Path(f"/proc/{pid}/task").glob("*/wchan"))
            found += [f"{task.parent.name}: {task.read_text()}" for task in tasks]
        return "\n".join(found)
