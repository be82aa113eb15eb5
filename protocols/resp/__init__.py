"""A store of keys and values that speaks Redis's protocol (RESP2, and RESP3 after HELLO 3).

    Listen 6379
    <VirtualHost *:6379>
        PythonConnectionHandler mod_python.protocols.resp
        PythonOption resp_database /var/lib/resp/keys.sqlite
        PythonOption resp_longest 1048576
        PythonOption resp_most 1073741824
    </VirtualHost>

Spec: https://redis.io/docs/latest/develop/reference/protocol-spec/. The commands are those of
`table.py`: PING ECHO SET GET DEL EXISTS INCR DECR INCRBY EXPIRE TTL KEYS SCAN MGET MSET INFO
COMMAND SELECT FLUSHDB DBSIZE and some of their kin, with strings as values. The keys are in
SQLite, so all children share them; their folder must be writable for `User`.

What comes in one piece is one transaction, up to 256 KiB of replies or 50 ms: pipelining is quick,
and a reply is sent when what it tells of is in the file. KEYS and SCAN are for themselves, and KEYS
lets others in between. After a crash of httpd all is there, after one of the machine all but the
last seconds.

Limits: a command has at most `resp_longest` bytes (1 MiB), the file `resp_most` (1 GiB; writes
are then refused with OOM), a reply of KEYS or MGET 4 MiB, a pattern 256 bytes. Who does not take
its replies is not read from. There are no passwords: whoever can connect reads and writes.
SSLVerifyClient, or an address such as 127.0.0.1, chooses.
"""

import asyncio
import itertools
import sqlite3
import time

from mod_python import apache

from .keys import opened
from .session import Session
from .table import COMMANDS, Command
from .wire import Reply, Requests, RespError, encode

HIGH = 256 * 1024  # so many bytes of replies are sent before the next command runs
LONG = 0.05  # seconds after which the next command is for the next transaction


async def connectionhandler(conn: apache.Connection) -> None:
    options = conn.base_server.get_options()
    keys = opened(options["resp_database"], int(options.get("resp_most", "1073741824")))
    session = Session(keys, conn.id, lambda: conn.sleep(0))
    requests = Requests(int(options.get("resp_longest", "1048576")))
    try:
        while not session.over and not requests.error:
            data = await (conn.readexactly(requests.missing) if requests.missing else conn.read())
            if not data:
                break
            commands = requests.feed(data)
            while commands and not session.over:
                await conn.write(await answer(session, commands))
                if commands:
                    await session.pause()
    except asyncio.IncompleteReadError:
        return  # nobody is left to be told
    if requests.error:
        await conn.write(encode(requests.error, session.version))


async def answer(session: Session, commands: list[list[bytes]]) -> bytes:
    """Run commands, as a whole, until it is enough for once; take them off the list."""
    known = (COMMANDS.get(words[0].upper()) for words in commands)
    quick = list(itertools.takewhile(lambda command: command is None or not command.is_slow, known))
    if not quick:
        return encode(await slow_reply(session, commands.pop(0)), session.version)
    replies: list[bytes] = []
    size, begun = 0, time.monotonic()
    try:
        with session.keys.batch(any(command.writes for command in quick if command)):
            for words, _ in zip(commands, quick, strict=False):
                replies.append(encode(reply(session, words), session.version))
                size += len(replies[-1])
                if size > HIGH or session.over or time.monotonic() > begun + LONG:
                    break
    except sqlite3.Error as error:
        replies = [encode(refusal(error), session.version)] * len(quick)
    del commands[: len(replies)]
    return b"".join(replies)


def reply(session: Session, words: list[bytes]) -> Reply:
    """Run one command."""
    try:
        done: Reply = command_of(words).run(session, *words[1:])
    except RespError as error:
        return error
    return done


async def slow_reply(session: Session, words: list[bytes]) -> Reply:
    """Run one that lets others in between."""
    try:
        done: Reply = await command_of(words).run(session, *words[1:])
    except RespError as error:
        return error
    except sqlite3.Error as error:
        return refusal(error)
    return done


def command_of(words: list[bytes]) -> Command:
    """The command that can be run with these words; raise RespError if there is none."""
    command = COMMANDS.get(words[0].upper())
    name = words[0][:64].decode("utf-8", "replace").lower()
    if command is None:
        raise RespError(f"ERR unknown command '{name}'")
    if len(words) != command.arity and not len(words) >= -command.arity > 0:
        raise RespError(f"ERR wrong number of arguments for '{name}' command")
    return command


def refusal(error: sqlite3.Error) -> RespError:
    """What clients of Redis understand of a transaction that failed."""
    match error.sqlite_errorname:
        case "SQLITE_FULL":
            return RespError("OOM command not allowed: the file has as many bytes as resp_most allows")
        case "SQLITE_BUSY":
            return RespError("BUSY another process has the file")
        case _:
            raise error
