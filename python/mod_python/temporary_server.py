"""One real httpd in one temporary folder, for tests.

    with Server(CONF, handlers="src") as server:
        urllib.request.urlopen(server.url("/hello"))

`mod_python.pytest_plugin` has a fixture of it. It needs the standard library only.
"""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from mod_python import _places
from mod_python._machine import Process, free_ports, processes

# What a well filled httpd loads, mod_bucketeer and the case filters for tests.
LOADED = """
    authn_core authn_file authz_core authz_host authz_user auth_basic mime dir alias autoindex negotiation actions
    env setenvif headers expires rewrite status filter deflate include substitute sed ext_filter buffer ratelimit
    reqtimeout socache_shmcb ssl proxy proxy_http bucketeer case_filter case_filter_in
""".split()

# mod_cgid forks from a process without threads; mod_http2 warns on prefork.
LOADED_BY_MPM = {
    "event": ["cgid", "http2"],
    "worker": ["cgid", "http2"],
    "prefork": ["cgi"],
}

# One child as long as it can carry the load, and room for old generations that are still finishing.
_THREADED_SIZE = """
StartServers 1
ServerLimit 8
ThreadsPerChild 16
MaxRequestWorkers 32
MinSpareThreads 1
MaxSpareThreads 32
"""
SIZE = {
    "event": _THREADED_SIZE,
    "worker": _THREADED_SIZE,
    "prefork": """
StartServers 4
ServerLimit 16
MaxRequestWorkers 16
MinSpareServers 1
MaxSpareServers 4
""",
}

_OPENSSL = [
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9"),
    *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
    *("-addext", "basicConstraints=critical,CA:FALSE"),  # mod_ssl warns of servers that are authorities
]

# A command to run httpd under, and how much longer everything takes then.
_WRAPPER = shlex.split(os.environ.get("MOD_PYTHON_TEST_WRAPPER", ""))
_SLOWER = 30 if _WRAPPER else 1

_PORT_VARIABLE = re.compile(r"\$\{(\w*PORT\d*)\}")
_RUNNING = b"resuming normal operations"  # what httpd logs when a generation stands


class ServerError(Exception):
    """httpd did not do what it should; the message holds its log."""


