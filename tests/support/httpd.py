"""A real httpd for tests: `Httpd(CONF)` boots it, speaks to it and watches its error log."""

import http.client
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import NamedTuple

from server import Server, ServerError

# The fragment comes first: its own virtual host for ${TLS_PORT}, if any, is then the default one there.
_AROUND = """
ScriptAlias "/cgi-bin/" "${{CGI_BIN}}/"
{interpreter}
{include}
Listen 127.0.0.1:${{TLS_PORT}}
<VirtualHost *:${{TLS_PORT}}>
    SSLEngine on
    SSLCertificateFile "${{CERT}}"
    SSLCertificateKeyFile "${{KEY}}"
    {protocols}
</VirtualHost>
"""

_LINE = re.compile(r"\[[^]]+\] \[\w*:(?P<level>\w+)\] ")
# Lines that tell of no fault in what is tested.
_OF_THE_MACHINE = (
    # A Debian that is not fully updated.
    "AH01882: Init: this version of mod_ssl was compiled against a newer library",
    # All threads, or all but the spare ones, had work when httpd looked: limits are low, and machines slow.
    "AH00161: server reached MaxRequestWorkers setting",
    "AH00286: server reached MaxRequestWorkers setting",
    "AH00484: server reached MaxRequestWorkers setting",
    "AH03269: server is within MinSpareThreads of MaxRequestWorkers",
)
_HARMLESS = frozenset({"notice", "info", "debug", *(f"trace{n}" for n in range(1, 9))})


