"""The httpd.conf of `mod_python serve`, for the httpd that it runs and for the one that is started by hand."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mod_python import _places
from mod_python._command.children import Children
from mod_python._command.options import Options
from mod_python._command.problem import Problem
from mod_python._command.target import Target
from mod_python._httpd_conf import LISTEN, PORT_VARIABLE, load_lines, quoted, usual_modules
from mod_python._machine import free_ports

_FEW = ["authz_core", "mime", "dir", "alias", "env", "setenvif", "headers", "rewrite", "filter", "reqtimeout"]


@dataclass(frozen=True)
class Layout:
    """The folders of an httpd.

    Attributes:
        root: its ServerRoot.
        runtime: the folder for its files at run time, below that.
        documents: the DocumentRoot where no folder of files is served.
    """

    root: Path
    runtime: str
    documents: Path


class Configuration:
    """What an httpd is configured with.

    Args:
        options: what the command line says.
        target: what is served.
        mpm: "event", "worker" or "prefork".
        children: the user of httpd's children.
        layout: its folders.

    Attributes:
        port: the port for HTTP.
    """

    def __init__(self, options: Options, target: Target, mpm: str, children: Children, layout: Layout) -> None:
        self._options = options
        self._target = target
        self._mpm = mpm
        self._children = children
        self._layout = layout
        self._claims: list[object] = []
        self._ports: dict[str, int] = {}  # of variables such as ${PORT2}
        self.port = options.port or self._free_ports(1)[0]

    def _free_ports(self, count: int) -> list[int]:
        found, claims = free_ports(count)
        self._claims += claims
        return found

    @property
    def is_fragment(self) -> bool:
        """Whether a fragment of configuration is served."""
        return self._target.path.suffix == ".conf"

    def fragment(self) -> str:
        """Return the text of the fragment as it is now; an empty one where none is served.

        Raises:
            Problem: it cannot be read.
        """
        try:
            return self._target.path.read_text(errors="replace") if self.is_fragment else ""
        except OSError as error:
            raise Problem(f"{self._target.path} cannot be read: {error.strerror}") from error

    def lines(self, before: Sequence[str], behind: Sequence[str]) -> list[str]:
        """Return the lines of httpd.conf. Those of `before` and `behind` stand around what is served.

        Raises:
            Problem: a line would not be read as it is meant, or mod_python.so is not there.
        """
        options, target, layout = self._options, self._target, self._layout
        tls = ["SSLEngine on", "SSLCertificateFile cert.pem", "SSLCertificateKeyFile key.pem"] if options.tls else []
        lines = [f"ServerRoot {quoted(layout.root)}", f"DefaultRuntimeDir {layout.runtime}"]
        lines += [f"PidFile {Path(layout.runtime, 'httpd.pid')}", "ServerName localhost"]
        lines += load_lines(self._mpm, self._modules())
        lines += [
            f"LoadModule python_module {quoted(_module())}",
            *self._size(),
            *map(" ".join, self._children.directives()),
        ]
        lines += [f"LogLevel {options.log_level}"]
        lines += ["TypesConfig /etc/mime.types"] if Path("/etc/mime.types").exists() else []
        lines += [f"DocumentRoot {quoted(target.documents or layout.documents)}", "DirectoryIndex index.html"]
        lines += ["SSLSessionCache shmcb:ssl(65536)"] if "ssl" in self._modules() else []
        lines += ["ScriptSock cgid"] if "cgid" in self._modules() else []
        lines += self._variables()
        lines += [] if self._listens() else [f"Listen {self._address()}"]
        lines += [f"Protocols {'h2 ' if options.tls else ''}h2c http/1.1"] if options.http2 else []
        lines += [] if target.scheme == "tcp" else tls
        lines += ["PythonInterpreter main_interpreter", *_home(), *before]
        for line in target.lines:
            lines += [f"    {one}" for one in tls] if line.strip() == "${TLS}" else [line]
        lines += [f"PythonImport {target.module} main_interpreter"] if target.module else []
        lines += behind
        for line in lines:
            _check(line)
        return lines

    def _modules(self) -> list[str]:
        """Return the names of the modules of httpd: few, but for a fragment, which is written for the usual ones."""
        if self.is_fragment:
            return usual_modules(self._mpm)
        tls = ["socache_shmcb", "ssl"] if self._options.tls else []
        return [*_FEW, *self._target.modules, *tls, *(["http2"] if self._options.http2 else [])]

    def _listens(self) -> bool:
        """Return whether what is served listens by itself."""
        return self._target.listens or LISTEN.search(self.fragment()) is not None

    def _address(self) -> str:
        host = self._options.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def _size(self) -> list[str]:
        processes, threads = self._options.processes, self._options.threads
        most = processes * threads
        if self._mpm == "prefork":
            return [f"ServerLimit {most}", f"MaxRequestWorkers {most}", f"StartServers {min(most, 4)}"]
        lines = [f"StartServers {processes}", f"ServerLimit {processes + 7}", f"ThreadLimit {max(threads, 64)}"]
        lines += [f"ThreadsPerChild {threads}", f"MaxRequestWorkers {most}"]
        # A process that is missing is replaced; a busy one is no reason for httpd to complain.
        return [*lines, f"MinSpareThreads {most - threads + 1}", f"MaxSpareThreads {most}"]

    def _variables(self) -> list[str]:
        """Return a Define for each variable that a fragment may use, as those of `mod_python.temporary_server`."""
        if not self.is_fragment:
            return []
        wanted = PORT_VARIABLE.findall(self.fragment())
        names = sorted({*wanted} - self._ports.keys() - {"PORT"})
        self._ports |= zip(names, self._free_ports(len(names)), strict=True)
        root, folder = self._layout.root, self._target.path.parent
        values: dict[str, object] = {"PORT": self.port, **self._ports, "HANDLERS": folder, "ROOT": folder}
        values |= {"STATE": root / "state", "HTDOCS": self._target.documents or self._layout.documents}
        values |= {"CERT": root / "cert.pem", "KEY": root / "key.pem"}
        return [f"Define {name} {quoted(value)}" for name, value in values.items()]


def _home() -> list[str]:
    return [] if sys.prefix == sys.base_prefix else [f"PythonHome {quoted(sys.prefix)}"]


def _module() -> Path:
    """Return the path of mod_python.so."""
    try:
        return _places.module()
    except _places.NotFoundError as error:
        raise Problem(str(error)) from error


def _check(line: str) -> None:
    """Raise Problem for a line with what no name in it may have."""
    for part, what in {"\n": "a line end", "\r": "a line end", "${": "the characters ${"}.items():
        if part in line:
            raise Problem(f"{line!r} cannot stand in httpd.conf, since it has {what}: rename what it names")
    if line.lstrip().startswith("Python") and not line.isascii():
        try:
            line.encode()
        except UnicodeEncodeError as error:
            raise Problem(f"{line!r} has bytes that are not UTF-8: rename what it names") from error
