"""Responses that a filter ends before their source: the rest is read and dropped, and holds up nothing."""

import time

import pytest

from http1 import get, responses
from httpd import Httpd

MPMS = ("event", "prefork")  # cgid and cgi
CONF = """
Timeout 8
PythonOutputFilter early_filters::closes closes
PythonOutputFilter early_filters::returns returns
PythonOutputFilter early_filters::raises raises
ProxyPass "/proxied" "http://127.0.0.1:${PORT}/cgi-bin/plain"
""" + "".join(
    f"""
<Location "/cgi-bin/{name}">
    SetOutputFilter {name}
</Location>
<Location "/proxied/{name}">
    SetOutputFilter {name}
</Location>
"""
    for name in ("closes", "returns", "raises")
)
PAUSE = 0.5
# More than a pipe holds: a script that nobody reads waits for ever.
SCRIPT = f"""#!/bin/sh
printf 'Content-Type: text/plain\\n\\nfirst'
sleep {PAUSE}
head -c 300000 /dev/zero
"""


def timed(httpd: Httpd, path: str) -> tuple[bytes, float, float]:
    """The body, when its first bytes came, and when the connection ended."""
    with httpd.connect(timeout=6) as connection:
        begin = time.monotonic()
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer, first = b"", 0.0
        while data := connection.recv(65536):
            answer += data
            if not first and answer.partition(b"\r\n\r\n")[2]:
                first = time.monotonic() - begin
        return answer.partition(b"\r\n\r\n")[2], first, time.monotonic() - begin


@pytest.mark.parametrize("source", ["cgi-bin", "proxied"])
@pytest.mark.parametrize("name", ["closes", "returns", "raises"])
def test_the_rest_of_a_slow_script_is_read_and_dropped(httpd: Httpd, source: str, name: str) -> None:
    httpd.cgi("plain" if source == "proxied" else name, SCRIPT)
    if name == "raises":
        httpd.expect("KeyError: 'early'")
    for _ in range(3):  # a busy machine may be late, or a child not yet warm; what waits for the script is always late
        body, first, end = timed(httpd, f"/{source}/{name}")
        if first < PAUSE:
            break
    assert body == b"enough\n"
    assert 0 < first < PAUSE
    assert end < 4


def test_the_connection_stays_usable(httpd: Httpd) -> None:
    """What is sent before the rest is read is no end of the connection, which with TLS would be told to the client."""
    httpd.cgi("closes", SCRIPT)
    answer = httpd.raw(get("/cgi-bin/closes") + get("/cgi-bin/closes", "Connection: close"), tls=True)
    assert [response.body for response in responses(answer)] == [b"enough\n"] * 2
