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
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from mod_python import _places
from mod_python._command import environment, ready
from mod_python._command.children import Children
from mod_python._command.configuration import Configuration, Layout
from mod_python._command.ending import uninterrupted
from mod_python._command.options import Options
from mod_python._command.problem import Problem
from mod_python._command.target import Target, current_folder, target_of
from mod_python._folder_copy import FolderCopy
from mod_python._httpd_conf import make_certificate, quoted, usual_mpm
from mod_python._httpd_session import HttpdSession, without_python

# Lines of a request begin so, and the rest of the error log as httpd's usual ones do.
REQUEST = "request: "
_FORMATS = [
    f'LogFormat "{REQUEST}%>s %{{us}}T %<m %U%q" served',
    r'ErrorLogFormat "[%m:%l] %E: [client\ %a] %M"',
]
_MOST_FILES, _MOST_BYTES = 10_000, 200_000_000  # of a folder that is copied
_PATIENCE = 2.0  # seconds for httpd's end before it is killed


class Site(HttpdSession):
    """A private httpd. As a context manager it removes its folder at the end, and stops before that.

    Raises:
        Problem: it cannot be made; the sentence says why.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        named = self._named(options.target, current_folder())
        self.children_user = Children(named.path)
        self.folder = Path(tempfile.gettempdir(), f"mod_python-serve.{secrets.token_hex(4)}")
        self._keeper = _keeper(self.folder)  # first: from here on, nothing is left whenever this process is killed
        self.log = self.folder / "log"
        self._variables_of_file = self.folder / "environment"
        self._first_variables: dict[str, str] = {}
        self._copies: list[FolderCopy] = []
        try:
            self.folder.mkdir(0o700)
            self.folder.chmod(0o755)
            for name in ("run", "htdocs", "state", "logs"):
                (self.folder / name).mkdir()
                (self.folder / name).chmod(0o755)  # independent of the umask
            if self.children_user.is_other:
                os.chown(self.folder / "state", self.children_user.uid, self.children_user.gid)
            (self.folder / "modules").symlink_to(_places.modules())
            self.copied = None if self.children_user.can_read(named.path) else named.folder
            self.target = self._target(named)
            super().__init__(self.folder / "httpd.conf", usual_mpm(), self._environment())
            layout = Layout(self.folder, "run", self.folder / "htdocs")
            self._configuration = Configuration(options, self.target, self.mpm, self.children_user, layout)
            os.mkfifo(self.log, 0o600)
            self._write_configuration()
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

    def url(self) -> str:
        """Return the address at which clients reach it."""
        host = {"0.0.0.0": "localhost", "::": "localhost", "127.0.0.1": "localhost", "*": "localhost"}.get(
            self.options.host, self.options.host
        )
        host = f"[{host}]" if ":" in host else host
        if self.target.scheme == "tcp":
            return f"{'tls' if self.options.tls else 'tcp'}://{host}:{self.options.tcp}"
        return f"http{'s' if self.options.tls else ''}://{host}:{self._configuration.port}/"

    def configuration(self) -> str:
        """Return the text of httpd.conf. Raise Problem if it cannot be made."""
        before = ["PythonImport mod_python._command.child main_interpreter"]
        before += ["PythonImport mod_python._command.environment main_interpreter"] if self.options.env_file else []
        # Behind a fragment, so that its own lines about the main logs do not hold: they are shown at the terminal.
        log = quoted(self.log)
        behind = [*_FORMATS, f"ErrorLog {log}", f"GlobalLog {log} served"]
        behind += ["PythonImport mod_python._command.ready main_interpreter"]
        return "\n".join([*self._configuration.lines(before, behind), ""])

    def has_formats(self) -> bool:
        """Return whether entries of the error log may have formats of the fragment's own."""
        return "errorlogformat" in self._configuration.fragment().lower()

    def _write_configuration(self) -> None:
        self._conf.write_bytes(os.fsencode(self.configuration()))

    def _environment(self) -> dict[str, str]:
        variables = without_python() | self._take_variables()
        variables |= {ready.VARIABLE: self.target.application, "PYTHONDONTWRITEBYTECODE": "1"}
        if self.options.env_file is not None:
            variables[environment.VARIABLE] = str(self._variables_of_file)
        if not self.children_user.can_read(_places.PACKAGE / "__init__.py"):
            (self.folder / "python").mkdir()
            (self.folder / "python").chmod(0o755)
            self._copies.append(FolderCopy(_places.PACKAGE, self.folder / "python/mod_python", bytecode=True))
            folders = [str(self.folder / "python"), *python_path(variables)]
        else:
            folders = python_path(variables)
        return variables | ({"PYTHONPATH": os.pathsep.join(folders)} if folders else {})

    def _take_variables(self) -> dict[str, str]:
        """Return the variables of --env-file, with a copy for the children. Raise Problem if they cannot be read."""
        if self.options.env_file is None:
            return {}
        variables = variables_of(self.options.env_file)
        # What httpd was started with, and the file has no more, is as it was without the file.
        self._first_variables = self._first_variables or variables
        before = without_python()
        gone = {name: before.get(name) for name in self._first_variables}
        environment.write(self._variables_of_file, gone | variables, self.children_user.uid)
        return variables

    # ---- the processes

    def alive(self) -> bool:
        """Return whether httpd's parent process runs."""
        with uninterrupted():  # else the end may wait for a lock of subprocess that this had taken
            return super().alive()

    def end(self) -> None:
        """End httpd."""
        self._end(_PATIENCE)

    def how_it_ended(self) -> str:
        """Return what is known of the end of httpd's parent process, as a part of a sentence."""
        status = self._process.returncode if self._process is not None else 0
        return f"by the signal {signal.Signals(-status).name}" if status < 0 else f"with status {status}"

    def check(self) -> None:
        """Raise Problem with httpd's words if the configuration is wrong."""
        self._certify()
        if (done := self.configtest()).returncode != 0:
            raise Problem(f"httpd refuses the configuration: {done.stderr.strip()}")

    def _certify(self) -> None:
        certificate, key = self.folder / "cert.pem", self.folder / "key.pem"
        if certificate.exists() or not (self.options.tls or self._configuration.is_fragment):
            return
        try:
            make_certificate(certificate, key)
        except FileNotFoundError as error:
            raise Problem("openssl was not found, which makes the certificate: install the package openssl") from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="backslashreplace").strip().rpartition("\n")[2]
            raise Problem(f"openssl, which makes the certificate, failed: {said}") from error

    def start(self, log: int) -> None:
        """Start httpd. `log` takes what it prints."""
        self._certify()
        assert self._keeper.stdin is not None
        with uninterrupted():  # there is no httpd of which nobody knows
            self._launch(log)
            self._keeper.stdin.write(f"{self.parent_pid}\n")
            self._keeper.stdin.flush()

    def restart(self) -> None:
        """Restart gracefully, with the files as they are now. Raise Problem if httpd would refuse them, and end."""
        self._take_variables()
        self._write_configuration()
        self.check()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.parent_pid, signal.SIGUSR1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End httpd, and remove the folder."""
        try:
            self.end()
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


def variables_of(file: Path) -> dict[str, str]:
    """Return the variables of a file of --env-file. Raise Problem if they cannot be read."""
    try:
        return environment.read(file)
    except OSError as error:
        raise Problem(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Problem(f"{file} is not UTF-8: {error}") from error
    except ValueError as error:
        raise Problem(str(error)) from error


def python_path(variables: Mapping[str, str]) -> list[str]:
    """Return the folders that httpd needs in PYTHONPATH: that of the package, if need be, and those of the user."""
    package = [] if is_found_by_itself() else [str(_places.PACKAGE.parent)]
    wanted = variables.get("PYTHONPATH", os.environ.get("PYTHONPATH", "")).split(os.pathsep)
    return [*dict.fromkeys([*package, *(str(Path(one).absolute()) for one in wanted if one)])]


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
