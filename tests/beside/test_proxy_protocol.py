"""mod_remoteip's PROXY protocol before connection handlers: the address is known when the handler is called."""

import socket
import time

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
MODULES = ["remoteip"]
CONF = "".join(
    f"""
Listen 127.0.0.1:${{{name}_PORT}}
<VirtualHost *:${{{name}_PORT}}>
    Timeout 2
    RemoteIPProxyProtocol On
    PythonConnectionHandler greets::{name}
</VirtualHost>
"""
    for name in ("plain", "waits")
)
HEADER = b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\n"


def connect(httpd: Httpd, name: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", httpd.port_of(f"{name}_PORT")), 10)


@pytest.mark.parametrize("name", ["plain", "waits"])
@pytest.mark.parametrize("parts", [[HEADER, b"more\n"], [HEADER[:20], HEADER[20:], b"more\n"], [HEADER + b"more\n"]])
def test_a_server_that_speaks_first_knows_the_client(httpd: Httpd, name: str, parts: list[bytes]) -> None:
    with connect(httpd, name) as client, client.makefile("rb") as answers:
        for part in parts:
            time.sleep(0.2)
            if part == b"more\n":
                assert answers.readline() == b"192.0.2.7\n"
            client.sendall(part)
        if parts == [HEADER + b"more\n"]:
            assert answers.readline() == b"192.0.2.7\n"
        assert answers.read() == b"more\n"


@pytest.mark.parametrize("name", ["plain", "waits"])
def test_without_a_header_the_handler_is_not_called(httpd: Httpd, name: str) -> None:
    if httpd.mpm == "prefork":  # event waits without mod_remoteip
        httpd.expect("AH10184: failed reading input")
    begin = time.monotonic()
    with connect(httpd, name) as client:
        assert b"192.0.2.7" not in client.recv(1000)
    assert time.monotonic() - begin < 3.5
