"""One of several modules of the same name: a copy for each interpreter has another NAME."""

import datetime
import decimal
import json
import os
import sqlite3
import sys
import threading
import time

from mod_python import apache

NAME = "?"

counted = 0
lock = threading.Lock()


def handler(req: apache.Request) -> int:
    global counted
    with lock:
        counted += 1
        number = counted
    body = req.read().decode()
    req.write(f"{NAME} {apache.interpreter} {req.interpreter} {number} {req.content_type} {body}\n", flush=False)
    return apache.OK


def typehandler(req: apache.Request) -> int:
    req.content_type = f"text/x-{NAME}"
    return apache.DECLINED


def outputfilter(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.write(f"out {NAME}\n")


def inputfilter(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk.replace(b"?", NAME.encode()))


def connectionhandler(conn: apache.Connection) -> int:
    while line := conn.readline():
        conn.write(f"{NAME} {apache.interpreter} ".encode() + line)
    return apache.OK


def busy(req: apache.Request) -> int:
    "Works without a pause, as much as the query says in seconds."
    end = time.monotonic() + float(req.args or 1)
    while time.monotonic() < end:
        sum(range(1000))
    req.write("done", flush=False)
    return apache.OK


def extensions(req: apache.Request) -> int:
    "C extension modules of the standard library, in use in each interpreter."
    database = sqlite3.connect(":memory:")
    database.execute("create table t (name text, price text)")
    price = decimal.Decimal("1.10") * 3
    database.execute("insert into t values (?, ?)", (NAME, str(price)))
    day = datetime.date(2024, 2, 28) + datetime.timedelta(days=1)
    [row] = database.execute("select name, price, upper('é') from t")
    req.write(json.dumps([*row, day.isoformat()]), flush=False)
    return apache.OK


def threads(req: apache.Request) -> int:
    "A thread of Python's own works in the interpreter that started it."
    seen: list[str] = []

    def work() -> None:
        seen.append(f"{NAME} {apache.interpreter} {counted >= 0} {sys.modules[__name__].NAME}")

    all_threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()
    req.write("\n".join(seen), flush=False)
    return apache.OK


def environment(req: apache.Request) -> int:
    seen = {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "version": list(sys.version_info[:2]),
        "encoding": sys.getfilesystemencoding(),
        "default": sys.getdefaultencoding(),
        "fsencode": os.fsencode("é").hex(),
        "argv": sys.argv,
        "utf8": sys.flags.utf8_mode,
        "path": sys.path,
        "path first": os.environ.get("PATH", "").split(":")[0],
        "locale": os.environ.get("LC_ALL"),
    }
    req.write(json.dumps(seen), flush=False)
    return apache.OK
