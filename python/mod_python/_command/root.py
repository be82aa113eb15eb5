"""A server of one's own: a folder with its configuration, and httpd started and stopped with that."""

import contextlib
import io
import os
import platform
import re
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mod_python import _places
from mod_python._command.children import Children
from mod_python._command.problem import Problem
from mod_python._httpd_conf import quoted
from mod_python._httpd_session import without_python
from mod_python.version import version

_PATIENCE = 60.0  # seconds in which httpd must end


def create(folder: Path, listen: str, handler: str, path: Sequence[str], options: Sequence[str]) -> Path:
    """Make a server's folder with its configuration, and return the path of httpd.conf.

    Args:
        folder: the folder.
        listen: a port, or an address and a port.
        handler: the handler of all requests.
        path: folders for PythonPath.
        options: a key, a blank and a value each, for PythonOption.

    Raises:
        Problem: there is a configuration already, or the folder cannot be written.
    """
    from mod_python.httpdconf import write_basic_config

    folder = folder.absolute()
    folders = [str(Path(one).absolute()) for text in path for one in text.split(os.pathsep) if one]
    conf = folder / "conf/httpd.conf"
    if conf.exists() or (folder / "conf/httpd_conf.py").exists():
        raise Problem(f"{folder} has a configuration already: name another folder")
    try:
        pairs = [" ".join(map(quoted, option.strip().split(None, 1))) for option in options]
        program = write_basic_config(
            folder, listen=listen, pythonhandler=quoted(handler), pythonpath=folders, pythonoptions=pairs
        )
        assert program is not None, "it was looked for above"
        _add_lines(Path(program), [*_here(folder), *Children(folder).lines()])
        conf.write_text(generated(Path(program)))
    except OSError as error:
        raise Problem(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return conf


def _here(folder: Path) -> list[str]:
    """Return what a server needs that belongs to nobody else: its own runtime folder, and this Python's packages."""
    home = [f"PythonHome {quoted(sys.prefix)}"] if sys.prefix != sys.base_prefix else []
    return [f"DefaultRuntimeDir {quoted(folder / 'logs')}", *home]


def _add_lines(program: Path, lines: Sequence[str]) -> None:
    """Have a program with a configuration print these lines, too."""
    before, main, behind = program.read_text().partition("\nif __name__")
    added = "".join(f"config.append(Directive{tuple(line.split(' ', 1))!r})\n" for line in lines)
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
        self.conf = (name / "conf/httpd.conf" if name.is_dir() else name).absolute()
        if not self.conf.is_file():
            raise Problem(f"{self.conf} is not there: name a folder of `mod_python create`, or an httpd.conf")

    def signal(self, word: str) -> None:
        """Run httpd with -k. Raise Problem with its words if it fails."""
        done = self._run("-k", word)
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
        said = self._run("-t", "-D", "DUMP_RUN_CFG")
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

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
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
    """Return whether a process of httpd has this ID."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == _places.httpd().name
    except OSError:
        return False


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
