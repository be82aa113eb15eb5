"""WebSockets over `req.connection`, as programs for mod_python 3 have them, with the clients of today."""

import ssl

import pytest
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
CONF = """
LogLevel python:info
SetHandler mod_python
<Location /handler>
    PythonHandler old_websocket
</Location>
<Location /parser>
    PythonHeaderParserHandler old_websocket
    PythonHandler old_websocket
</Location>
Listen 127.0.0.1:${FRONT_PORT}
<VirtualHost *:${FRONT_PORT}>
    ProxyPass "/" "http://127.0.0.1:${PORT}/" upgrade=websocket
</VirtualHost>
"""
MODULES = ("proxy", "proxy_http")
WAYS = ("clear", "tls", "proxy")
both = pytest.mark.parametrize("path", ["/handler", "/parser"])


def open_socket(httpd: Httpd, path: str, way: str) -> ClientConnection:
    if way == "tls":
        context = ssl.create_default_context(cafile=httpd.certificate)
        return connect(f"wss://localhost:{httpd.tls_port}{path}", ssl=context, max_size=None)
    port = httpd.port_of("FRONT_PORT") if way == "proxy" else httpd.port
    return connect(f"ws://localhost:{port}{path}", max_size=None, proxy=None)


@pytest.mark.parametrize("way", WAYS)
@both
def test_messages_come_back(httpd: Httpd, path: str, way: str) -> None:
    with open_socket(httpd, path, way) as client:
        for message in ("hello", "", "é" * 200, b"\0\xff" * 40_000, "x" * 65_535):
            client.send(message)
            assert client.recv(timeout=10) == message
        client.send(["in ", "three ", "parts"])
        assert client.recv(timeout=10) == "in three parts"
        assert client.ping("still there?").wait(10)
    assert client.close_code == 1000


@pytest.mark.parametrize("way", WAYS)
def test_the_server_ends_it(httpd: Httpd, way: str) -> None:
    with open_socket(httpd, "/handler", way) as client:
        client.send("bye")
        assert client.recv(timeout=10) == "bye"
        with pytest.raises(ConnectionClosedOK):
            client.recv(timeout=10)


@both
def test_a_client_that_leaves(httpd: Httpd, path: str) -> None:
    with httpd.connect() as client:
        client.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        with client.makefile("rb") as stream:
            head = b"".join(iter(stream.readline, b"\r\n"))
        # The key and its answer are those of RFC 6455, 1.3.
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
    httpd.wait_for_log("the client left")


def test_other_requests_are_served(httpd: Httpd) -> None:
    assert httpd.get("/parser").text == "not a WebSocket"
