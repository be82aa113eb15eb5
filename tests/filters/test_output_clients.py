"""Clients that leave in the middle: their filters stop soon, and nobody else notices."""

import socket
import struct
import time

from httpd import Httpd

MPMS = ("event", "prefork")
FILTERS = ["endless", "stubborn", "counting"]
CONF = "".join(f"PythonOutputFilter large_responses::{name} {name}\n" for name in FILTERS) + "".join(
    f"""
<Location "/{name}">
    SetOutputFilter {name}
</Location>
<Location "/pieces/{name}">
    SetHandler mod_python
    PythonHandler large_responses::pieces
    SetOutputFilter {name}
</Location>
"""
    for name in FILTERS
)


def leave(httpd: Httpd, path: str) -> None:
    """Ask, read a little, and reset the connection."""
    with httpd.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(50_000)


def test_o16_an_endless_filter_ends_when_its_client_leaves(httpd: Httpd) -> None:
    httpd.write("endless/a.txt", "a")
    children = httpd.children()
    leave(httpd, "/endless/a.txt")
    httpd.wait_for_log("stopped by Write failed, client closed connection")
    assert set(children) <= set(httpd.children())


def test_o16_a_file_is_not_read_any_more(httpd: Httpd) -> None:
    httpd.write("counting/a.bin", b"x" * 50_000_000)
    leave(httpd, "/counting/a.bin")
    read = int(httpd.wait_for_log(r"bytes: (\d+)")[1])
    assert read < 20_000_000  # what sockets take at most


def test_o16_a_filter_that_minds_no_error_is_stopped(httpd: Httpd) -> None:
    httpd.write("stubborn/a.bin", b"x" * 50_000_000)
    leave(httpd, "/stubborn/a.bin")
    wait_for_end(httpd, "/stubborn/a.bin")
    # It may go on after a failed write, but there is nothing more to read.
    assert httpd.log().count("not written") <= 1


def test_o16_a_filter_is_not_called_for_a_client_that_left(httpd: Httpd) -> None:
    leave(httpd, "/pieces/stubborn?400")
    wait_for_end(httpd, "/pieces/stubborn?400")
    assert httpd.log().count("called") < 200  # what sockets take at most
    assert httpd.log().count("not written") <= 1


def wait_for_end(httpd: Httpd, path: str) -> None:
    deadline = time.monotonic() + 10
    while f"200 GET {path} HTTP/1.1" not in httpd.requests():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_o16_the_next_client_is_served(httpd: Httpd) -> None:
    httpd.write("counting/b.txt", "whole")
    leave(httpd, "/counting/b.txt")
    assert httpd.get("/counting/b.txt").text == "whole"
