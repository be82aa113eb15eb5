"""A server of one's own: a folder with its configuration, and httpd started and stopped with that."""

import contextlib
import io
import os
import platform
import re
import runpy
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from mod_python import _places
from mod_python._command.children import Children
from mod_python._command.problem import Problem
from mod_python._httpd_conf import quoted
from mod_python._httpd_session import without_python
from mod_python.version import version

_PATIENCE = 60.0  # seconds in which httpd must end
_LISTEN = re.compile(r"(?:(?P<host>\[[^\]\s]+\]|[^\[\]:\s]+):)?(?P<port>[0-9]{1,5})")


def folders(texts: Sequence[str]) -> list[str]:
    """Return the folders for PythonPath, absolute, of texts with colons between them."""
    return [str(Path(one).absolute()) for text in texts for one in text.split(os.pathsep) if one]


def handler(text: str) -> str:
    """Return a handler as a directive names it: that of a file by its absolute path. Raise Problem for no file."""
    file, colons, function = text.partition("::")
    if not file.endswith(".py"):
        return text
    path = Path(file).absolute()
    if not path.is_file():
        raise Problem(f"there is no file {path}: name a handler as module, module::function, or by its file")
    return f"{path}{colons}{function}"


def missing_module(handler: str, folders: Sequence[str]) -> str:
    """Return a sentence if the module of a handler is not there yet, for all that is known; else an empty text."""
    top = handler.partition("::")[0].partition(".")[0]
    if not top.isidentifier() or PathFinder.find_spec(top, [*folders, *_places.import_path()]) is not None:
        return ""
    if folders:
        return f"There is no module {top} in {', '.join(folders)} yet."
    return f"There is no module {top} among the packages of Python: --pythonpath DIR names the folder that has it."


def create(folder: Path, listen: str, handler: str, path: Sequence[str], options: Sequence[str]) -> Path:
    """Make a server's folder with its configuration, and return the path of httpd.conf.

    Args:
        folder: the folder.
        listen: a port, or an address and a port.
        handler: the handler of all requests.
        path: folders for PythonPath, absolute.
        options: a key, a blank and a value each, for PythonOption.

    Raises:
        Problem: there is a configuration already, httpd refuses this one, or the folder cannot be written.
    """
    from mod_python.httpdconf import write_basic_config

    folder = folder.absolute()
    conf, program = folder / "conf/httpd.conf", folder / "conf/httpd_conf.py"
    _check(folder, listen)
    if conf.exists() or program.exists():
        raise Problem(f"{folder} has a configuration already: name another folder")
    try:
        pairs = [" ".join(map(quoted, option.strip().split(None, 1))) for option in options]
        write_basic_config(folder, listen=listen, pythonhandler=quoted(handler), pythonpath=path, pythonoptions=pairs)
        _add_lines(program, [*_here(folder), *Children(folder).directives()])
        conf.write_text(generated(program))
        _have_checked(conf)
    except BaseException as error:
        for file in (conf, program):
            with contextlib.suppress(OSError):
                file.unlink()
        if isinstance(error, OSError):
            raise Problem(f"{error.filename or folder} cannot be written: {error.strerror}") from error
        if isinstance(error, ValueError):  # such as a line end
            raise Problem(str(error)) from error
        raise
    return conf


def _check(folder: Path, listen: str) -> None:
    """Raise Problem if this cannot be the folder of a server, or if nobody can listen there."""
    if folder.exists() and not folder.is_dir():
        raise Problem(f"{folder} is a file: name a folder")
    if any(part in str(folder) for part in ("${", "\\")) or not str(folder).isprintable():
        raise Problem(f"{str(folder)!r} cannot stand in httpd.conf: name another folder")
    match = _LISTEN.fullmatch(listen)
    if match is None or not 0 < int(match["port"]) < 65536 or not _is_address(match["host"]):
        raise Problem(
            f"--listen {listen}: write a port, as 8888, or an address and a port, as 127.0.0.1:8888 or [::1]:8888"
        )


