"""Two protocols on one port: lines are echoed, HTTP goes to httpd.

    Listen 8081
    <VirtualHost *:8081>
        PythonConnectionHandler shared
        DocumentRoot /var/www/html
    </VirtualHost>

What was peeked at is still unread: httpd begins at the first byte, or the echo does.
"""

import re

from mod_python import apache
from mod_python.protocols import echo

HTTP = re.compile(rb"[A-Z]{3,7} ")  # a method; with TLS, clients of HTTP/2 say PRI


async def connectionhandler(conn: apache.Connection) -> int:
    if HTTP.match(await conn.peek(8)):
        return apache.DECLINED
    await echo.connectionhandler(conn)
    return apache.OK
