"""What `mod_python serve` shows of httpd's logs: requests in one line each, entries with their line ends."""

import io
import os
import re
import time
import unicodedata
from typing import TextIO

from mod_python._command.site import REQUEST

_COLOURS = {"2": "32", "3": "36", "4": "33", "5": "31"}  # by the first digit of a status
_LEVELS = {"emerg": "31", "alert": "31", "crit": "31", "error": "31", "warn": "33"}
_REQUEST = re.compile(re.escape(REQUEST) + r"(\S+) (\d+) (\S+) (.*)")
_ENTRY = re.compile(r"\[(\w*):(\w+)\] (?:\[client [^\]]*\] )?(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:(n)|(t)|([\\\"]))|((?:\\x[89a-fA-F][0-9a-fA-F])+)")
# Of httpd's notices, these tell of each start and end. Those of Python are what code prints.
_ROUTINE = re.compile(r"\[(core|mpm_\w+|ssl|http2|suexec):notice\]")
# A child has crashed, which httpd takes for no more than a notice.
_CRASH = re.compile(r"\[core:notice\].*\bAH0005[12]: ")
_FAILURE = re.compile(r"\[\w*:(emerg|alert|crit|error)\]")
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode: what controls a terminal, or the order of its letters


def is_coloured(stream: TextIO) -> bool:
    """Return whether colours are wanted: for a terminal, without NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Terminal:
    """Shows lines of the log.

    Args:
        stream: what is written to.
        quiet: whether httpd's notices of its start and end are left out.
        formats: whether lines of other formats may be entries of httpd's: a virtual host may have a format of its own.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = True, formats: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._formats = formats
        self._in_traceback = False
        self._coloured = is_coloured(stream)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may not have all characters

    def say(self, text: str) -> None:
        """Write a line of the command's own."""
        self._write(self._in_colour("1", text))

    def say_error(self, text: str) -> None:
        """Write a line of the command's own about an error."""
        self._write(f"{self._in_colour(_LEVELS['error'], 'error')}: {printable(text)}")

    def show(self, line: str, *, at_end: bool = False) -> None:
        """Write a line of the log, if it is worth it.

        Args:
            line: the line.
            at_end: whether httpd ends: then only requests, crashes, and what Python code has said, are of interest.
        """
        if request := _REQUEST.fullmatch(line):
            self._request(*request.groups())
        elif at_end:
            if line.startswith("[python:") or not line.startswith("[") or is_crash(line):
                self._write(self._entry(line))
        elif not (self._quiet and _ROUTINE.match(line)) or is_crash(line):
            self._write(self._entry(line))

    def flush(self) -> None:
        """Write what a signal has kept from being written."""
        self._stream.flush()

    def _request(self, status: str, microseconds: str, method: str, path: str) -> None:
        shown = self._in_colour(_COLOURS.get(status[:1], "0"), status)
        what = printable(_unescaped(path), kept="")
        self._write(f"{time.strftime('%H:%M:%S')} {shown} {printable(method)} {what} {int(microseconds) / 1000:.1f} ms")

    def _entry(self, line: str) -> str:
        match = _ENTRY.fullmatch(line)
        if match is None:
            return unescaped(line) if self._formats else printable(line)
        module, level, message = match.groups()
        text = unescaped(message)
        if module == "python" and (level == "notice" or (level == "error" and self._goes_on(text))):
            return text  # what code prints
        shown = "error" if is_crash(line) else level
        return f"{self._in_colour(_LEVELS.get(shown, '2'), shown)}: {text}"

    def _goes_on(self, text: str) -> bool:
        """Return whether an entry is a line of a traceback that code has printed line by line, or indented."""
        was_inside = self._in_traceback
        begins = text.startswith("Traceback (most recent call last):")
        self._in_traceback = begins or (was_inside and text.startswith(" "))
        return was_inside or begins or text.startswith(" ")

    def _in_colour(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text

    def _write(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


def is_crash(line: str) -> bool:
    """Return whether an entry of the error log says that a child of httpd has crashed."""
    return _CRASH.match(line) is not None


def is_failure(line: str) -> bool:
    """Return whether a line of the error log is about an error, or is none of its entries."""
    is_entry = line.startswith(("[", REQUEST))
    return not is_entry or is_crash(line) or _FAILURE.match(line) is not None


def unescaped(message: str) -> str:
    r"""Return an entry of the error log with line ends and letters in place of httpd's \n and \xc3\xa4.

    Escapes of control characters stay, so that no client can write to the terminal what moves its cursor.
    """
    return printable(_unescaped(message))


def _unescaped(message: str) -> str:
    def plain(match: re.Match[str]) -> str:
        end, tab, itself, code = match.groups()
        if code:
            return bytes.fromhex(code.replace("\\x", "")).decode(errors="backslashreplace")
        return "\n" if end else "\t" if tab else str(itself)

    return _ESCAPE.sub(plain, message)


def printable(text: str, kept: str = "\n\t") -> str:
    """Return a text with escapes in place of characters that control the terminal, or the order of its letters.

    Args:
        text: the text.
        kept: those that stay.
    """
    if text.isprintable():
        return text
    hidden = (one for one in {*text} - {*kept} if unicodedata.category(one) in _HIDDEN)
    return text.translate({ord(one): ascii(one)[1:-1] for one in hidden})
