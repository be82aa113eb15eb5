"""The httpd of `mod_python serve`: a temporary folder with its configuration, and its processes."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Self

from mod_python import _places
from mod_python._command import environment
from mod_python._command.children import Children
from mod_python._command.options import Options
from mod_python._command.problem import Problem
from mod_python._command.target import Target, target_of
from mod_python._folder_copy import FolderCopy
from mod_python._httpd_conf import PORT_VARIABLE, load_lines, make_certificate, quoted, usual_modules, usual_mpm
from mod_python._httpd_session import HttpdSession, without_python
from mod_python._machine import free_ports

# Lines of a request begin so, and the rest of the error log as httpd's usual ones do.
REQUEST = "request: "
_LOGS = f"""
LogFormat "{REQUEST}%>s %{{us}}T %m %U%q" served
ErrorLogFormat "[%m:%l] %E: [client\\ %a] %M"
"""
_FEW = ["authz_core", "mime", "dir", "alias", "env", "setenvif", "headers", "rewrite", "filter", "reqtimeout"]
_MOST_FILES, _MOST_BYTES = 10_000, 200_000_000  # of a folder that is copied
_PATIENCE = 2.0  # seconds for httpd's end before it is killed


class Site(HttpdSession):
    """A private httpd. As a context manager it removes its folder at the end, and stops before that.

    Raises:
        Problem: it cannot be made; the sentence says why.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        named = self._named(options.target, Path.cwd())
        self.children_user = Children(named.path)
        self.folder = Path(tempfile.gettempdir(), f"mod_python-serve.{secrets.token_hex(4)}")
        self._keeper = _keeper(self.folder)  # first: from here on, nothing is left whenever this process is killed
        self.log = self.folder / "log"
        self._variables_of_file = self.folder / "environment"
        self._first_variables: dict[str, str] = {}
        self._copies: list[FolderCopy] = []
        self._claims: list[object] = []
        self._ports: dict[str, int] = {}  # of variables such as ${PORT2}
        try:
            self.folder.mkdir(0o700)
            self.folder.chmod(0o755)
            for name in ("run", "htdocs", "state"):
                (self.folder / name).mkdir()
                (self.folder / name).chmod(0o755)  # independent of the umask
            if self.children_user.is_other:
                os.chown(self.folder / "state", self.children_user.uid, self.children_user.gid)
            (self.folder / "modules").symlink_to(_places.modules())
            self.copied = None if self.children_user.can_read(named.path) else named.folder
            self.target = self._target(named)
            self.port = self._port()
            super().__init__(self.folder / "httpd.conf", usual_mpm(), self._environment())
            os.mkfifo(self.log, 0o600)
            self._conf.write_text(self.configuration())
        except BaseException:
            self._clean_up()
            raise

    # ---- what is served

    def _named(self, name: str, folder: Path) -> Target:
        options = self.options
        return target_of(name, options.over, options.tcp, options.host, folder, options.interface)

    def _target(self, named: Target) -> Target:
        target = named
        if self.copied is not None:
            _refuse_large(self.copied, self.children_user.name)
            self._copies.append(FolderCopy(self.copied, self.folder / "code"))
            target = self._named(named.name, self.folder / "code")
        if target.documents and not self.children_user.can_read(target.documents):
            user = self.children_user.name
            raise Problem(f"{target.documents} cannot be read by {user}, as whom httpd's children run")
        return target

    def refresh(self) -> None:
        """Copy what has changed, where the children work on a copy."""
        for copy in self._copies:
            copy.refresh()

    def _port(self) -> int:
        if self.options.port:
            return self.options.port
        [port], claims = free_ports(1)
        self._claims += claims
        return port

    def url(self) -> str:
        """Return the address at which clients reach it."""
        host = {"0.0.0.0": "localhost", "::": "localhost", "127.0.0.1": "localhost"}.get(
            self.options.host, self.options.host
        )
        host = f"[{host}]" if ":" in host else host
        if self.target.scheme == "tcp":
            return f"{'tls' if self.options.tls else 'tcp'}://{host}:{self.options.tcp}"
        return f"http{'s' if self.options.tls else ''}://{host}:{self.port}/"

    # ---- the configuration

    def configuration(self) -> str:
        """Return the text of httpd.conf."""
        options, target = self.options, self.target
        folder, module = quoted(self.folder), quoted(self._module())
        lines = [f"ServerRoot {folder}", "DefaultRuntimeDir run", "PidFile run/httpd.pid", "ServerName localhost"]
        lines += load_lines(self.mpm, self._modules())
        lines += [f"LoadModule python_module {module}", *self._size(), *self.children_user.lines()]
        lines += [_LOGS.strip(), "ErrorLog log", "CustomLog log served", f"LogLevel {options.log_level}"]
        lines += ["TypesConfig /etc/mime.types"] if Path("/etc/mime.types").exists() else []
        lines += [f"DocumentRoot {quoted(target.documents or self.folder / 'htdocs')}", "DirectoryIndex index.html"]
        lines += ["SSLSessionCache shmcb:run/ssl(65536)"] if "ssl" in self._modules() else []
        lines += ["ScriptSock cgid"] if "cgid" in self._modules() else []
        lines += self._variables()
        lines += [] if target.listens else [f"Listen {self._address()}"]
        lines += [f"Protocols {'h2 ' if options.tls else ''}h2c http/1.1"] if options.http2 else []
        tls = ["SSLEngine on", "SSLCertificateFile cert.pem", "SSLCertificateKeyFile key.pem"] if options.tls else []
        lines += [] if target.scheme == "tcp" else tls
        lines += ["PythonInterpreter main_interpreter", *self._home()]
        lines += ["PythonImport mod_python._command.environment main_interpreter"] if options.env_file else []
        for line in target.lines:
            lines += [f"    {one}" for one in tls] if line.strip() == "${TLS}" else [line]
        lines += [f"PythonImport {target.module} main_interpreter"] if target.module else []
        lines += ["PythonImport mod_python._command.ready main_interpreter"]
        return "\n".join([*lines, ""])

    def _modules(self) -> list[str]:
        """Return the names of the modules of httpd: few, but for a fragment, which is written for the usual ones."""
        if self.target.path.suffix == ".conf":
            return usual_modules(self.mpm)
        tls = ["socache_shmcb", "ssl"] if self.options.tls else []
        return [*_FEW, *self.target.modules, *tls, *(["http2"] if self.options.http2 else [])]

    def _address(self) -> str:
        host = self.options.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def _size(self) -> list[str]:
        processes, threads = self.options.processes, self.options.threads
        if self.mpm == "prefork":
            most = processes * threads
            return [f"ServerLimit {most}", f"MaxRequestWorkers {most}", f"StartServers {min(most, 4)}"]
        most = processes * threads
        lines = [f"StartServers {processes}", f"ServerLimit {processes + 7}", f"ThreadLimit {max(threads, 64)}"]
        lines += [f"ThreadsPerChild {threads}", f"MaxRequestWorkers {most}"]
        # A process that is missing is replaced; a busy one is no reason for httpd to complain.
        return [*lines, f"MinSpareThreads {most - threads + 1}", f"MaxSpareThreads {most}"]

    def _variables(self) -> list[str]:
        """Return a Define for each variable that a fragment may use, as those of `mod_python.temporary_server`."""
        if self.target.path.suffix != ".conf":
            return []
        wanted = PORT_VARIABLE.findall(self.target.path.read_text(errors="replace"))
        names = sorted({*wanted} - self._ports.keys() - {"PORT"})
        free, claims = free_ports(len(names))
        self._claims += claims
        self._ports |= zip(names, free, strict=True)
        values: dict[str, object] = {"PORT": self.port, **self._ports}
        values |= {"HANDLERS": self.target.path.parent, "ROOT": self.target.path.parent}
        values |= {"STATE": self.folder / "state", "HTDOCS": self.target.documents or self.folder / "htdocs"}
        values |= {"CERT": self.folder / "cert.pem", "KEY": self.folder / "key.pem"}
        return [f"Define {name} {quoted(value)}" for name, value in values.items()]

    def _home(self) -> list[str]:
        if sys.prefix == sys.base_prefix:
            return []
        return [f"PythonHome {quoted(sys.prefix)}"]

    def _module(self) -> Path:
        """Return the path of mod_python.so."""
        try:
            return _places.module()
        except _places.NotFoundError as error:
            raise Problem(str(error)) from error

    def _environment(self) -> dict[str, str]:
        variables = without_python() | self._take_variables()
        variables |= {"MOD_PYTHON_SERVE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        if self.options.env_file is not None:
            variables[environment.VARIABLE] = str(self._variables_of_file)
        if not self.children_user.can_read(_places.PACKAGE / "__init__.py"):
            (self.folder / "python").mkdir()
            (self.folder / "python").chmod(0o755)
            self._copies.append(FolderCopy(_places.PACKAGE, self.folder / "python/mod_python", bytecode=True))
            variables["PYTHONPATH"] = str(self.folder / "python")
        elif not is_found_by_itself():
            variables["PYTHONPATH"] = str(_places.PACKAGE.parent)
        return variables

    def _take_variables(self) -> dict[str, str]:
        """Return the variables of --env-file, with a copy for the children. Raise Problem if they cannot be read."""
        if self.options.env_file is None:
            return {}
        try:
            variables = environment.read(self.options.env_file)
            # What httpd was started with, and the file has no more, is as it was without the file.
            self._first_variables = self._first_variables or variables
            before = without_python()
            gone = {name: before.get(name) for name in self._first_variables}
            environment.write(self._variables_of_file, gone | variables, self.children_user.uid)
            return variables
        except OSError as error:
            raise Problem(f"{self.options.env_file} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise Problem(f"{self.options.env_file} is not UTF-8: {error}") from error
        except ValueError as error:
            raise Problem(str(error)) from error

    # ---- the processes

    def check(self) -> None:
        """Raise Problem with httpd's words if the configuration is wrong."""
        self._certify()
        if (done := self.configtest()).returncode != 0:
            raise Problem(f"httpd refuses the configuration: {done.stderr.strip()}")

    def _certify(self) -> None:
        certificate, key = self.folder / "cert.pem", self.folder / "key.pem"
        if certificate.exists() or not (self.options.tls or self.target.path.suffix == ".conf"):
            return
        try:
            make_certificate(certificate, key)
        except FileNotFoundError as error:
            raise Problem("openssl was not found, which makes the certificate: install the package openssl") from error

    def start(self, log: int) -> None:
        """Start httpd. `log` takes what it prints."""
        self._certify()
        self._launch(log)
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(f"{self.parent_pid}\n")
        self._keeper.stdin.flush()

    def restart(self) -> None:
        """Restart gracefully, with the files as they are now. Raise Problem if httpd would refuse them, and end."""
        self._take_variables()
        self._conf.write_text(self.configuration())
        self.check()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.parent_pid, signal.SIGUSR1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._end(_PATIENCE)
        finally:
            self._clean_up()

    def _clean_up(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        assert self._keeper.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # somebody has killed it
            self._keeper.stdin.close()
        self._keeper.wait()


def _keeper(folder: Path) -> subprocess.Popen[str]:
    """Start the process that ends httpd, and removes the folder, when this process is at its end."""
    return subprocess.Popen(
        [sys.executable, "-S", "-m", "mod_python._command.keeper", str(folder)],
        env=without_python() | {"PYTHONPATH": str(_places.PACKAGE.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )


def is_found_by_itself() -> bool:
    """Return whether httpd finds the package: in the checkout of the module, or where Python's packages are."""
    return _places.tree() is not None or str(_places.PACKAGE.parent) in sysconfig.get_paths().values()


def _refuse_large(folder: Path, user: str) -> None:
    """Raise Problem for a folder that is too large for a copy."""
    files = size = 0
    for parent, _, names in os.walk(folder):
        files += len(names)
        for name in names:
            with contextlib.suppress(OSError):
                size += Path(parent, name).stat().st_size
        if files > _MOST_FILES or size > _MOST_BYTES:
            raise Problem(
                f"{folder} cannot be read by {user}, as whom httpd's children run, and is too large for a copy: "
                f"move it to a folder that {user} can read, or run this as an ordinary user"
            )
