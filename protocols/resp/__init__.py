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
an SQLite file that all children share; httpd's `User` must be able to write to its folder.

Commands that arrive in one read run in one transaction, up to 256 KiB of replies or 50 ms, so that
pipelining is fast. A reply is sent after its transaction is committed. KEYS and SCAN run outside of
such transactions, and KEYS lets other connections run in between. A crash of httpd loses no data; a
crash of the machine may lose the last seconds.

Limits: a command has at most `resp_longest` bytes (1 MiB), the file `resp_most` (1 GiB; then writes
are refused with OOM), a reply of KEYS or MGET 4 MiB, a pattern 256 bytes. A client that does not
read its replies is not read from. There is no AUTH: each client that can connect may read and
write. Restrict clients with SSLVerifyClient, or listen at an address such as 127.0.0.1 only.
"""

import asyncio
import itertools
import sqlite3
import time

from mod_python import apache

from .encoding import Reply, Requests, RespError, encode
from .keys import opened
from .session import Session
from .table import COMMANDS, Command

HIGH = 256 * 1024  # bytes of replies after which a transaction ends
LONG = 0.05  # seconds after which a transaction ends


async def connectionhandler(conn: apache.AsyncConnection) -> None:
    """Serve one connection: run commands until QUIT, a protocol error or the end of the input."""
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
        return  # the client hung up
    if requests.error:
        await conn.write(encode(requests.error, session.version))


async def answer(session: Session, commands: list[list[bytes]]) -> bytes:
    """Run some of the commands in one transaction, remove these from the list, and return their replies."""
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
    """Run a command within the current transaction."""
    try:
        done: Reply = command_of(words).run(session, *words[1:])
    except RespError as error:
        return error
    return done


async def slow_reply(session: Session, words: list[bytes]) -> Reply:
    """Run a command that makes transactions of its own."""
    try:
        done: Reply = await command_of(words).run(session, *words[1:])
    except RespError as error:
        return error
    except sqlite3.Error as error:
        return refusal(error)
    return done


def command_of(words: list[bytes]) -> Command:
    """Return the command of these words. Raise RespError if it is unknown or has a wrong number of arguments."""
    command = COMMANDS.get(words[0].upper())
    name = words[0][:64].decode("utf-8", "replace").lower()
    if command is None:
        given = [word[:128].decode("utf-8", "replace") for word in words[1:8]]
        args = "".join(f"'{word}' " for word in given)[:128]
        raise RespError(f"ERR unknown command '{name}', with args beginning with: {args}")
    if len(words) != command.arity and not len(words) >= -command.arity > 0:
        raise RespError(f"ERR wrong number of arguments for '{name}' command")
    return command


def refusal(error: sqlite3.Error) -> RespError:
    """Return the reply to commands whose transaction failed. Raise the error again if Redis has no reply for it."""
    match error.sqlite_errorname:
        case "SQLITE_FULL":
            return RespError(
                "OOM command not allowed when used memory > 'maxmemory': the file is as large as resp_most"
            )
        case "SQLITE_BUSY":
            return RespError("BUSY the file is locked by another process")
        case _:
            raise error
