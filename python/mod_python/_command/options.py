"""The options of `mod_python serve`."""

from dataclasses import dataclass
from pathlib import Path

LEVELS = ("error", "warn", "notice", "info", "debug", "trace1", "trace4", "trace8")


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Attributes:
        target: what is served, as it was typed.
        over: the folder or the URL behind a filter.
        tcp: the port of a connection handler.
        interface: of an application, "wsgi" or "asgi"; None for what its code tells.
        host: the address that is listened on.
        port: the port for HTTP; 0 for a free one.
        processes: how many processes serve.
        threads: how many threads each of them has.
        reload: whether files that are not reloaded by themselves restart httpd; None: if there is a terminal.
        tls: whether it speaks TLS, with a certificate made for it.
        http2: whether it offers HTTP/2.
        env_file: a file of variables for the environment.
        log_level: of the error log.
    """

    target: str
    over: str | None = None
    tcp: int | None = None
    interface: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    processes: int = 1
    threads: int = 16
    reload: bool | None = None
    tls: bool = False
    http2: bool = False
    env_file: Path | None = None
    log_level: str = "warn"
