"""Handlers that ask httpd about users."""

import ast
import base64
import os
from typing import Any

from mod_python import apache


async def asks(conn: apache.AsyncConnection) -> None:
    "Each line is the arguments of authorize(), or asks for the child's pid; the answer is a line."
    async for line in conn:
        if line == b"pid\n":
            await conn.write(f"{os.getpid()}\n")
            continue
        try:
            answer: Any = await conn.authorize(*ast.literal_eval(line.decode()))
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        await conn.write(f"{answer!r}\n")


def asks_here(conn: apache.Connection) -> int:
    "The same, without await."
    while line := conn.readline():
        arguments = ast.literal_eval(line.decode())
        conn.write(f"{conn.authorize(*arguments)!r}\n")
    return apache.OK


async def alive(conn: apache.AsyncConnection) -> None:
    "As an SMTP server would: the connection is none the worse for it."
    async for line in conn:
        before = (conn.keepalive, conn.aborted, conn.protocol, len(conn.notes.items()), conn.client_addr)
        user = await conn.authorize("/file/", *line.decode().split())
        after = (conn.keepalive, conn.aborted, conn.protocol, len(conn.notes.items()), conn.client_addr)
        await conn.write(f"{user} {before == after}\n")


def authenhandler(req: apache.Request) -> int:
    "One of Python's own; it does what it likes with the connection of the request."
    user, password = base64.b64decode(req.headers_in["Authorization"].split()[1]).decode().split(":", 1)
    req.write("this must not be seen")
    req.connection.notes["seen"] = "here"
    req.connection.keepalive = 1
    assert req.read() == b""
    if password == "pythonic":
        req.user = f"python-{user}"
        return apache.OK
    return apache.HTTP_UNAUTHORIZED


def check_password(req: apache.Request, user: str, password: str) -> bool:
    "Behind AuthBasicProvider python."
    return req.user == user and password == "pythonic"


def is_ann(req: apache.Request) -> bool:
    "A rule of Require python."
    return req.user == "ann"


def accesshandler(req: apache.Request) -> int:
    "Refuses when it has said too much already."
    req.write("half a response")
    req.flush()
    if req.args == "raise":
        raise ValueError("refused")
    return apache.HTTP_FORBIDDEN


def handler(req: apache.Request) -> int:
    req.log_error("let in", apache.APLOG_ERR)
    return apache.OK


def cleanuphandler(req: apache.Request) -> int:
    req.log_error(f"let go of {req.uri}", apache.APLOG_INFO)
    return apache.OK


async def whoami(conn: apache.AsyncConnection) -> None:
    line = await conn.readline()
    proxied = await conn.authorize("/ip/")
    seen = (conn.client_ip, conn.useragent_ip, conn.useragent_addr == (conn.useragent_ip, 4000))
    await conn.write(f"{seen} {proxied!r} {line!r}\n")
