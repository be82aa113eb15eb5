"""A line protocol on a port of its own.

    Listen 8081
    <VirtualHost *:8081>
        PythonConnectionHandler lines::connectionhandler
    </VirtualHost>

The connection does not use HTTP: it belongs to the handler until the handler returns. Reading
blocks one of httpd's threads, for at most `Timeout`.
"""

import time

from mod_python import apache

HELP = b"HELP, TIME, ECHO text, QUIT"
LONGEST = 1000


def connectionhandler(conn: apache.Connection) -> int:
    say(conn, b"Hello. Say HELP to see what I know.")
    try:
        while line := conn.readline(LONGEST):
            if len(line) == LONGEST and not line.endswith(b"\n"):
                say(conn, b"That line is too long. Goodbye.")
                break
            command, _, text = line.strip().partition(b" ")
            match command.upper():
                case b"HELP":
                    say(conn, HELP)
                case b"TIME":
                    say(conn, time.strftime("It is %Y-%m-%d %H:%M:%S %Z").encode())
                case b"ECHO":
                    say(conn, text)
                case b"QUIT":
                    say(conn, b"Goodbye.")
                    break
                case _:
                    say(conn, b"I do not know that. Say HELP.")
    except TimeoutError:
        say(conn, b"You are silent. Goodbye.")
    return apache.OK


def say(conn: apache.Connection, line: bytes) -> None:
    conn.write(line + b"\r\n")
