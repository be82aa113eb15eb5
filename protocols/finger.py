"""Answers queries about users: the finger protocol (RFC 1288). It is also an example of how to write a protocol.

    Listen 79
    <VirtualHost *:79>
        PythonConnectionHandler mod_python.protocols.finger
        PythonOption finger_folder /srv/finger
    </VirtualHost>

/srv/finger/alice.txt has the information about alice: its first line answers `finger alice@host`,
all of it `finger -l alice@host`, which asks with /W. Queries for a list of users, and queries that
another host should answer, are refused in the words of the RFC (3.2.1, 3.2.3).

Limits: a query has at most 512 bytes and must arrive within 10 seconds. Of a file, at most 64 KiB
are sent. Bytes other than printable ASCII, tab and LF could control a terminal (RFC 1288, 3.3) and
become question marks.
"""

import asyncio
import re
import stat
from pathlib import Path

from mod_python import apache

# No name is ../../etc/passwd, and none is longer with .txt than the 255 bytes of a file name.
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,250}")
UNSAFE = re.compile(rb"[^\t\n -~]")


async def connectionhandler(conn: apache.AsyncConnection) -> None:
    """Answer the one query of a connection."""
    # One call of this function is one connection. An `await` that has to wait gives the thread
    # back to httpd; the function goes on, maybe on another thread, when the data is there.
    conn.timeout = min(10, conn.timeout)
    try:
        line = await conn.readline(512)
    except asyncio.LimitOverrunError:
        line = b"?"  # no user has such a name
    # At the end of the input `line` is b"". A lost connection and a time-out raise an exception;
    # it ends the handler, since no client is left to answer.
    folder = Path(conn.base_server.get_options()["finger_folder"])
    try:
        told = answer(folder, line)
    except OSError as error:  # httpd's user may not read the file, or the file system allows only shorter names
        conn.log_error(f"finger cannot read a file: {error}", apache.APLOG_WARNING)
        told = b"No such user.\n"
    await conn.write(told.replace(b"\n", b"\r\n"))


def answer(folder: Path, line: bytes) -> bytes:
    """Return the answer to a query; its lines end in LF. Raise OSError if the file cannot be read."""
    words = line.split()
    whois = words[:1] in ([b"/W"], [b"/w"])
    name = b" ".join(words[whois:]).decode("ascii", "replace").lower()
    if "@" in name:
        return b"Finger forwarding service denied.\n"
    if not name:
        return b"Finger online user list denied.\n"
    path = folder / f"{name}.txt"
    try:
        is_user = NAME.fullmatch(name) and stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        is_user = False
    if not is_user:
        return b"No such user.\n"
    with path.open("rb") as file:
        known = UNSAFE.sub(b"?", file.read(65536).replace(b"\r\n", b"\n"))
    told = known if whois else known.partition(b"\n")[0]
    return told.rstrip(b"\n") + b"\n"
