"""Clients that leave in each state, and bodies that are larger than memory: what is left of them in a child."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import application_cases
import pytest

import http1
from httpd import Httpd

MPMS = ("event", "worker")
CONF = """
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
PythonApplication / asgi asgi_pages
LogLevel python:warn
"""
THREADS = 25
STATES = ("headers", "body", "waiting", "writing")


def request(state: str, number: int) -> bytes:
    """What a client sends before it leaves."""
    match state:
        case "headers":
            return b"GET /hello HTTP/1.1\r\nHost: x\r\n"
        case "body":
            return http1.head("POST /count HTTP/1.1", "Host: x", "Content-Length: 100") + b"part"
        case "waiting":
            return http1.get("/gone?unread")
        case _:
            return http1.get(f"/stream?{10_000_000 + number}")


def left(httpd: Httpd) -> list[int]:
    """How many tasks and threads of Python a child has."""
    return list(json.loads(httpd.get("/tasks").text))


def descriptors(httpd: Httpd) -> int:
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in httpd.children())


def eventually(holds: Callable[[], bool], why: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


@pytest.mark.alone
@pytest.mark.parametrize("state", STATES)
def test_a_thousand_clients_leave(httpd: Httpd, state: str) -> None:
    httpd.allow("AH0")
    before, open_before = left(httpd), descriptors(httpd)
    for number in range(1000):
        with httpd.connect() as connection:
            connection.sendall(request(state, number))
            if state == "writing":
                assert connection.recv(100)
            if number % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    eventually(lambda: left(httpd) <= before, lambda: (left(httpd), before))
    most = open_before + THREADS + 8  # each thread has an event of its own, from its first request on; so has the timer
    eventually(lambda: descriptors(httpd) <= most, lambda: (descriptors(httpd), most))
    assert httpd.get("/hello").status == 200
    assert "exit signal" not in httpd.log()


@pytest.mark.alone
def test_a_gigabyte_up_and_down_takes_no_memory(httpd: Httpd) -> None:
    application_cases.a_gigabyte_up_and_down(httpd, "/count", "/stream")
