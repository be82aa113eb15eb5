"""WebSockets over `req.connection`, as programs for mod_python 3 have them, with the clients of today."""

import asyncio
import ssl

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedOK

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


def open_socket(httpd: Httpd, path: str, way: str) -> connect:
    """The client of asyncio: that of threads reads and writes one TLS connection at once, which CPython 3.11 breaks."""
    if way == "tls":
        context = ssl.create_default_context(cafile=httpd.certificate)
        return connect(f"wss://localhost:{httpd.tls_port}{path}", ssl=context, max_size=None)
    port = httpd.port_of("FRONT_PORT") if way == "proxy" else httpd.port
    return connect(f"ws://localhost:{port}{path}", max_size=None, proxy=None)


@pytest.mark.parametrize("way", WAYS)
@both
def test_messages_come_back(httpd: Httpd, path: str, way: str) -> None:
    async def talk() -> int | None:
        async with asyncio.timeout(60), open_socket(httpd, path, way) as client:
            for message in ("hello", "", "é" * 200, b"\0\xff" * 40_000, "x" * 65_535):
                await client.send(message)
                assert await client.recv() == message
            await client.send(["in ", "three ", "parts"])
            assert await client.recv() == "in three parts"
            await (await client.ping("still there?"))
        return client.close_code

    assert asyncio.run(talk()) == 1000


@pytest.mark.parametrize("way", WAYS)
def test_the_server_ends_it(httpd: Httpd, way: str) -> None:
    async def talk() -> None:
        async with asyncio.timeout(60), open_socket(httpd, "/handler", way) as client:
            await client.send("bye")
            assert await client.recv() == "bye"
            with pytest.raises(ConnectionClosedOK):
                await client.recv()

    asyncio.run(talk())


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
