"""Receives mail into Maildirs: the Simple Mail Transfer Protocol (RFC 5321).

    Listen 25
    <VirtualHost *:25>
        ServerName mx.example.org
        PythonConnectionHandler mod_python.protocols.smtp
        PythonOption smtp_maildir /srv/mail/%
        PythonOption smtp_domains "example.org example.net"
        PythonOption smtp_size 10000000
    </VirtualHost>

Mail for alice@example.org goes to the Maildir /srv/mail/alice. A user without a Maildir is unknown
(`mkdir -p /srv/mail/alice/{new,tmp,cur}`, owned by httpd's `User`). Once a message is answered with
250, it and its folder are on the disk; before that, nothing of it is in `new`.

Extensions: PIPELINING (RFC 2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531), ENHANCEDSTATUSCODES
(2034). `replies.py` has the texts of all replies. For mail of its own users, a virtual host with
`SSLEngine on` (port 465: RFC 8314) can ask for AUTH PLAIN (4954, 4616):

        PythonOption smtp_auth /mail

    <Location "/mail">
        AuthType Basic
        AuthName mail
        AuthBasicProvider file
        AuthUserFile /srv/users
        Require valid-user
    </Location>

httpd's own modules then check user and password. Without TLS such a host accepts no password, and so
no mail.

Limits: a command has at most 2048 bytes, a line of a message 64 KiB, a message `smtp_size` bytes (10 MB)
and 100 recipients. The server closes a connection after 10 replies with 5, or after `Timeout` without
input. Lines must end in CRLF. There is no STARTTLS and no relaying: mail for other domains is refused.
All Maildirs must be on one file system.
"""

import asyncio

from mod_python import apache

from . import replies
from .session import Session


async def connectionhandler(conn: apache.AsyncConnection) -> None:
    """Serve one connection: answer commands until QUIT, or until the server has a reason to close it."""
    session = Session(conn)
    host = session.settings.host
    try:
        await session.say(replies.greeting(host))
        while session.is_open():
            await session.say(await session.reply(await session.hear()))
        if session.is_over:
            return
        last = replies.unavailable(host, replies.MISTAKES)
    except asyncio.LimitOverrunError:
        last = replies.LINE_TOO_LONG
    except TimeoutError:
        last = replies.unavailable(host, replies.TIMEOUT)
    except asyncio.IncompleteReadError:
        return  # the client hung up between two commands
    except EOFError:
        last = replies.unavailable(host, replies.LOST_INPUT)
    except apache.ShuttingDown:
        last = replies.unavailable(host, replies.SHUTDOWN)
    await session.say(last)
