"""For restarts: who answers, slowly if asked for."""

import os
import threading
import time

from mod_python import apache

started = time.time()


def handler(req: apache.Request) -> int:
    if req.args:
        req.write("begun ")
        time.sleep(float(req.args))
    req.write(f"{os.getpid()} end")
    return apache.OK


def threads(req: apache.Request) -> int:
    "Threads that nobody ends: one that waits, one that works."

    def work() -> None:
        while True:
            sum(range(1000))

    threading.Thread(target=time.sleep, args=(3600,)).start()
    threading.Thread(target=work, daemon=True).start()
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
