"""What `mod_python serve` shows of httpd's logs: requests in one line each, entries with their line ends."""

import io
import os
import re
import time
from typing import TextIO

from mod_python._command.site import REQUEST

_COLOURS = {"2": "32", "3": "36", "4": "33", "5": "31"}  # by the first digit of a status
_LEVELS = {"emerg": "31", "alert": "31", "crit": "31", "error": "31", "warn": "33"}
_REQUEST = re.compile(re.escape(REQUEST) + r"(\S+) (\d+) (\S+) (.*)")
_ENTRY = re.compile(r"\[(\w*):(\w+)\] (?:\[client [^\]]*\] )?(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:(n)|(t)|([\\\"])|((?:x[89a-fA-F][0-9a-fA-F]\\?)+))")
# Of httpd's notices, these tell of each start and end. Those of Python are what code prints.
_ROUTINE = re.compile(r"(core|mpm_\w+|ssl|http2|suexec):notice\]")


def is_coloured(stream: TextIO) -> bool:
    """Return whether colours are wanted: for a terminal, without NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Terminal:
    """Shows lines of the log.

    Args:
        stream: what is written to.
        quiet: whether httpd's notices of its start and end are left out.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = True) -> None:
        self._stream = stream
        self._quiet = quiet
        self._coloured = is_coloured(stream)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may not have all characters

    def say(self, text: str) -> None:
        """Write a line of the command's own."""
        self._write(self._in_colour("1", text))

    def show(self, line: str) -> None:
        """Write a line of the log, if it is worth it."""
        if request := _REQUEST.fullmatch(line):
            self._request(*request.groups())
        elif not (self._quiet and _ROUTINE.match(line[1:])):
            self._write(self._entry(line))

    def _request(self, status: str, microseconds: str, method: str, path: str) -> None:
        shown = self._in_colour(_COLOURS.get(status[:1], "0"), status)
        self._write(f"{time.strftime('%H:%M:%S')} {shown} {method} {printable(path)} {int(microseconds) / 1000:.1f} ms")

    def _entry(self, line: str) -> str:
        match = _ENTRY.fullmatch(line)
        if match is None:
            return printable(line)
        module, level, message = match.groups()
        text = unescaped(message)
        if module == "python" and level == "notice":
            return text  # what code prints
        return f"{self._in_colour(_LEVELS.get(level, '2'), level)}: {text}"

    def _in_colour(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text

    def _write(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


def unescaped(message: str) -> str:
    r"""Return an entry of the error log with line ends and letters in place of httpd's \n and \xc3\xa4.

    Escapes of control characters stay, so that no client can write to the terminal what moves its cursor.
    """

    def plain(match: re.Match[str]) -> str:
        end, tab, itself, code = match.groups()
        if code:
            return bytes.fromhex(code.replace("\\", "").replace("x", "")).decode(errors="backslashreplace")
        return "\n" if end else "\t" if tab else str(itself)

    return printable(_ESCAPE.sub(plain, message))


def printable(text: str) -> str:
    """Return a text with control characters escaped, C1 too; line ends and tabs stay."""
    return re.sub(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]", lambda match: ascii(match[0])[1:-1], text)
