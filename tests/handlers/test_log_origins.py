"""Entries of coroutines on asyncio's loop, and of threads in a copied context, have their client while it is there."""

import re
import time

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
MODULES = ("remoteip",)
CONF = """
PythonOutputFilter log_origins SAYS
<Location "/handler">
    SetHandler mod_python
    PythonHandler log_origins
</Location>
<Location "/filtered">
    SetOutputFilter SAYS
</Location>
RemoteIPHeader X-Client
Listen 127.0.0.1:${LINE_PORT}
<VirtualHost *:${LINE_PORT}>
    PythonConnectionHandler log_origins
</VirtualHost>
Listen 127.0.0.1:${PLAIN_PORT}
<VirtualHost *:${PLAIN_PORT}>
    PythonConnectionHandler log_origins::plain_connection
</VirtualHost>
"""
WAYS = {"printed": "notice", "on stderr": "error", "logged": "error", "by apache": "notice"}


def entries(text: str, client: str) -> list[str]:
    """What the log has of `says(text)`."""
    logged = {way: ("origins: " if way == "logged" else "") for way in WAYS}
    return [rf"python:{WAYS[way]}\] \[pid [^]]+\] {client}{logged[way]}{way} {text}$" for way in WAYS]


def client(port: object = r"\d+") -> str:
    return rf"\[client 127\.0\.0\.1:{port}\] "


@pytest.mark.parametrize("name", ["LINE_PORT", "PLAIN_PORT"])
def test_entries_of_a_connection(httpd: Httpd, name: str) -> None:
    if httpd.mpm == "prefork" and name == "PLAIN_PORT":
        pytest.skip("one child of one thread is enough")
    clients = [httpd.connect(httpd.port_of(name)) for _ in range(1 if httpd.mpm == "prefork" else 3)]
    for number, one in enumerate(clients):
        httpd.expect(*entries(f"by {number}", client(one.getsockname()[1])))
        one.sendall(b"by %d\n" % number)
    for one in clients:
        assert one.recv(100)
        one.close()


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("thread", "in a thread"),
        ("executor", "in an executor"),
        ("to_thread", "from a loop"),
        ("aio", "on another loop"),
    ],
)
def test_entries_of_a_request(httpd: Httpd, how: str, text: str) -> None:
    httpd.expect(*entries(text, client()))
    assert httpd.get(f"/handler?{how}").text == "done\n"


def test_the_client_is_that_of_mod_remoteip(httpd: Httpd) -> None:
    httpd.expect(*entries("in a thread", r"\[client 192\.0\.2\.7:\d+\] "))
    assert httpd.get("/handler?thread", headers={"X-Client": "192.0.2.7"}).text == "done\n"


def test_entries_of_a_filter(httpd: Httpd) -> None:
    httpd.write("filtered/a.txt", "a\n")
    httpd.expect(*entries("for a filter", client()))
    assert httpd.get("/filtered/a.txt").text == "a\n"


def test_who_is_gone_is_not_named(httpd: Httpd) -> None:
    """Code that outlives its request or connection logs without a client, in the log of its server."""
    httpd.expect(*entries("too late", ""))
    with httpd.connect() as client:  # one child serves both
        for what in ("keeps", "later"):
            client.sendall(f"GET /handler?{what} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            got = b""
            while not got.endswith((b"done\n", b"0\r\n\r\n")):
                chunk = client.recv(1000)
                assert chunk
                got += chunk


def test_a_task_that_outlives_its_connection_does_not_name_it(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("one connection at a time: this takes two")
    httpd.expect(*entries("too late", ""))
    with httpd.connect(httpd.port_of("LINE_PORT")) as other:
        with httpd.connect(httpd.port_of("LINE_PORT")) as leaves:
            leaves.sendall(b"leaves\n")
            assert leaves.recv(100) == b"leaves\n"
        time.sleep(0.2)
        other.sendall(b"over\n")
        assert other.recv(100) == b"over\n"
        httpd.wait_for_log("by apache too late")


def test_each_part_of_the_format_is_there() -> None:
    conf = 'ErrorLogFormat "[%-m:%l] [pid %P] [client %a] [%A] [id %L] [%{c}L] [%k] [%v] %M% ,%{Referer}i"\n' + CONF
    with Httpd(conf, beside=__file__, modules=MODULES) as httpd:
        httpd.allow(r"\[client ")
        assert httpd.get("/handler?thread").text == "done\n"
        port = httpd.port_of("PORT")
        httpd.wait_for_log(
            rf"python:notice\] \[pid \d+\] \[client 127\.0\.0\.1:\d+\] \[127\.0\.0\.1:{port}\] \[id "
            r"\[-\] \[0\] \[localhost\] printed in a thread"
        )


def test_the_traceback_of_a_thread_is_one_entry(httpd: Httpd) -> None:
    httpd.expect(r"python:error.*exception in thread Thread-\d+ .*\\nTraceback .*\\nZeroDivisionError: ")
    assert httpd.get("/handler?fails").text == "done\n"
    assert len(re.findall("ZeroDivisionError", httpd.log())) == 1
