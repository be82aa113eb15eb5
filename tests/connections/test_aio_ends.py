"""asyncio's event loop outlives what runs on it: `apache.aio` works again after anything that a coroutine does."""

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler loop_ends::@
    Timeout 10
</VirtualHost>
"""
CONF = "".join(HOST.replace("@", name) for name in ("ends", "lets_out", "waits", "failing_start"))
CONF += """
PythonOutputFilter loop_ends EXITS
<Location /exits>
    SetOutputFilter EXITS
</Location>
"""
ENDED = 'RuntimeError("asyncio\'s event loop has ended: the error log says why")'
GOES_ON = "was raised on asyncio's event loop: the loop continues"


def talk(httpd: Httpd, name: str, line: bytes = b"") -> list[str]:
    return httpd.raw(line + b"\n", port=httpd.port_of(f"{name}_PORT")).decode().splitlines()


@pytest.mark.parametrize(
    ("way", "said", "logged"),
    [
        ("exits", "SystemExit(3)", "SystemExit\\(3\\) "),
        ("interrupts", "KeyboardInterrupt()", "KeyboardInterrupt\\(\\) "),
        ("stops", "'stopped'", ""),
        ("callback", "'called'", "SystemExit\\(4\\) "),
    ],
)
def test_the_loop_goes_on(httpd: Httpd, way: str, said: str, logged: str) -> None:
    for _ in range(2):
        if logged:
            httpd.expect(logged + GOES_ON)
        assert talk(httpd, "ends", way.encode()) == [said, "slept False"]


def test_a_broken_loop_ends_all_waiting_and_is_made_again(httpd: Httpd) -> None:
    httpd.expect("asyncio's event loop has ended \\(.*\\): the next apache.aio\\(\\) makes a new one")
    # On prefork, each connection may have a child of its own.
    waiting = None if httpd.mpm == "prefork" else httpd.connect(httpd.port_of("waits_PORT"))
    if waiting is not None:
        assert waiting.recv(100) == b"waiting\n"
    assert talk(httpd, "ends", b"breaks") == [ENDED, "slept True"]
    if waiting is not None:
        assert waiting.recv(1000).decode() == f"{ENDED}\n"
        waiting.close()


def test_what_nobody_catches_is_a_failure_of_the_handler(httpd: Httpd) -> None:
    httpd.expect("SystemExit\\(3\\) " + GOES_ON, "PythonConnectionHandler loop_ends::lets_out.* failed.*SystemExit: 3")
    assert talk(httpd, "lets_out") == []


def test_a_filter_goes_on_too(httpd: Httpd) -> None:
    httpd.expect("SystemExit\\(3\\) " + GOES_ON)
    httpd.write("exits/a.txt", "a ")
    assert httpd.get("/exits/a.txt").text == "a SystemExit(3) slept"


def test_a_loop_that_did_not_start_is_tried_again(httpd: Httpd) -> None:
    assert talk(httpd, "failing_start") == ["can't start new thread", "slept"]
