"""An httpd in a temporary folder, for tests.

    with Server(CONF, handlers="src") as server:
        urllib.request.urlopen(server.url("/hello"))

`mod_python.pytest_plugin` has a fixture for it. This module needs only the standard library.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from mod_python import _places
from mod_python._folder_copy import FolderCopy
from mod_python._httpd_conf import LISTEN, PORT_VARIABLE, SIZE, load_lines, make_certificate, usual_modules
from mod_python._httpd_session import SLOWER, HttpdSession, without_python
from mod_python._machine import free_ports
from mod_python._readable import can_read

_FOR_TESTS = ["bucketeer", "case_filter", "case_filter_in"]
_RUNNING = b"resuming normal operations"  # httpd's log line when a generation is ready


class ServerError(Exception):
    """httpd did not start or stop as it should; the text has its error log."""


class Server(HttpdSession):
    """An httpd whose configuration loads the usual modules, includes `conf`, and keeps all files in one folder.

    Variables the fragment can use: ${PORT} (listened on, unless the fragment has a `Listen` for it), any other
    ${...PORT...} (free, for a `Listen` of its own), ${HANDLERS} (a copy of the folder of Python modules, on
    PythonPath), ${STATE} (writable by the children), ${HTDOCS} (the document root), ${CGI_BIN}, ${CERT} and ${KEY} (a
    certificate for localhost).

    Without PythonInterpreter in the fragment, code runs in the interpreter "localhost", after the server's ServerName.

    If the environment has MOD_PYTHON_TEST_WRAPPER, a command such as valgrind with its options, httpd runs under it,
    and all time-outs are thirty times as long.
    """

    def __init__(
        self,
        conf: str,
        *,
        handlers: str | os.PathLike[str] | None = None,
        mpm: str = "event",
        modules: Iterable[str] = (),
        ports: Mapping[str, int] | None = None,
        env: Mapping[str, str] | None = None,
        with_python: bool = True,
        python_first: bool = False,
    ) -> None:
        """Make the folder and the configuration; `start` starts httpd. Raise ServerError without mod_python.so.

        Args:
            conf: a fragment of configuration.
            handlers: a folder of Python modules; a copy of it, which the children can read, is on PythonPath.
            mpm: "event", "worker" or "prefork".
            modules: names of modules of httpd to load besides the usual ones, such as "dav".
            ports: ports by the names of their variables; all others are chosen among the free ones.
            env: variables for httpd's environment.
            with_python: whether mod_python is loaded.
            python_first: whether it is loaded before all other modules instead of after them.
        """
        self._copies: list[FolderCopy] = []
        self.folder = Path(tempfile.mkdtemp(prefix="mod_python."))
        self.error_log = self.folder / "logs/error.log"
        self.access_log = self.folder / "logs/access.log"
        self.htdocs = self.folder / "htdocs"
        self.cgi_bin = self.folder / "cgi-bin"
        self.state = self.folder / "state"
        self.handlers = self.folder / "handlers"
        self.certificate = self.folder / "cert.pem"
        python = {"PYTHONPATH": str(self.folder / "python")}
        super().__init__(self.folder / "httpd.conf", mpm, without_python() | python | {**(env or {})})
        try:
            self._fill_folder(with_python)
            if handlers is not None:
                self._copy(Path(handlers), "handlers")
            names = sorted({"PORT", *PORT_VARIABLE.findall(self._around(conf))} - {*(ports or {})})
            free, self._claims = free_ports(len(names))
            self.variables = self._variables({**dict(zip(names, free, strict=True)), **(ports or {})})
            # The fragment is a file of its own, so that httpd's messages have its line numbers.
            (self.folder / "fragment.conf").write_text(conf)
            load = ["LoadModule python_module mod_python.so"] if with_python else []
            if handlers is not None and with_python:
                load += self._python_path()
            (self.folder / "httpd.conf").write_text(self._configuration(conf, modules, load, python_first))
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def _variables(self, ports: Mapping[str, int]) -> dict[str, str]:
        paths = {"HANDLERS": self.handlers, "STATE": self.state, "HTDOCS": self.htdocs, "CGI_BIN": self.cgi_bin}
        paths |= {"CERT": self.certificate, "KEY": self.folder / "key.pem"}
        return {name: str(value) for name, value in {**ports, **paths}.items()} | self._more_variables()

    @property
    def port(self) -> int:
        """The port of ${PORT}, where the server speaks HTTP."""
        return self.port_of("PORT")

    def port_of(self, name: str) -> int:
        """Return the port of a variable of the configuration, such as PORT2. Raise KeyError if there is none."""
        return int(self.variables[name])

    def url(self, path: str) -> str:
        """Return the http URL of a path that begins with a slash."""
        return f"http://127.0.0.1:{self.port}{path}"

    def expand(self, text: str) -> str:
        """Return a text with each ${NAME} replaced, as httpd does it; unknown names stay."""
        return re.sub(r"\$\{(\w+)\}", lambda match: self.variables.get(match[1], match[0]), text)

    # ---- the folder

    def _fill_folder(self, with_python: bool) -> None:
        # The parent may run as root and the children as www-data, which must be able to read all files.
        self.folder.chmod(0o755)
        for name in ("logs", "run", "htdocs", "cgi-bin", "state", "python"):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o755)  # independent of the umask
        if os.geteuid() == 0:
            shutil.chown(self.state, "www-data", "www-data")
        if with_python:
            try:
                shutil.copy(_places.module(), self.folder / "mod_python.so")
            except _places.NotFoundError as error:
                raise ServerError(str(error)) from error
            self._show(_places.PACKAGE, "python/mod_python")
        make_certificate(self.certificate, self.folder / "key.pem")

    def _show(self, source: Path, name: str) -> None:
        """Put a link to a folder at `name`, or a copy if the children cannot read it."""
        if os.geteuid() != 0 or can_read(source, pwd.getpwnam("www-data").pw_uid, ()):
            (self.folder / name).symlink_to(source)
        else:
            self._copy(source, name, bytecode=True)

    def _copy(self, source: Path, name: str, *, bytecode: bool = False) -> None:
        """Copy a folder to `name`, merged with what is there."""
        self._copies.append(FolderCopy(source, self.folder / name, bytecode=bytecode))

    def refresh(self) -> None:
        """Copy files that have changed since they were copied: handlers show in the next requests."""
        for copy in self._copies:
            copy.refresh()

    def _python_path(self) -> list[str]:
        """Return the lines that put the handlers' folder on PythonPath."""
        return [f"""PythonPath "sys.path + ['{self.handlers}']" """]

    def _more_variables(self) -> dict[str, str]:
        """Return further variables of the configuration; for subclasses."""
        return {}

    # ---- files

    def write(self, name: str, data: bytes | str) -> Path:
        """Write a file below the document root, and return its path."""
        return self._put(self.htdocs / name, data, 0o644)

    def _put(self, path: Path, data: bytes | str, mode: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Replaced in one step, since a script of this name may still run.
        new = path.with_name(f".{path.name}.new")
        new.write_bytes(data.encode() if isinstance(data, str) else data)
        new.chmod(mode)
        # With both times the same, the file would be taken for one that somebody may still be writing.
        written = new.stat().st_mtime_ns - 10_000_000
        os.utime(new, ns=(written, written))
        return new.replace(path)

    # ---- the configuration

    def _around(self, include: str) -> str:
        """Return the configuration with the line that includes the fragment; for subclasses."""
        return include

    def _configuration(self, conf: str, modules: Iterable[str], load: list[str], python_first: bool) -> str:
        lines = [f'Define {name} "{value}"' for name, value in self.variables.items()]
        lines += [
            f'ServerRoot "{self.folder}"',
            "DefaultRuntimeDir run",
            "PidFile run/httpd.pid",
            "ErrorLog logs/error.log",
            "ServerName localhost",
            *(load if python_first else ()),
            *load_lines(self.mpm, [*usual_modules(self.mpm), *_FOR_TESTS], modules),
            SIZE[self.mpm],
            "TypesConfig /etc/mime.types",
            'CustomLog logs/access.log "%>s %r"',
            'DocumentRoot "${HTDOCS}"',
            "DirectoryIndex index.html",
            "SSLSessionCache shmcb:run/ssl(65536)",
        ]
        if os.geteuid() == 0:
            lines += ["User www-data", "Group www-data"]
        if self.mpm != "prefork":
            lines += ["ScriptSock cgid"]  # in DefaultRuntimeDir
        lines += [] if python_first else load
        if not LISTEN.search(conf):
            lines += ["Listen 127.0.0.1:${PORT}"]
        return "\n".join([*lines, self._around('Include "fragment.conf"'), ""])

    # ---- the process

    def start(self) -> None:
        """Start httpd and wait until it has a child. Raise ServerError with its log if it has none within 30 s."""
        with self.error_log.open("ab") as log:
            self._launch(log.fileno())
        self._await_generation(set(), 1)

    def graceful(self) -> None:
        """Restart gracefully, and wait until the new generation has a child; old children may still run."""
        old, generations = set(self.children()), self._generations()
        os.kill(self.parent_pid, signal.SIGUSR1)
        self._await_generation(old, generations + 1)

    def stop(self) -> None:
        """Stop httpd and remove the folder. Raise ServerError if a process of httpd is left. It may be called again."""
        try:
            if self._process is not None:
                if problem := self._end():
                    raise ServerError(f"{problem}:\n{self.error_text()}")
                self._stopped()
        finally:
            self._process = None
            shutil.rmtree(self.folder, ignore_errors=True)
            for claim in self._claims:
                claim.close()

    def _stopped(self) -> None:
        """Called before the folder is removed; for subclasses."""

    def log(self) -> str:
        """Return the part of the error log that a failed test shows; for subclasses."""
        return self.error_text()

    def error_text(self, since: int = 0) -> str:
        """Return the error log from a byte offset on."""
        with self.error_log.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    def _generations(self) -> int:
        return self.error_log.read_bytes().count(_RUNNING)

    def _await_generation(self, old: set[int], generations: int) -> None:
        deadline = time.monotonic() + 30 * SLOWER
        while self._generations() < generations or not set(self.children()) - old:
            if not self.alive():
                raise ServerError(f"httpd did not start:\n{self.error_text()}")
            if time.monotonic() > deadline:
                raise ServerError(f"httpd was not ready within 30 s:\n{self.error_text()}")
            time.sleep(0.02)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._give_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self._give_up()

    def _give_up(self) -> None:
        """Stop without raising, since another exception is propagating."""
        with contextlib.suppress(Exception):
            self.stop()
