"""Sends back what it gets: the echo protocol (RFC 862).

    Listen 7
    <VirtualHost *:7>
        PythonConnectionHandler mod_python.protocols.echo
    </VirtualHost>

Limits: at most 64 KiB of a connection are under way; who does not take its echo is not
read from, and who is silent for Timeout is let go.
"""

from mod_python import apache


async def connectionhandler(conn: apache.Connection) -> None:
    while data := await conn.read():
        await conn.write(data)
