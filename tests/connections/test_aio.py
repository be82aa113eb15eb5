"""`apache.aio`: asyncio's own things in connection handlers and filters."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql import postgresql

from httpd import Httpd

MPMS = ("event", "worker")
ENV = {"PGHOST": str(Path(tempfile.gettempdir()) / f"mod_python.pg.{os.getpid()}")}
HANDLERS = ["sleeps", "errors", "gone", "asks", "nested"]
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler asyncio_handlers::@
    Timeout 10
</VirtualHost>
"""
CONF = "".join(HOST.replace("@", name) for name in HANDLERS)
CONF += """
<IfModule mpm_event_module>
    AsyncRequestWorkerFactor 20
</IfModule>
PythonOutputFilter asyncio_handlers ASKS
PythonOutputFilter asyncio_handlers::slow_filter SLOW
PythonOutputFilter asyncio_handlers::nested_filter NESTED
<Location /asks>
    SetOutputFilter ASKS
</Location>
<Location /slow>
    SetOutputFilter SLOW
</Location>
<Location /nested>
    SetOutputFilter NESTED
</Location>
"""


@pytest.fixture(scope="module")
def database() -> Iterator[None]:
    """A PostgreSQL of its own, reached through a socket in $PGHOST."""
    with postgresql(Path(ENV["PGHOST"])):
        yield


def port(httpd: Httpd, name: str) -> int:
    return httpd.port_of(f"{name}_PORT")


def test_a_connection_is_parked_while_asyncio_works(httpd: Httpd) -> None:
    threads = 40 if httpd.mpm == "event" else 10
    clients = [httpd.connect(port(httpd, "sleeps")) for _ in range(threads)]
    begin = time.monotonic()
    for client in clients:
        client.sendall(b"0.5\n")
    for client in clients:
        assert client.recv(100) == b"slept\n"
        client.close()
    # On the event MPM more than there are threads.
    assert time.monotonic() - begin < 2


def test_exceptions_come_through(httpd: Httpd) -> None:
    first, second, third = httpd.raw(b"", port=port(httpd, "errors")).decode().splitlines()
    assert first == "LookupError('in the loop')"
    assert second.startswith("TypeError(")
    assert third.startswith("TimeoutError(")


NESTED = {
    b"depth": b"3",
    b"loops": b"True",
    b"error": b"LookupError('in the loop') came through",
    b"cancelled": b"cancelled",
    b"wrong": b"TypeError",
    b"beside": b"asyncio",
}


@pytest.mark.parametrize("what", NESTED)
def test_aio_works_inside_of_what_aio_runs(httpd: Httpd, what: bytes) -> None:
    for _ in range(2):
        with httpd.connect(port(httpd, "nested")) as client:
            client.sendall(what + b"\n")
            assert client.recv(100) == NESTED[what] + b"\n"


def test_aio_works_inside_of_what_aio_runs_for_a_filter(httpd: Httpd) -> None:
    httpd.write("nested/a.txt", "a\n")
    assert httpd.get("/nested/a.txt").text == "a\n3 asyncio\n"


def test_asyncpg_in_a_connection_handler(httpd: Httpd, database: None) -> None:
    with httpd.connect(port(httpd, "asks")) as client:
        for number in (7, 8):
            client.sendall(f"{number}\n".encode())
            assert client.recv(100) == f"{number * 6}\n".encode()


def test_asyncpg_in_a_filter(httpd: Httpd, database: None) -> None:
    httpd.write("asks/a.txt", "a\n")
    assert httpd.get("/asks/a.txt").text == "a\nfrom the database\n"


def test_a_filter_that_waits_lets_others_run_python(httpd: Httpd) -> None:
    httpd.write("slow/a.txt", "a\n")
    begin = time.monotonic()
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(httpd.get("/slow/a.txt").text)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["a\n"] * 5
    assert time.monotonic() - begin < 1.2