class Server:
    """An httpd with `conf` included into a configuration that loads modules and keeps all files in one folder.

    Variables the fragment can use: ${PORT} (listened on, unless the fragment has a `Listen` for it), any other
    ${...PORT...} (free, for a `Listen` of its own), ${HANDLERS} (a copy of the folder of Python modules, on
    PythonPath), ${STATE} (writable by the children), ${HTDOCS} (the document root), ${CGI_BIN}, ${CERT} and ${KEY} (a
    certificate for localhost).

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
        """Make the folder; nothing runs before `start`.

        Args:
            conf: a fragment of configuration.
            handlers: a folder of Python modules; a copy of it, which the children can read, is on PythonPath.
            mpm: "event", "worker" or "prefork".
            modules: names of modules of httpd to load besides the usual ones.
            ports: by name of a variable; free ones if not given.
            env: variables for httpd's environment.
            with_python: load mod_python.
            python_first: load it before all other modules, not after them.
        """
        self.mpm = mpm
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="mod_python."))
        self.error_log = self.folder / "logs/error.log"
        self.access_log = self.folder / "logs/access.log"
        self.htdocs = self.folder / "htdocs"
        self.cgi_bin = self.folder / "cgi-bin"
        self.state = self.folder / "state"
        self.handlers = self.folder / "handlers"
        self.certificate = self.folder / "cert.pem"
        # PYTHON* of the caller (a venv's, a pytest's) is none of the server's business.
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._env |= {"PYTHONPATH": str(self.folder / "python"), **(env or {})}
        try:
            self._fill_folder(with_python)
            if handlers is not None:
                self._copy(Path(handlers), "handlers")
            names = sorted({"PORT", *_PORT_VARIABLE.findall(self._around(conf))} - {*(ports or {})})
            free, self._claims = free_ports(len(names))
            self.variables = {
                **{name: str(port) for name, port in zip(names, free, strict=True)},
                **{name: str(port) for name, port in (ports or {}).items()},
                "HANDLERS": str(self.handlers),
                "STATE": str(self.state),
                "HTDOCS": str(self.htdocs),
                "CGI_BIN": str(self.cgi_bin),
                "CERT": str(self.certificate),
                "KEY": str(self.folder / "key.pem"),
                **self._more_variables(),
            }
            # The fragment is a file of its own, so that complaints of httpd carry its own line numbers.
            (self.folder / "fragment.conf").write_text(conf)
            load = ["LoadModule python_module mod_python.so"] if with_python else []
            if handlers is not None and with_python:
                load += self._python_path()
            (self.folder / "httpd.conf").write_text(self._configuration(conf, modules, load, python_first))
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    @property
    def port(self) -> int:
        """The port of HTTP."""
        return self.port_of("PORT")

    def port_of(self, name: str) -> int:
        """The port behind a variable of the configuration, such as PORT2."""
        return int(self.variables[name])

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def expand(self, text: str) -> str:
        """The text with ${NAME} replaced, as httpd does it."""
        return re.sub(r"\$\{(\w+)\}", lambda match: self.variables.get(match[1], match[0]), text)

    # ---- the folder

    def _fill_folder(self, with_python: bool) -> None:
        # The parent may be root and the children www-data, who must read all this wherever the checkout is.
        self.folder.chmod(0o755)
        for name in ("logs", "run", "htdocs", "cgi-bin", "state", "python"):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o755)  # whatever the umask says
        if os.geteuid() == 0:
            shutil.chown(self.state, "www-data", "www-data")
        if with_python:
            try:
                shutil.copy(_places.module(), self.folder / "mod_python.so")
            except _places.NotFoundError as error:
                raise ServerError(str(error)) from error
            self._copy(_places.PACKAGE, "python/mod_python")
        subprocess.run(
            [*_OPENSSL, "-keyout", self.folder / "key.pem", "-out", self.certificate], check=True, capture_output=True
        )

    def _copy(self, source: Path, name: str) -> None:
        """Copy a folder to where children can read it, into what is there already; links become what they point to."""
        target = self.folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        target.mkdir(exist_ok=True)
        for path in (target, *target.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def _python_path(self) -> list[str]:
        """The lines that put the handlers' folder on PythonPath."""
        return [f"""PythonPath "sys.path + ['{self.handlers}']" """]

    def _more_variables(self) -> dict[str, str]:
        """Further variables of the configuration."""
        return {}

    # ---- files

    def write(self, name: str, data: bytes | str) -> Path:
        """Put a file below the document root."""
        return self._put(self.htdocs / name, data, 0o644)

    def _put(self, path: Path, data: bytes | str, mode: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In one step: a script of this name may still run.
        new = path.with_name(f".{path.name}.new")
        new.write_bytes(data.encode() if isinstance(data, str) else data)
        new.chmod(mode)
        return new.replace(path)

    # ---- the configuration

    def _around(self, include: str) -> str:
        """What stands around the line that includes the fragment."""
        return include

    def _configuration(self, conf: str, modules: Iterable[str], load: list[str], python_first: bool) -> str:
        folder, usual = _places.modules(), [*LOADED, *LOADED_BY_MPM[self.mpm]]
        names = [f"mpm_{self.mpm}", *(name for name in usual if (folder / f"mod_{name}.so").exists()), *modules]
        lines = [f'Define {name} "{value}"' for name, value in self.variables.items()]
        lines += [
            f'ServerRoot "{self.folder}"',
            "DefaultRuntimeDir run",
            "PidFile run/httpd.pid",
            "ErrorLog logs/error.log",
            "ServerName localhost",
            *(load if python_first else ()),
            *(f"LoadModule {name}_module {folder}/mod_{name}.so" for name in dict.fromkeys(names)),
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
        if not re.search(r"^\s*Listen\s.*\$\{PORT\}", conf, re.MULTILINE | re.IGNORECASE):
            lines += ["Listen 127.0.0.1:${PORT}"]
        return "\n".join([*lines, self._around('Include "fragment.conf"'), ""])

    def configtest(self) -> subprocess.CompletedProcess[str]:
        """What `apache2 -t` says of the configuration, in stderr."""
        return self.query("-t")

    def query(self, option: str) -> subprocess.CompletedProcess[str]:
        """What `apache2` says with an option that makes it tell something instead of serving."""
        return subprocess.run([*self._command(), option], env=self._env, capture_output=True, text=True, check=False)

    def _command(self) -> list[str]:
        return [*_WRAPPER, str(_places.httpd()), "-f", str(self.folder / "httpd.conf")]

    # ---- the process

    def start(self) -> None:
        """Start it and wait until a first child is there; ServerError with the log if that does not come about."""
        with self.error_log.open("ab") as log:
            self._process = subprocess.Popen(
                # FOREGROUND takes the terminal's SIGWINCH for a command to stop, hence a session of its own, which is
                # also how stop() finds what is left. --pdeathsig: if we are killed, nothing stays behind.
                ["setpriv", "--pdeathsig", "TERM", *self._command(), "-D", "FOREGROUND"],
                cwd="/",
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await_generation(set(), 1)

    def graceful(self) -> None:
        """Restart gracefully and wait until the new generation has its first child (the old one may be finishing)."""
        old, generations = set(self.children()), self._generations()
        os.kill(self.parent_pid, signal.SIGUSR1)
        self._await_generation(old, generations + 1)

    def stop(self) -> None:
        """Stop it, remove the folder; ServerError if a process of httpd is left. More than once does no harm."""
        try:
            if self._process is not None:
                self._stop_process(self._process)
                self._stopped()
        finally:
            self._process = None
            shutil.rmtree(self.folder, ignore_errors=True)
            for claim in self._claims:
                claim.close()

    def _stopped(self) -> None:
        """Look at what is left in the folder before it goes."""

    def _stop_process(self, process: subprocess.Popen[bytes]) -> None:
        # Gracefully first: at SIGTERM the event MPM of httpd 2.4 looks at sockets that its threads may
        # be closing, and now and then a child of it crashes, whatever modules it has.
        process.send_signal(signal.SIGWINCH)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.3 * _SLOWER)
        process.terminate()
        try:
            process.wait(timeout=30 * _SLOWER)
            problem = None if process.returncode == 0 else f"httpd ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            problem = "httpd did not stop within 30 s"
        # A parent of prefork that is told to end while it stops gracefully signals its children and exits at once,
        # without waiting for them; each needs a moment to leave what it does.
        until = time.monotonic() + 3 * _SLOWER
        while self._has_httpd() and time.monotonic() < until:
            time.sleep(0.01)
        left = self._session()
        for one in left:  # what CGI scripts started may well live on, httpd's own processes must not
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        process.wait()
        while self._session():
            time.sleep(0.01)
        if any(one.name == _places.httpd().name for one in left):
            problem = problem or "processes of httpd stayed after the stop"
        if problem:
            raise ServerError(f"{problem}:\n{self.error_text()}")

    def _has_httpd(self) -> bool:
        """Whether a process of httpd is left."""
        return any(one.name == _places.httpd().name for one in self._session())

    @property
    def parent_pid(self) -> int:
        """The process that was started."""
        assert self._process is not None, "not started"
        return self._process.pid

    def alive(self) -> bool:
        """Whether the parent runs."""
        return self._process is not None and self._process.poll() is None

    def children(self) -> list[int]:
        """The processes that serve requests, old generations included."""
        # The daemon of mod_cgid has one thread; it is not there on prefork.
        enough = 1 if self.mpm == "prefork" else 2
        return [one.pid for one in self._session() if one.parent == self.parent_pid and one.threads >= enough]

    def log(self) -> str:
        """The error log, as far as it is of interest now."""
        return self.error_text()

    def error_text(self, since: int = 0) -> str:
        """The error log from that byte on."""
        with self.error_log.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    def _session(self) -> list[Process]:
        return [one for one in processes() if one.session == self.parent_pid]

    def _generations(self) -> int:
        return self.error_log.read_bytes().count(_RUNNING)

    def _await_generation(self, old: set[int], generations: int) -> None:
        deadline = time.monotonic() + 30 * _SLOWER
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
        """Stop without a word, since another exception is under way."""
        with contextlib.suppress(Exception):
            self.stop()
