"""The state of one connection, and the commands about the connection."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .encoding import Reply, RespError
from .keys import DATABASES, NEVER, Keys

VERSION = "7.0.0"  # of Redis; clients choose commands by it


@dataclass(slots=True)
class Session:
    """The state of one connection. It is used by one task at a time."""

    keys: Keys
    id: int
    pause: Callable[[], Awaitable[object]]
    "Lets other connections run when a long command awaits it."
    db: int = 0
    version: int = 2
    "The version of RESP: 2 or 3."
    over: bool = False
    "Whether the client has sent QUIT."


def integer(text: bytes) -> int:
    """Return a signed 64-bit integer in Redis's canonical form. Raise RespError for any other text."""
    if len(text) > 20 or not re.fullmatch(rb"0|-?[1-9][0-9]*", text) or not -NEVER - 1 <= int(text) <= NEVER:
        raise RespError("ERR value is not an integer or out of range")
    return int(text)


def ping(session: Session, *message: bytes) -> Reply:
    """PING [message]."""
    if len(message) > 1:
        raise RespError("ERR wrong number of arguments for 'ping' command")
    return message[0] if message else "PONG"


def echo(session: Session, message: bytes) -> Reply:
    """ECHO message."""
    return message


def quit_(session: Session) -> Reply:
    """QUIT."""
    session.over = True
    return "OK"


def hello(session: Session, version: bytes = b"", *options: bytes) -> Reply:
    """HELLO [version [SETNAME name]]: chooses RESP2 or RESP3. The name is ignored, AUTH is refused."""
    if version not in (b"", b"2", b"3"):
        raise RespError("NOPROTO unsupported protocol version")
    if options and (len(options) != 2 or options[0].upper() != b"SETNAME"):
        raise RespError(f"ERR Syntax error in HELLO option '{options[0][:64].decode('utf-8', 'replace')}'")
    session.version = int(version or session.version)
    about: dict[str, Reply] = {"server": b"redis", "version": VERSION.encode(), "proto": session.version}
    return {**about, "id": session.id, "mode": b"standalone", "role": b"master", "modules": []}


def select(session: Session, number: bytes) -> Reply:
    """SELECT number."""
    if not 0 <= integer(number) < DATABASES:
        raise RespError("ERR DB index is out of range")
    session.db = int(number)
    return "OK"
