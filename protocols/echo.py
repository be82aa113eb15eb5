"""Sends back what it gets: the echo protocol (RFC 862).

    Listen 7
    <VirtualHost *:7>
        PythonConnectionHandler mod_python.protocols.echo
    </VirtualHost>

Limits: at most 64 KiB of a connection are in memory. A client that does not read its echo is
not read from, and the connection of a client that sends nothing for `Timeout` is closed.
"""

from mod_python import apache


async def connectionhandler(conn: apache.AsyncConnection) -> None:
    """Serve one connection until the client closes it."""
    while data := await conn.read():
        await conn.write(data)
