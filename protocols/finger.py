"""Tells about people: the finger protocol (RFC 1288), and how to write a protocol.

    Listen 79
    <VirtualHost *:79>
        PythonConnectionHandler mod_python.protocols.finger
        PythonOption finger_folder /srv/finger
    </VirtualHost>

/srv/finger/alice.txt is what there is to know of alice: its first line for `finger
alice@host`, all of it for `finger -l alice@host`, which asks with /W. Nobody learns who
else is there, and queries for other hosts are refused, as the RFC allows.

Limits: a query has at most 512 bytes and comes within 10 seconds; 64 KiB of a file are
sent, of these what is ASCII: bytes that could steer a terminal become question marks.
"""

import asyncio
import re
from pathlib import Path

from mod_python import apache

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,250}")  # nobody can ask for ../../etc/passwd; with .txt, 255 bytes
UNSAFE = re.compile(rb"[^\t\n -~]")


async def connectionhandler(conn: apache.Connection) -> None:
    # One call of this function is one connection. At each `await` it gives its thread back
    # to httpd, if what it waits for is not there yet, and goes on when it is.
    conn.timeout = min(10, conn.timeout)
    try:
        line = await conn.readline(512)
    except asyncio.LimitOverrunError:
        line = b"?"  # nobody has such a name
    # The end of the input is b"" here, a client that is gone or silent an exception, which
    # ends the handler: there is nobody left to tell.
    folder = Path(conn.base_server.get_options()["finger_folder"])
    try:
        told = answer(folder, line)
    except OSError as error:  # httpd may not read it, or the file system takes shorter names only
        conn.log_error(f"finger cannot read a file: {error}", apache.APLOG_WARNING)
        told = b"No such user.\n"
    await conn.write(told.replace(b"\n", b"\r\n"))


def answer(folder: Path, line: bytes) -> bytes:
    """What there is to say to a query; lines end in LF."""
    words = line.split()
    whois = words[:1] in ([b"/W"], [b"/w"])
    name = b" ".join(words[whois:]).decode("ascii", "replace").lower()
    if "@" in name:
        return b"Finger forwarding service denied.\n"
    if not name:
        return b"Finger online user list denied.\n"
    path = folder / f"{name}.txt"
    if not NAME.fullmatch(name) or not path.is_file():
        return b"No such user.\n"
    with path.open("rb") as file:
        known = UNSAFE.sub(b"?", file.read(65536).replace(b"\r\n", b"\n"))
    told = known if whois else known.partition(b"\n")[0]
    return told.rstrip(b"\n") + b"\n"
