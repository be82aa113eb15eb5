"""`mod_python serve`: a private httpd in the foreground."""

import contextlib
import errno
import os
import re
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from mod_python._command.ending import stop_on_signals, uninterrupted
from mod_python._command.lives import End, Lives
from mod_python._command.options import Options
from mod_python._command.problem import Problem
from mod_python._command.ready import LINE, REFUSED
from mod_python._command.site import Site
from mod_python._command.terminal import Terminal, is_crash, is_failure

_START = 60.0  # seconds in which a child must be ready
_LOOK = 0.2  # seconds between looks at files and processes
_UNREAD = 2.0  # seconds behind httpd's end in which somebody must read what is shown
_RECENT = 2.0  # seconds in which an error may be the reason of httpd's end
_READY, _REFUSED = LINE.decode().rstrip("\n"), REFUSED.decode()
_IMPORT = re.compile(r"\[python:error\].* PythonImport .*\(.*:\d+\)|\[python:crit\]")


def serve(options: Options) -> None:
    """Serve until a signal or the end of the process that started this one.

    Raises:
        Problem: it does not start, or httpd ends by itself.
        KeyboardInterrupt: a signal has ended it.
    """
    watches_parent = stop_on_signals()
    check_address(options.host, options.tcp if options.tcp is not None else options.port)
    with Site(options) as site, Log(site.log) as log:
        quiet = options.log_level in ("error", "warn")
        terminal = Terminal(sys.stdout, quiet=quiet, formats=site.has_formats())
        screen = Screen(log, terminal)
        try:
            site.start(log.writer)
            _begin(site, screen)
            terminal.say(_first_line(site))
            _go_on(site, screen, os.getppid() if watches_parent else None)
        except KeyboardInterrupt:
            _end(site, screen)
            raise


def check_port(port: int) -> None:
    """Raise Problem if there is no such port. 0 stands for a free one."""
    if not 0 <= port < 65536:
        raise Problem(f"there is no port {port}: give one between 1 and 65535")


def check_address(host: str, port: int) -> None:
    """Raise Problem if httpd cannot listen on a port of an address. 0 stands for a free port."""
    none = f"--host {host} is no address of this machine: give one, or 0.0.0.0 for all of them"
    try:
        found = socket.getaddrinfo(host or ".", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise Problem(none) from error
    faults = [why_not(family, address) for family, _, _, _, address in found]
    if all(fault is not None and fault.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) for fault in faults):
        raise Problem(none)
    for fault in faults:
        if fault is not None and fault.errno in (errno.EADDRINUSE, errno.EACCES):
            reason = (fault.strerror or str(fault)).lower()
            raise Problem(f"port {port} cannot be used ({reason}): give another one")


def why_not(family: int, address: tuple[object, ...]) -> OSError | None:
    """Return the reason why nobody can listen at an address, or None."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        return error
    return None


def _first_line(site: Site) -> str:
    what = Path(site.options.target).name + (f" over {site.options.over}" if site.options.over else "")
    copied = f", from a copy that {site.children_user.name} can read" if site.copied else ""
    return f"Serving {what} at {site.url()}{copied}; Ctrl-C ends it."


class Screen:
    """Shows the log on the terminal.

    Args:
        log: the log.
        terminal: the terminal.

    Attributes:
        at_end: whether httpd ends.
        is_ready: whether a child was ready.
        failures: the lines about errors, of the last seconds.
        refused: a sentence about the application, which cannot be served.
        ends: of children, that nothing was said of yet.
    """

    def __init__(self, log: "Log", terminal: Terminal) -> None:
        self._log = log
        self._terminal = terminal
        self._lives = Lives()
        self.at_end = False
        self._before_end = 0  # lines that have come before that, and are not shown yet
        self.is_ready = False
        self.failures: list[str] = []
        self._failed = 0.0
        self.refused = ""
        self.ends: list[End] = []

    def show(self, seconds: float) -> None:
        """Show what has come; wait for the first line, or the end of a child, at most this long."""
        self._lives.note_ended(self._log.wait(seconds, [] if self.at_end else self._lives.descriptors()))
        with uninterrupted():  # a line that was read is shown
            for line in self._log.lines():
                self._take(line)
        self.ends += self._lives.ends()

    def begin_end(self) -> None:
        """Note that httpd is to end. Nothing is written: perhaps nobody reads it."""
        self._lives.note_ended(self._log.wait(0, self._lives.descriptors()))
        self._before_end = self._log.fetch()
        self.at_end = True

    def show_last(self) -> None:
        """Show what httpd has written up to its end."""
        self.show(0)
        if rest := self._log.rest():
            self._take(rest)
        self.ends += self._lives.ends(is_over=True)

    def _take(self, line: str) -> None:
        if self._lives.take(line):
            pass
        elif line == _READY:
            self.is_ready = True
        elif line.startswith(_REFUSED):
            self.refused = line.removeprefix(_REFUSED)
        else:
            self._terminal.show(line, at_end=self.at_end and not self._before_end)
            if is_failure(line):
                self.failures.append(line)
                self._failed = time.monotonic()
        self._before_end = max(self._before_end - 1, 0)

    def forget(self) -> None:
        """Forget failures that are no longer the last thing that is seen."""
        if time.monotonic() - self._failed > _RECENT:
            self.failures.clear()

    def say(self, text: str) -> None:
        """Write a line of the command's own."""
        self._terminal.say(text)

    def say_ends(self) -> None:
        """Say how children have ended of which httpd says nothing."""
        for end in self.ends:
            if not end.is_crash:
                self._terminal.say_error(end.text)
        self.ends.clear()

    def flush(self) -> None:
        """Write what a signal has kept from being written."""
        self._terminal.flush()


