"""What server-status tells of filters, handlers and connections, over all children."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
NAMES = ("upper", "whole", "fails", "slow", "fast", "slower", "stuck")
CONF = (
    """
<Location "/server-status">
    SetHandler server-status
</Location>
<Location "/length">
    SetHandler mod_python
    PythonHandler counted::length
    PythonInputFilter counted::upper IN
    SetInputFilter IN
</Location>
<Location "/late">
    SetHandler mod_python
    PythonHandler counted::late
</Location>
Listen 127.0.0.1:${WAIT_PORT}
<VirtualHost *:${WAIT_PORT}>
    PythonConnectionHandler counted::wait
</VirtualHost>
Listen 127.0.0.1:${PARK_PORT}
<VirtualHost *:${PARK_PORT}>
    PythonConnectionHandler counted::park
</VirtualHost>
<Location "/both">
    SetOutputFilter fast;slow
</Location>
"""
    + "".join(f"PythonOutputFilter counted::{name} {name.title()}\n" for name in NAMES)
    + "".join(f'<Location "/{name}">\nSetOutputFilter {name}\n</Location>\n' for name in NAMES)
)


@pytest.fixture(autouse=True, scope="module")
def _files(httpd: Httpd) -> None:
    for name in (*NAMES, "both"):
        httpd.write(f"{name}/a.txt", "0123456789")


def status(httpd: Httpd) -> dict[str, int]:
    """Return the lines of ?auto that are ours."""
    lines = re.findall(r"^(Python.*): (\d+)$", httpd.get("/server-status?auto").text, re.MULTILINE)
    return {name: int(value) for name, value in lines}


def test_a_filter_of_responses(httpd: Httpd) -> None:
    for _ in range(3):
        assert httpd.get("/upper/a.txt").body == b"0123456789"
    told = status(httpd)
    row = {name.partition("]")[2]: value for name, value in told.items() if "[upper]" in name}
    assert row.pop("Microseconds") < 1_000_000
    assert row == {
        "Calls": 3,
        "BytesIn": 30,
        "BytesOut": 30,
        "HeldMost": 10,
        "Errors": 0,
        "InProgress": 0,
        "OldestSeconds": 0,
    }


def test_the_columns_of_the_page(httpd: Httpd) -> None:
    assert httpd.get("/upper/a.txt").status == 200
    heads = re.findall(r"<th>([^<]*)</th>", httpd.get("/server-status").text.partition("<h2>mod_python</h2>")[2])
    assert heads == [
        *("Directive", "Name", "Calls", "Bytes in", "Bytes out", "Held at most"),
        *("Milliseconds", "Errors", "In progress", "Oldest, in seconds"),
    ]


def test_what_is_held(httpd: Httpd) -> None:
    httpd.write("whole/a.txt", bytes(500_000))
    httpd.get("/whole/a.txt")
    assert status(httpd)["PythonOutputFilter[whole]HeldMost"] >= 500_000


def test_a_filter_of_requests_and_a_handler(httpd: Httpd) -> None:
    assert httpd.request("POST", "/length", bytes(1000)).text == "1000"
    told = status(httpd)
    assert told["PythonInputFilter[in]BytesIn"] == told["PythonInputFilter[in]BytesOut"] == 1000
    assert (told["PythonHandlerCalls"], told["PythonHandlerErrors"]) == (1, 0)


def test_exceptions(httpd: Httpd) -> None:
    httpd.allow("failed", "Traceback", "KeyError", "File ")
    before = status(httpd)
    for path in ("/fails/a.txt", "/late", "/late"):
        assert httpd.get(path).status == 500
    told = status(httpd)
    assert told["PythonOutputFilter[fails]Errors"] == 1
    for name in ("PythonHandlerCalls", "PythonHandlerErrors"):
        assert told[name] - before.get(name, 0) == 2


def test_the_time_of_one_filter_is_not_that_of_another(httpd: Httpd) -> None:
    httpd.get("/both/a.txt")
    told = status(httpd)
    assert told["PythonOutputFilter[slow]Microseconds"] >= 200_000
    assert told["PythonOutputFilter[fast]Microseconds"] < 200_000


def test_all_children_count_together(httpd: Httpd) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(lambda _: httpd.get("/slower/a.txt"), range(16)))) == 16
    assert status(httpd)["PythonOutputFilter[slower]BytesIn"] == 160


def test_connections(httpd: Httpd) -> None:
    connections = [httpd.connect(httpd.port_of("WAIT_PORT")) for _ in range(2)]
    for connection in connections:
        assert connection.recv(5) == b"here\n"
    time.sleep(1.1)
    told = status(httpd)
    assert told["PythonConnectionsOpen"] == told["PythonConnectionHandlerInProgress"] == 2
    assert told["PythonConnectionHandlerOldestSeconds"] in (1, 2)
    for connection in connections:
        connection.sendall(b"\n")
        assert connection.recv(5) == b""
        connection.close()
    told = status(httpd)
    assert (told["PythonConnectionsOpen"], told["PythonConnectionHandlerCalls"]) == (0, 2)
    assert told["PythonConnectionHandlerInProgress"] == 0


def test_parked_connections(httpd: Httpd) -> None:
    before = status(httpd).get("PythonConnectionHandlerCalls", 0)
    with httpd.connect(httpd.port_of("PARK_PORT")) as connection:
        assert connection.recv(5) == b"here\n"
        expected = (1, 1 if httpd.mpm == "event" else 0)
        deadline = time.monotonic() + 2
        while (seen := connections(httpd)) != expected and time.monotonic() < deadline:
            time.sleep(0.01)
        assert seen == expected
        assert status(httpd)["PythonConnectionHandlerInProgress"] == 1
        connection.sendall(b"\n")
        assert connection.recv(5) == b""
    while connections(httpd) != (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert connections(httpd) == (0, 0)
    told = status(httpd)
    assert told["PythonConnectionHandlerCalls"] == before + 1, "a connection is one call, in however many steps"
    assert told["PythonConnectionHandlerInProgress"] == 0


def connections(httpd: Httpd) -> tuple[int, int]:
    told = status(httpd)
    return told["PythonConnectionsOpen"], told["PythonConnectionsParked"]


def test_for_people(httpd: Httpd) -> None:
    httpd.get("/upper/a.txt")
    page = httpd.get("/server-status").text
    assert "<h2>mod_python</h2>" in page
    row = r"<td>PythonOutputFilter</td><td>upper</td><td>\d+</td><td>\d+0</td><td>\d+0</td><td>10</td>"
    assert re.search(row, page)


def test_connections_of_a_child_that_died_are_gone(httpd: Httpd) -> None:
    httpd.expect("exit signal")
    with httpd.connect(httpd.port_of("WAIT_PORT")) as connection:
        connection.recv(5)
        assert status(httpd)["PythonConnectionsOpen"] == 1
        for child in httpd.children():
            os.kill(child, signal.SIGSEGV)
        httpd.wait_for_log("exit signal")
    told = status(httpd)
    assert told["PythonConnectionsOpen"] == told.get("PythonConnectionHandlerInProgress", 0) == 0


def test_a_filter_that_is_stuck_is_shown(httpd: Httpd) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpd.get, "/stuck/a.txt")
        time.sleep(1.2)
        told = status(httpd)
        assert answer.result().status == 200
    assert told["PythonOutputFilter[stuck]InProgress"] == 1
    assert told["PythonOutputFilter[stuck]OldestSeconds"] in (1, 2)
    assert status(httpd)["PythonOutputFilter[stuck]InProgress"] == 0


def test_a_new_configuration_counts_anew(httpd: Httpd) -> None:
    httpd.graceful()
    assert "PythonOutputFilter[upper]Calls" not in status(httpd)
    httpd.get("/upper/a.txt")
    assert status(httpd)["PythonOutputFilter[upper]Calls"] == 1
