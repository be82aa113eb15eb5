"""Two protocols on one port: echo, and HTTP, which httpd serves.

    Listen 8081
    <VirtualHost *:8081>
        PythonConnectionHandler shared
        DocumentRoot /var/www/html
    </VirtualHost>

peek() consumes nothing: httpd or echo reads the connection from its first byte.
"""

import re

from mod_python import apache
from mod_python.protocols import echo

HTTP = re.compile(rb"[A-Z]{3,7} ")  # a method, or PRI of HTTP/2


async def connectionhandler(conn: apache.AsyncConnection) -> int:
    if HTTP.match(await conn.peek(8)):
        return apache.DECLINED
    await echo.connectionhandler(conn)
    return apache.OK