def _is_address(host: str | None) -> bool:
    """Return whether a host has an address. None and `*` stand for all of them."""
    if host in (None, "*"):
        return True
    try:
        return bool(socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return False


def _have_checked(conf: Path) -> None:
    """Raise Problem with httpd's words if it refuses a configuration."""
    with contextlib.suppress(_places.NotFoundError):  # it may be installed later
        done = Root(conf).run("-t")
        if done.returncode != 0:
            raise Problem(f"httpd refuses the configuration: {done.stderr.strip()}")


def _here(folder: Path) -> list[tuple[str, str]]:
    """Return what a server needs that belongs to nobody else: its own runtime folder, and this Python's packages."""
    home = [("PythonHome", sys.prefix)] if sys.prefix != sys.base_prefix else []
    return [("DefaultRuntimeDir", str(folder / "logs")), *home]


def _add_lines(program: Path, directives: Sequence[tuple[str, str]]) -> None:
    """Have a program with a configuration print these directives, too, each with one argument."""
    before, main, behind = program.read_text().partition("\nif __name__")
    added = "".join(f"config.append(Directive({name!r}, {[value]!r}, flipslash=0))\n" for name, value in directives)
    program.write_text(f"{before}{added}{main}{behind}")


def generated(program: Path) -> str:
    """Return what a program with a configuration prints. Raise Problem if it cannot be run."""
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            runpy.run_path(str(program), run_name="__main__")
    except Exception as error:
        raise Problem(f"{program} failed: {type(error).__name__}: {error}") from error
    return text.getvalue()


class Root:
    """A server, by its folder or its httpd.conf."""

    def __init__(self, name: Path) -> None:
        inside = next((one for one in (name / "conf/httpd.conf", name / "httpd.conf") if one.is_file()), None)
        self.conf = (inside or (name / "conf/httpd.conf" if name.is_dir() else name)).absolute()
        if self.conf.suffix == ".py":
            raise Problem(f"{name} is Python code: `mod_python serve {shlex.quote(str(name))}` serves it")
        if not self.conf.is_file():
            raise Problem(f"{self.conf} is not there: name a folder of `mod_python create`, or an httpd.conf")

    def signal(self, word: str) -> None:
        """Run httpd with -k. Raise Problem with its words if it fails."""
        done = self.run("-k", word)
        if done.returncode != 0:
            raise Problem(f"httpd failed: {done.stderr.strip() or done.stdout.strip()}")
        sys.stderr.write(done.stderr)

    def start(self) -> None:
        """Start httpd in the background. Raise Problem if it runs already, or does not start."""
        if pid := self.pid():
            raise Problem(f"it runs already, as process {pid}")
        self.signal("start")
        until = time.monotonic() + _PATIENCE
        while not self.pid():
            if time.monotonic() > until:
                raise Problem("httpd did not start: its error log says why")
            time.sleep(0.02)

    def stop(self) -> None:
        """Let requests end, stop httpd, and wait for its end."""
        pid = self.pid()
        if not pid:
            raise Problem("it does not run")
        try:
            os.kill(pid, signal.SIGWINCH)  # as httpd's own -k graceful-stop, which refuses a wrong configuration
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise Problem(f"process {pid} is another user's") from error
        until = time.monotonic() + _PATIENCE
        while _lives(pid):
            if time.monotonic() > until:
                raise Problem(f"process {pid} has not ended yet: requests may be served still")
            time.sleep(0.02)

    def restart(self) -> None:
        """Restart gracefully. Raise Problem if the configuration is wrong, or httpd does not run."""
        if not self.pid():
            raise Problem("it does not run")
        self.signal("graceful")

    def pid(self) -> int:
        """Return the process ID of httpd; 0 if it does not run."""
        file = self._pid_file()
        try:
            pid = int(file.read_text())
        except (OSError, ValueError):
            return 0
        return pid if _lives(pid) else 0

    def _pid_file(self) -> Path:
        """Return the path of httpd's PidFile. Raise Problem if httpd does not say, and httpd.conf does not either."""
        said = self.run("-t", "-D", "DUMP_RUN_CFG")
        if found := re.search(r'^PidFile: "(.*)"', said.stdout, re.MULTILINE):
            return Path(found[1])
        # The configuration is wrong by now, and httpd may run all the same.
        with contextlib.suppress(OSError):
            text = self.conf.read_text(errors="surrogateescape")
            root, name = _last_value(text, "ServerRoot"), _last_value(text, "PidFile")
            file = Path(root, name)
            if name and file.is_absolute() and "${" not in str(file):
                return file
        raise Problem(f"httpd refuses the configuration: {said.stderr.strip()}")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run httpd with this configuration and options, to the end of the program."""
        command = [str(_places.httpd()), "-f", str(self.conf), *words]
        # Into files: the server, which is started in the background, keeps the descriptors.
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            env = without_python() | package_path()
            status = subprocess.run(command, env=env, stdout=output, stderr=errors, check=False).returncode
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(command, status, output.read(), errors.read())


def package_path() -> dict[str, str]:
    """Return the variable by which httpd finds a package outside of its Python's folders."""
    from mod_python._command.site import is_found_by_itself

    return {} if is_found_by_itself() else {"PYTHONPATH": str(_places.PACKAGE.parent)}


def _last_value(text: str, directive: str) -> str:
    """Return the value of a directive in the last line that has it; an empty text if there is none."""
    line = re.compile(rf'^[ \t]*{directive}[ \t]+(?:"((?:[^"\\\n]|\\.)*)"|(\S+))', re.MULTILINE | re.IGNORECASE)
    found = line.findall(text)
    in_quotes, plain = found[-1] if found else ("", "")
    return re.sub(r'\\(["\\])', r"\1", in_quotes) or plain


def _lives(pid: int) -> bool:
    """Return whether a process of httpd has this ID, and has not ended."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
    except OSError:
        return False
    return name.partition("(")[2] == _places.httpd().name[:15] and rest.split()[0] not in "ZX"


def versions() -> list[str]:
    """Return lines with the versions and the places of what works together."""
    try:
        module = str(_places.module())
    except _places.NotFoundError as error:
        module = str(error)
    lines = [f"mod_python: {version}", f"  package: {_places.PACKAGE}", f"  module: {module}"]
    lines += [f"Python: {platform.python_version()}", f"  program: {sys.executable}", f"  prefix: {sys.prefix}"]
    try:
        httpd = _places.httpd()
    except _places.NotFoundError as error:
        lines += [f"httpd: {error}"]
    else:
        said = subprocess.run([httpd, "-V"], capture_output=True, text=True, check=False).stdout
        for name, pattern in {"httpd": r"^Server version: *(.*)", "APR": r"^Server loaded: *(.*)"}.items():
            found = re.search(pattern, said, re.MULTILINE)
            lines += [f"{name}: {found[1] if found else 'unknown'}"]
            lines += [f"  program: {httpd}", f"  modules: {_places.modules()}"] if name == "httpd" else []
    return [*lines, f"platform: {platform.platform()}"]