def _begin(site: Site, screen: Screen) -> None:
    """Wait until a child is ready. Raise Problem if there will be none, or if the module cannot be imported."""
    until = time.monotonic() + _START
    while not screen.is_ready:
        screen.show(_LOOK)
        if not site.alive():
            screen.show_last()
            raise Problem(f"httpd did not start{_as_above(screen, site)}")
        if screen.ends and not screen.is_ready:
            above = ", as it says above" if screen.ends[0].is_crash and screen.failures else ""
            what = f"{site.options.target} was imported" if site.target.module else "it started"
            raise Problem(f"{screen.ends[0].text}, while {what}{above}")
        if any(is_crash(line) for line in screen.failures):
            raise Problem(f"{site.options.target} has crashed a process of httpd, as it says above")
        if time.monotonic() > until:
            raise Problem(f"httpd was not ready within {_START:.0f} s")
    if any(_IMPORT.match(line) for line in screen.failures):
        raise Problem(f"{site.options.target} could not be imported, as the traceback above says")
    if screen.refused:
        raise Problem(screen.refused)


def _as_above(screen: Screen, site: Site) -> str:
    return ", as it says above" if screen.failures else f": it ended {site.how_it_ended()}"


def _go_on(site: Site, screen: Screen, parent: int | None) -> None:
    """Show what happens. Raise Problem when httpd has ended, KeyboardInterrupt when the parent has."""
    watch = Watch(site)
    while site.alive():
        screen.forget()
        screen.show(_LOOK)
        screen.say_ends()
        if screen.refused:
            screen.say(f"{screen.refused}.")
            screen.refused = ""
        if parent is not None and os.getppid() != parent:
            raise KeyboardInterrupt
        site.refresh()
        if changed := watch.changed():
            try:
                site.restart()
                screen.say(f"{changed.name} has changed: httpd restarts gracefully.")
            except Problem as problem:
                screen.say(f"{changed.name} has changed, and httpd goes on as it was: {problem}")
    screen.show_last()
    screen.say_ends()
    raise Problem(f"httpd ended by itself{_as_above(screen, site)}")


def _end(site: Site, screen: Screen) -> None:
    """End httpd, and show the requests that were being answered or logged."""
    ending = threading.Thread(target=site.end)
    shown = threading.Event()
    screen.begin_end()
    ending.start()
    threading.Thread(target=_leave, args=(site, ending, shown), daemon=True).start()
    try:
        while ending.is_alive():
            screen.show(0.02)
        screen.show_last()
        screen.say_ends()
        screen.flush()  # else at the end of Python, where nothing would end the wait for a reader
    finally:
        shown.set()


def _leave(site: Site, ending: threading.Thread, shown: threading.Event) -> None:
    """End this process if nobody reads what it shows: a write to a full pipe waits for ever."""
    ending.join()
    if not shown.wait(_UNREAD):
        try:
            site.close()
        finally:
            os._exit(0)


class Watch:
    """Watches the files that are not reloaded by themselves."""

    def __init__(self, site: Site) -> None:
        options = site.options
        wanted = sys.stdout.isatty() if options.reload is None else options.reload
        paths = [*site.target.restarts, *filter(None, [options.env_file])] if wanted else []
        self._stamps = {path: self._stamp(path) for path in paths}

    @staticmethod
    def _stamp(path: Path) -> tuple[int, int] | None:
        try:
            status = path.stat()
        except OSError:
            return None  # an editor replaces it
        return status.st_mtime_ns, status.st_size

    def changed(self) -> Path | None:
        """Return a file that has changed since the last look."""
        for path, old in self._stamps.items():
            new = self._stamp(path)
            if new is not None and new != old:
                self._stamps[path] = new
                return path
        return None


class Log:
    """The pipe with a name to which httpd writes its logs.

    Args:
        path: its name.

    Attributes:
        writer: a descriptor for writing, so that there is no end of the input while httpd restarts.
    """

    def __init__(self, path: Path) -> None:
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.writer = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._lines: deque[bytes] = deque()
        self._rest = b""

    def wait(self, seconds: float, others: list[int]) -> list[int]:
        """Wait at most this long until something has come, or another descriptor can be read, and return those."""
        found = select.select([self._reader, *others], [], [], 0 if self._lines else seconds)[0]
        return [one for one in found if one != self._reader]

    def fetch(self) -> int:
        """Read what has come, and return how many lines there are for `lines()`."""
        with contextlib.suppress(BlockingIOError):
            *whole, self._rest = (self._rest + os.read(self._reader, 1 << 20)).split(b"\n")
            self._lines += whole
        return len(self._lines)

    def lines(self) -> Iterator[str]:
        """Yield the lines that have come. Where the caller stops, the next call goes on."""
        self.fetch()
        while self._lines:
            yield self._lines[0].decode(errors="backslashreplace")
            self._lines.popleft()

    def rest(self) -> str:
        """Return the last line, which has no end."""
        line, self._rest = self._rest, b""
        return line.decode(errors="backslashreplace")

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reader)
        os.close(self.writer)
