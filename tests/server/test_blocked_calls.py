"""Calls that can block let the GIL go: a log that nobody reads, and a slow identd, do not stop other Python code."""

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from httpd import Httpd

CONF = """
ErrorLog "|$echo $$ > ${STATE}/reader; exec cat >> ${STATE}/../logs/error.log"
LogLevel python:trace8
IdentityCheck On
IdentityCheckTimeout 20
Listen 127.0.0.1:${NOISY_PORT}
<VirtualHost *:${NOISY_PORT}>
    PythonConnectionHandler blocked::noisy_connection
</VirtualHost>
Listen 127.0.0.1:${ECHO_PORT}
<VirtualHost *:${ECHO_PORT}>
    PythonConnectionHandler blocked::echo
</VirtualHost>
<Location "/noisy">
    SetHandler mod_python
    PythonHandler blocked::noisy
</Location>
<Location "/quiet">
    SetHandler mod_python
    PythonHandler blocked::quiet
</Location>
<Location "/ident">
    SetHandler mod_python
    PythonHandler blocked::ident
</Location>
"""
MODULES = ("ident",)
HANDLERS = """
import logging, sys, threading, warnings
from mod_python import apache
from mod_python.logging import ErrorLogHandler

LOGGER = logging.getLogger("noisy")
LOGGER.addHandler(ErrorLogHandler())
LOGGER.propagate = False
TEXT = "noise " * 100

def in_thread(req):
    thread = threading.Thread(target=print, args=(TEXT,))
    thread.start()
    thread.join()

def warn(req):
    warnings.resetwarnings()
    warnings.warn(TEXT)

KINDS = {
    "print": lambda req: print(TEXT),
    "stderr": lambda req: print(TEXT, file=sys.stderr),
    "req": lambda req: req.log_error(TEXT, apache.APLOG_NOTICE),
    "trace": lambda req: req.log_error(TEXT, apache.APLOG_TRACE1),
    "server": lambda req: req.server.log_error(TEXT, apache.APLOG_INFO),
    "connection": lambda req: req.connection.log_error(TEXT, apache.APLOG_DEBUG),
    "apache": lambda req: apache.log_error(TEXT, apache.APLOG_INFO),
    "logging": lambda req: LOGGER.warning(TEXT),
    "warnings": warn,
    "thread": in_thread,
}

def noisy(req):
    if req.args == "traceback":
        raise ValueError(TEXT * 8)
    write = KINDS[req.args]
    for _ in range(500):
        write(req)
    return apache.OK

def quiet(req):
    req.write("quiet")
    return apache.OK

def ident(req):
    req.add_common_vars()
    req.write(str(req.subprocess_env.get("REMOTE_IDENT")))
    return apache.OK

async def noisy_connection(conn):
    for _ in range(500):
        conn.log_error(TEXT, apache.APLOG_NOTICE)
    await conn.write(b"done")
    return apache.OK

async def echo(conn):
    while line := await conn.readline():
        await conn.write(line)
    return apache.OK
"""


@pytest.fixture(autouse=True)
def _module(httpd: Httpd) -> None:
    httpd.handler("blocked.py", HANDLERS)
    httpd.allow("noise", r"warnings\.warn")
    assert httpd.get("/quiet").text == "quiet"


@contextmanager
def unread_log(httpd: Httpd) -> Iterator[None]:
    """The program behind the pipe of the error log does not read."""
    reader = int((httpd.state / "reader").read_text())
    os.kill(reader, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(reader, signal.SIGCONT)


def answers(httpd: Httpd) -> float:
    """How long a quiet request takes, in seconds; at most 5."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=5)
    with closing(connection):
        connection.request("GET", "/quiet")
        assert connection.getresponse().read() == b"quiet"
    return time.monotonic() - began


KINDS = ("print", "stderr", "req", "trace", "server", "connection", "apache", "logging", "warnings", "thread")


@pytest.mark.parametrize("kind", [*KINDS, "traceback"])
def test_a_log_that_is_not_read_stops_no_other_request(httpd: Httpd, kind: str) -> None:
    statuses: list[int] = []
    times = 30 if kind == "traceback" else 1

    def ask() -> None:
        statuses.extend(httpd.get(f"/noisy?{kind}").status for _ in range(times))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    with unread_log(httpd):
        for thread in threads:
            thread.start()
        time.sleep(1)
        assert all(thread.is_alive() for thread in threads), "the log did not block"
        assert answers(httpd) < 2
    for thread in threads:
        thread.join(30)
    assert set(statuses) == {500 if kind == "traceback" else 200}


def test_a_log_that_is_not_read_stops_no_other_parked_connection(httpd: Httpd) -> None:
    with closing(httpd.connect(httpd.port_of("ECHO_PORT"))) as echo:
        echo.sendall(b"a\n")
        assert echo.recv(100) == b"a\n"
        with closing(httpd.connect(httpd.port_of("NOISY_PORT"), timeout=30)) as noisy:
            with unread_log(httpd):
                noisy.sendall(b"x")
                time.sleep(0.5)
                echo.settimeout(2)
                echo.sendall(b"b\n")
                assert echo.recv(100) == b"b\n"
            assert noisy.recv(100) == b"done"


def test_a_slow_identd_stops_no_other_request(httpd: Httpd) -> None:
    httpd.allow("AH01498: read: rfc1413: error reading response")
    with socket.socket() as identd:
        identd.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            identd.bind(("127.0.0.1", 113))
        except OSError as error:
            pytest.skip(f"port 113 cannot be used: {error}")
        identd.listen()
        texts = []
        thread = threading.Thread(target=lambda: texts.append(httpd.get("/ident").text))
        thread.start()
        asked, _ = identd.accept()
        with closing(asked):
            asked.recv(100)
            assert answers(httpd) < 2
        thread.join(30)
    assert texts == ["unknown"]
