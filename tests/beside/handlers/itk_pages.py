"""Pages that a process of one connection makes."""

import grp
import os
import pwd
import random

from mod_python import apache


def handler(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write(f"{apache.interpreter} {os.getpid()} {random.random()}\n")
    return apache.OK


def accesshandler(req: apache.Request) -> int:
    return apache.HTTP_FORBIDDEN


def user(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write(f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}\n")
    return apache.OK


async def echo(conn: apache.AsyncConnection) -> int:
    async for line in conn:
        await conn.write(line.upper())
    return apache.OK


def outputfilter(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data.upper())
    if data is None:
        filter.close()


def slow(filter: apache.Filter) -> None:
    while True:
        pass
