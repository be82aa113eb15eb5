"""The table of commands, and the commands about it and about the server."""

import inspect
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from mod_python.version import version

from . import session as own
from . import strings
from .encoding import Reply, RespError
from .session import Session, integer


class Command(NamedTuple):
    """One command: its function, and what COMMAND returns about it."""

    run: Callable[..., Any]  # takes the session and the arguments; returns a Reply or a coroutine of one
    arity: int  # the number of words with the name; -2: two or more
    flags: str = "fast"
    keys: tuple[int, int, int] = (0, 0, 0)  # the positions of its keys: first, last, step

    @property
    def writes(self) -> bool:
        """Whether it changes keys."""
        return self.flags.startswith("write")

    @property
    def is_slow(self) -> bool:
        """Whether `run` is a coroutine function, which makes transactions of its own."""
        return inspect.iscoroutinefunction(self.run)


def flushdb(session: Session, *mode: bytes) -> Reply:
    """FLUSHDB [ASYNC | SYNC]."""
    if mode and (len(mode) > 1 or mode[0].upper() not in (b"ASYNC", b"SYNC")):
        raise RespError(strings.SYNTAX)
    session.keys.flush(session.db)
    return "OK"


def dbsize(session: Session) -> Reply:
    """DBSIZE."""
    count, _ = session.keys.sizes().get(session.db, (0, 0))
    return count


def info(session: Session, *sections: bytes) -> Reply:
    """INFO [section ...]."""
    sizes = session.keys.sizes().items()
    told = {
        "server": [f"redis_version:{own.VERSION}", f"mod_python_version:{version}", f"process_id:{os.getpid()}"],
        "keyspace": [f"db{db}:keys={count},expires={mortal},avg_ttl=0" for db, (count, mortal) in sizes],
    }
    wanted = {section.decode("latin-1").lower() for section in sections}
    chosen = [name for name in told if not wanted or wanted & {name, "all", "default", "everything"}]
    return "\r\n".join(line for name in chosen for line in (f"# {name.title()}", *told[name], "")).encode()


def command(session: Session, what: bytes = b"", *names: bytes) -> Reply:
    """COMMAND [COUNT | DOCS | INFO [name ...]]."""
    match what.upper():
        case b"COUNT":
            return len(COMMANDS)
        case b"DOCS":
            return {}
        case b"" | b"INFO":
            return [described(name.upper()) for name in names or COMMANDS]
        case _:
            raise RespError(
                f"ERR unknown subcommand '{what[:64].decode('utf-8', 'replace')}'. Try COUNT, DOCS or INFO."
            )


def described(name: bytes) -> Reply:
    """Return the entry of a command in the reply of COMMAND; None if it is unknown."""
    if (known := COMMANDS.get(name)) is None:
        return None
    return [name.lower(), known.arity, known.flags.split(), *known.keys, [], [], [], []]


READ, WRITE = "readonly fast", "write denyoom fast"
COMMANDS = {
    b"COMMAND": Command(command, -1),
    b"DBSIZE": Command(dbsize, 1, READ),
    b"DECR": Command(lambda session, key: strings.add(session, key, -1), 2, WRITE, (1, 1, 1)),
    b"DECRBY": Command(lambda session, key, by: strings.add(session, key, -integer(by)), 3, WRITE, (1, 1, 1)),
    b"DEL": Command(strings.delete, -2, "write", (1, -1, 1)),
    b"ECHO": Command(own.echo, 2),
    b"EXISTS": Command(strings.exists, -2, READ, (1, -1, 1)),
    b"EXPIRE": Command(strings.expire, 3, "write fast", (1, 1, 1)),
    b"FLUSHDB": Command(flushdb, -1, "write"),
    b"GET": Command(strings.get, 2, READ, (1, 1, 1)),
    b"HELLO": Command(own.hello, -1),
    b"INCR": Command(lambda session, key: strings.add(session, key, 1), 2, WRITE, (1, 1, 1)),
    b"INCRBY": Command(lambda session, key, by: strings.add(session, key, integer(by)), 3, WRITE, (1, 1, 1)),
    b"INFO": Command(info, -1),
    b"KEYS": Command(strings.keys, 2, "readonly"),
    b"MGET": Command(strings.mget, -2, READ, (1, -1, 1)),
    b"MSET": Command(strings.mset, -3, "write denyoom", (1, -1, 2)),
    b"PING": Command(own.ping, -1),
    b"QUIT": Command(own.quit_, -1),
    b"SCAN": Command(strings.scan, -2, "readonly"),
    b"SELECT": Command(own.select, 2),
    b"SET": Command(strings.set_, -3, WRITE, (1, 1, 1)),
    b"TTL": Command(strings.ttl, 2, READ, (1, 1, 1)),
}
