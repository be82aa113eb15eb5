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

What comes in one piece is one transaction: pipelining is quick, and a reply is sent when what
it tells of is in the file. After a crash of httpd all is there, after one of the machine all
but the last seconds.

Limits: a command has at most `resp_longest` bytes (1 MiB), the file `resp_most` (1 GiB; writes
are then refused with OOM); KEYS and MGET have limits in `strings.py`. There are no passwords:
whoever can connect reads and writes. SSLVerifyClient, or an address such as 127.0.0.1, chooses.
"""

import asyncio
import sqlite3

from mod_python import apache

from .keys import opened
from .session import Session
from .table import COMMANDS, Command
from .wire import Reply, Requests, RespError, encode

HIGH = 256 * 1024  # so many bytes of replies are sent before the next command runs


async def connectionhandler(conn: apache.Connection) -> None:
    options = conn.base_server.get_options()
    keys = opened(options["resp_database"], int(options.get("resp_most", "1073741824")))
    session = Session(keys, conn.id)
    requests = Requests(int(options.get("resp_longest", "1048576")))
    try:
        while not session.over and not requests.error:
            data = await (conn.readexactly(requests.missing) if requests.missing else conn.read())
            if not data:
                break
            commands = requests.feed(data)
            while commands and not session.over:
                await conn.write(answer(session, commands))
    except asyncio.IncompleteReadError:
        return  # nobody is left to be told
    if requests.error:
        await conn.write(encode(requests.error, session.version))


def answer(session: Session, commands: list[list[bytes]]) -> bytes:
    """Run commands, as a whole, until there are enough replies for once; take them off the list."""
    known = [COMMANDS.get(words[0].upper()) for words in commands]
    replies: list[bytes] = []
    size = 0
    try:
        with session.keys.batch(any(command.writes for command in known if command)):
            for words, command in zip(commands, known, strict=True):
                replies.append(encode(reply(session, words, command), session.version))
                size += len(replies[-1])
                if size > HIGH or session.over:
                    break
    except sqlite3.Error as error:
        replies = [encode(refusal(error), session.version)] * len(commands)
    del commands[: len(replies)]
    return b"".join(replies)


def reply(session: Session, words: list[bytes], command: Command | None) -> Reply:
    """Run one command."""
    name = words[0][:64].decode("utf-8", "replace").lower()
    if command is None:
        return RespError(f"ERR unknown command '{name}'")
    if len(words) != command.arity and not len(words) >= -command.arity > 0:
        return RespError(f"ERR wrong number of arguments for '{name}' command")
    try:
        return command.run(session, *words[1:])
    except RespError as error:
        return error


def refusal(error: sqlite3.Error) -> RespError:
    """What clients of Redis understand of a transaction that failed."""
    match error.sqlite_errorname:
        case "SQLITE_FULL":
            return RespError("OOM command not allowed: the file has as many bytes as resp_most allows")
        case "SQLITE_BUSY":
            return RespError("BUSY another process has the file")
        case _:
            raise error
