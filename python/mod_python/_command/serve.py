"""`mod_python serve`: a private httpd in the foreground."""

import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mod_python import _machine
from mod_python._command.ending import stop_on_signals
from mod_python._command.options import Options
from mod_python._command.problem import Problem
from mod_python._command.ready import LINE
from mod_python._command.site import Site
from mod_python._command.terminal import Terminal

_START = 60.0  # seconds in which a child must be ready
_LOOK = 0.2  # seconds between looks at files and processes
_READY = LINE.decode().rstrip("\n")


def serve(options: Options) -> None:
    """Serve until a signal or the end of the process that started this one.

    Raises:
        Problem: it does not start, or httpd ends by itself.
        KeyboardInterrupt: a signal has ended it.
    """
    watches_parent = stop_on_signals()
    check_port(options.tcp if options.tcp is not None else options.port)
    with Site(options) as site, Log(site.log) as log:
        terminal = Terminal(sys.stdout, quiet=options.log_level in ("error", "warn"))
        site.start(log.writer)
        _begin(site, log, terminal)
        terminal.say(_first_line(site))
        _go_on(site, log, terminal, os.getppid() if watches_parent else None)


def check_port(port: int) -> None:
    """Raise Problem if httpd cannot listen on a port. 0 stands for a free one."""
    if not 0 <= port < 65536:
        raise Problem(f"there is no port {port}: give one between 1 and 65535")
    if port and (error := _machine.why_not(port)):
        raise Problem(f"port {port} cannot be used ({(error.strerror or str(error)).lower()}): give another one")


def _first_line(site: Site) -> str:
    what = Path(site.options.target).name + (f" over {site.options.over}" if site.options.over else "")
    copied = f", from a copy that {site.children_user.name} can read" if site.copied else ""
    return f"Serving {what} at {site.url()}{copied}; Ctrl-C ends it."


def _begin(site: Site, log: "Log", terminal: Terminal) -> None:
    """Wait until a child is ready. Raise Problem if there will be none, or if the module cannot be imported."""
    until = time.monotonic() + _START
    seen: list[str] = []
    while _READY not in seen:
        seen += log.lines(_LOOK)
        if not site.alive():
            _show(terminal, [*seen, *log.lines(0)])
            raise Problem("httpd did not start, as it says above")
        if time.monotonic() > until:
            _show(terminal, seen)
            raise Problem(f"httpd was not ready within {_START:.0f} s")
    _show(terminal, seen)
    if any(line.startswith(("[python:error]", "[python:crit]")) for line in seen):
        raise Problem(f"{site.options.target} could not be imported, as the traceback above says")


def _show(terminal: Terminal, lines: list[str]) -> None:
    for line in lines:
        if line != _READY:
            terminal.show(line)


def _go_on(site: Site, log: "Log", terminal: Terminal, parent: int | None) -> None:
    """Show what happens. Raise Problem when httpd has ended, KeyboardInterrupt when the parent has."""
    watch = Watch(site)
    while site.alive():
        _show(terminal, log.lines(_LOOK))
        if parent is not None and os.getppid() != parent:
            raise KeyboardInterrupt
        site.refresh()
        if changed := watch.changed():
            try:
                site.restart()
                terminal.say(f"{changed.name} has changed: httpd restarts gracefully.")
            except Problem as problem:
                terminal.say(f"{changed.name} has changed, and httpd goes on as it was: {problem}")
    _show(terminal, log.lines(0))
    raise Problem("httpd ended by itself, as it says above")


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
        self._rest = b""

    def lines(self, seconds: float) -> list[str]:
        """Return the lines that have come; wait for the first one at most this long."""
        return list(self._lines(seconds))

    def _lines(self, seconds: float) -> Iterator[str]:
        ready, _, _ = select.select([self._reader], [], [], seconds)
        if ready:
            *whole, self._rest = (self._rest + os.read(self._reader, 1 << 20)).split(b"\n")
            yield from (line.decode(errors="backslashreplace") for line in whole)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reader)
        os.close(self.writer)
