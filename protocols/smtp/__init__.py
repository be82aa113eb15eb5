"""Receives mail into Maildirs: the Simple Mail Transfer Protocol (RFC 5321).

    Listen 25
    <VirtualHost *:25>
        ServerName mx.example.org
        PythonConnectionHandler mod_python.protocols.smtp
        PythonOption smtp_maildir /srv/mail/%
        PythonOption smtp_domains "example.org example.net"
        PythonOption smtp_size 10000000
    </VirtualHost>

Mail for alice@example.org goes to the Maildir /srv/mail/alice, if there is one: who has none is
no user here (`mkdir -p /srv/mail/alice/{new,tmp,cur}`, owned by httpd's `User`). Once a message
is answered with 250, it and its folder are on the disk; before, there is nothing of it in `new`.

With PIPELINING (RFC 2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531). For mail of one's own
users, a virtual host with `SSLEngine on` (port 465: RFC 8314) can ask for AUTH PLAIN (4954, 4616):

        PythonOption smtp_auth /mail

    <Location "/mail">
        AuthType Basic
        AuthName mail
        AuthBasicProvider file
        AuthUserFile /srv/users
        Require valid-user
    </Location>

so httpd's own modules say who may. Without TLS no password is asked for, and all mail refused.

Limits: a command has at most 2048 bytes, a line of a message 64 KiB, a message `smtp_size` (10 MB)
and 100 recipients; 10 mistakes or a silence of Timeout end a connection, and lines must end in CRLF.
No STARTTLS, no relaying: mail for other domains is refused. The Maildirs are on one file system.
"""

import asyncio

from mod_python import apache

from .session import Session


async def connectionhandler(conn: apache.Connection) -> None:
    session = Session(conn)
    last = "421 too many mistakes"
    try:
        await session.say(f"220 {session.settings.host} ESMTP")
        while session.is_open():
            await session.say(await session.reply(await session.hear()))
        if session.has_quit:
            return
    except asyncio.LimitOverrunError:
        last = "500 that line is too long"
    except TimeoutError:
        last = "421 you are silent"
    except apache.ShuttingDown:
        last = "421 the server is about to stop"
    await session.say(last)