class Response(NamedTuple):
    """What a server answered."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """The body, which must be UTF-8."""
        return self.body.decode()


@dataclass(frozen=True)
class Memory:
    """Resident memory of a process in KiB: now, and at most so far."""

    now: int
    peak: int


def is_bad(line: str) -> bool:
    """Whether a line of the error log tells of trouble.

    Warnings and worse; a child that died; and what httpd did not write itself: libc's and CPython's last words.
    """
    match = _LINE.match(line)
    bad = match is None or match["level"] not in _HARMLESS or "exit signal" in line
    return bad and not any(text in line for text in _OF_THE_MACHINE)


class Httpd(Server):
    """A server with /cgi-bin/, TLS with HTTP/2 on ${TLS_PORT}, and the modules of tests/support/handlers on PythonPath.

    As a context manager it starts, stops, and fails on lines in the error log that nobody expected.
    """

    def __init__(
        self,
        conf: str,
        *,
        beside: str | None = None,
        mpm: str = "event",
        modules: Iterable[str] = (),
        env: Mapping[str, str] | None = None,
        with_python: bool = True,
        python_first: bool = False,
        interpreter: str | None = "main_interpreter",
        allow: Iterable[str] = (),
    ) -> None:
        """As `Server`, with handlers from two folders, whose copies are one: ${HANDLERS}.

        Args:
            conf: as for `Server`, and so are the arguments that are not listed here.
            beside: a test file; the modules of the folder `handlers` beside it join those of tests/support/handlers.
            mpm: as for `Server`.
            modules: as for `Server`.
            env: as for `Server`.
            with_python: as for `Server`.
            python_first: as for `Server`.
            interpreter: the PythonInterpreter of the server, which holds where the fragment has no other one; None: it
                has none, as configurations of users, so that servers and directives name interpreters.
            allow: patterns of bad log lines that may come at any time.
        """
        self._always_allowed = list(allow)
        self._allowed: list[str] = []
        self._expected: list[str] = []
        self._mark = 0
        self._interpreter = interpreter if with_python else None
        self._beside = Path(beside).parent / "handlers" if beside is not None else None
        super().__init__(
            conf,
            handlers=Path(__file__).parent / "handlers",
            mpm=mpm,
            modules=modules,
            env=env,
            with_python=with_python,
            python_first=python_first,
        )
        self._tls = ssl.create_default_context(cafile=self.certificate)

    def _fill_folder(self, with_python: bool) -> None:
        super()._fill_folder(with_python)
        if self._beside is not None:
            self._copy(self._beside, "handlers")

    def _around(self, include: str) -> str:
        return _AROUND.format(
            include=include,
            interpreter=f"PythonInterpreter {self._interpreter}" if self._interpreter else "",
            protocols="" if self.mpm == "prefork" else "Protocols h2 http/1.1",
        )

    # ---- files

    def cgi(self, name: str, script: str) -> Path:
        """Put an executable script, shebang line included, at /cgi-bin/NAME."""
        return self._put(self.cgi_bin / name, script, 0o755)

    def handler(self, name: str, source: str) -> Path:
        """Put a Python module beside the copied ones. One that is there as it is stays: it is not to be reloaded."""
        path = self.handlers / name
        if path.exists() and path.read_text() == source:
            return path
        return self._put(path, source, 0o644)

    # ---- talking to it

    @property
    def tls_port(self) -> int:
        """The port of HTTPS."""
        return self.port_of("TLS_PORT")

    def url(self, path: str, *, tls: bool = False) -> str:
        """The URL of a path."""
        return f"https://localhost:{self.tls_port}{path}" if tls else f"http://localhost:{self.port}{path}"

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, tls: bool = False) -> Response:
        """GET, on a connection of its own."""
        return self.request("GET", path, headers=headers, tls=tls)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        port: int | None = None,
        tls: bool = False,
    ) -> Response:
        """One request on a connection of its own; a body that is not `bytes` goes in chunks.

        A response that is cut raises http.client.IncompleteRead.
        """
        connection = http.client.HTTPConnection("localhost", self._port(port, tls), timeout=30)
        connection.sock = self.connect(port, tls=tls, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Response(response.status, response.headers, response.read())
        finally:
            connection.close()

    def connect(self, port: int | None = None, *, tls: bool = False, timeout: float = 10) -> socket.socket:
        """A connected socket (with TLS if asked for) whose operations time out."""
        plain = socket.create_connection(("127.0.0.1", self._port(port, tls)), timeout)
        return self._tls.wrap_socket(plain, server_hostname="localhost") if tls else plain

    def raw(
        self, data: bytes, *, port: int | None = None, tls: bool = False, half_close: bool = False, timeout: float = 10
    ) -> bytes:
        """Send bytes, with `half_close` end our side, and return what comes until the server closes."""
        with self.connect(port, tls=tls, timeout=timeout) as connection:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            answer = bytearray()
            while chunk := connection.recv(65536):
                answer += chunk
            return bytes(answer)

    def curl(self, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
        """Run curl, which trusts the server's certificate; a failure is in `returncode`."""
        command = ["curl", "-sS", "--max-time", "60", "--cacert", self.certificate, *arguments]
        return subprocess.run(command, capture_output=True, check=False)

    def _port(self, port: int | None, tls: bool) -> int:
        return port or (self.tls_port if tls else self.port)

    def memory(self, pid: int) -> Memory:
        """Resident memory of a child or the parent."""
        status = Path(f"/proc/{pid}/status").read_text()
        values = {name: int(value) for name, value in re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB$", status, re.MULTILINE)}
        return Memory(now=values["VmRSS"], peak=values["VmHWM"])

    # ---- the error log

    def expect(self, *patterns: str) -> None:
        """Lines that this test causes: each must come before it ends, and none of them fails it."""
        self._expected += patterns

    def allow(self, *patterns: str) -> None:
        """Lines that this test may cause."""
        self._allowed += patterns

    def log(self) -> str:
        """The error log since the test began."""
        return self.error_text(self._mark)

    def wait_for_log(self, pattern: str, timeout: float = 5) -> re.Match[str]:
        """Wait until the log of this test has it (`^` and `$` match at lines)."""
        deadline = time.monotonic() + timeout
        while (match := re.search(pattern, self.log(), re.MULTILINE)) is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing like {pattern!r} in the error log:\n{self.log()}")
            time.sleep(0.02)
        return match

    def check_log(self, *, ended: bool = False) -> None:
        """End a test: fail if an expected line is missing or a bad one was not expected. The next one begins here.

        While httpd has not `ended`, a line that it is writing (the kernel shows it page by page) is the next test's.
        """
        expected, allowed = self._expected, [*self._expected, *self._allowed, *self._always_allowed]
        self._expected, self._allowed = [], []
        begin = self._mark
        try:
            for pattern in expected:
                self.wait_for_log(pattern)
        finally:
            written = self.error_log.read_bytes()[begin:]
            self._mark = begin + (len(written) if ended else written.rfind(b"\n") + 1)
        lines = written[: self._mark - begin].decode(errors="replace").splitlines()
        unexpected = [line for line in lines if is_bad(line) and not any(re.search(one, line) for one in allowed)]
        assert not unexpected, "unexpected in the error log:\n" + "\n".join(unexpected)

    def requests(self) -> list[str]:
        """All requests that httpd answered so far, in order of their ends, as "200 GET /path HTTP/1.1"."""
        return self.access_log.read_text(errors="surrogateescape").splitlines()

    def wait_for_request(self, start: str, after: int = 0) -> None:
        """Wait for a request whose line begins so, behind the first `after`: httpd logs after it has answered."""
        deadline = time.monotonic() + 5
        while not any(line.startswith(start) for line in self.requests()[after:]):
            assert time.monotonic() < deadline, f"no request like {start!r} in the access log"
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop httpd once it has seen which clients have gone.

        If the listener of the event MPM waits for a free worker when the stop comes, it goes on without one (httpd
        2.4.71, `get_worker`): the queue of the workers can overflow, and a child end by a signal, whatever it served.
        """
        ports = {f"{int(value):04X}" for name, value in self.variables.items() if name.endswith("PORT")}
        deadline = time.monotonic() + 3
        while ports & _ports_with_gone_clients() and time.monotonic() < deadline:
            time.sleep(0.01)
        super().stop()

    def _stopped(self) -> None:
        # Stopped while a connection is about to wait without a thread, the event MPM complains of its own pollset.
        self.allow("AH(03093|10503): process_socket: apr_pollset_add failure ")
        self.check_log(ended=True)


def _ports_with_gone_clients() -> set[str]:
    """Return the local ports, as /proc has them, with connections that the peer alone has ended (CLOSE_WAIT)."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
    return {local.partition(":")[2] for _, local, _, state, *_ in lines if state == "08"}


class WithoutPath(Httpd):
    """A server without any PythonPath: the folders of sections are asked."""

    def _python_path(self) -> list[str]:
        return []


__all__ = ["Httpd", "Memory", "Response", "Server", "ServerError", "WithoutPath", "is_bad"]
