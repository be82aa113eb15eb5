"""For restarts: who answers, slowly if asked for."""

import os
import time

from mod_python import apache

started = time.time()


def handler(req: apache.Request) -> int:
    if req.args:
        req.write("begun ")
        time.sleep(float(req.args))
    req.write(f"{os.getpid()} end")
    return apache.OK


def outputfilter(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk.upper())


def starred(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.write("*")


def connectionhandler(conn: apache.Connection) -> int:
    while line := conn.readline():
        conn.write(line)
    return apache.OK
