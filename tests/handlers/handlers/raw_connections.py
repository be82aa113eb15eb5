"""Handlers that take the bytes of their connection from HTTP."""

import os
from collections.abc import Callable
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache

HEAD = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"


def echo(req: apache.Request) -> int:
    "Answers by itself, and then each line."
    conn = req.connection
    conn.write(HEAD)
    req.status = 101  # for the access log
    while line := conn.readline():
        conn.write(line.upper())
    conn.write("end")
    return apache.OK


def reads(req: apache.Request) -> int:
    "What the client has sent early, in pieces of all kinds."
    conn = req.connection
    pieces = [conn.read(3), conn.readline(), conn.readline(2), conn.read()]
    while data := conn.read(4):
        pieces.append(data)
    conn.write(repr(b"|".join(pieces)))
    conn.write(f" then {error_of(conn.read)}")
    return apache.OK


def queued(req: apache.Request) -> int:
    req.headers_out["X-Mine"] = "1"
    req.write("one ", 0)
    req.write("two ", 0)
    req.connection.write("raw")
    return apache.OK


def started(req: apache.Request) -> int:
    req.write("chunk")
    req.connection.write("raw")
    return apache.OK


def with_length(req: apache.Request) -> int:
    req.set_content_length(100)
    req.write("a part")
    req.connection.write("raw")
    return apache.OK


def _leave(req: apache.Request) -> None:
    req.connection.write("raw")


def ok(req: apache.Request) -> int:
    _leave(req)
    return apache.OK


def declined(req: apache.Request) -> int:
    _leave(req)
    return apache.DECLINED


def done(req: apache.Request) -> int:
    _leave(req)
    req.assbackwards = 1  # as pywebsocket does
    return apache.DONE


def forbidden(req: apache.Request) -> int:
    _leave(req)
    return apache.HTTP_FORBIDDEN


def returned(req: apache.Request) -> int:
    _leave(req)
    raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)


def raises(req: apache.Request) -> int:
    _leave(req)
    raise LookupError("late")


def nothing(req: apache.Request) -> None:
    _leave(req)


def next_one(req: apache.Request) -> int:
    req.connection.write("next")
    return apache.OK


def goes_on(req: apache.Request) -> int:
    "Nothing of HTTP goes on, and the connection cannot be kept."
    _leave(req)
    conn = req.connection
    calls: list[Callable[[], Any]] = [
        lambda: req.write("x"),
        req.flush,
        lambda: req.sendfile(__file__),
        lambda: req.internal_redirect("/plain"),
        lambda: setattr(conn, "keepalive", apache.AP_CONN_KEEPALIVE),
    ]
    conn.write("\n".join(error_of(call) for call in calls))
    conn.keepalive = apache.AP_CONN_CLOSE
    return apache.OK


def wrong(req: apache.Request) -> int:
    "A wrong argument takes nothing."
    conn: Any = req.connection
    calls = [lambda: conn.read("5"), lambda: conn.readline("5"), lambda: conn.write(5), lambda: conn.write("\ud800")]
    req.write("\n".join(error_of(call).partition(":")[0] for call in calls))
    return apache.OK


def refused(req: apache.Request) -> int:
    "What is raised, and that HTTP goes on."
    conn = req.connection
    errors = {error_of(conn.read), error_of(conn.readline), error_of(lambda: conn.write("raw"))}
    req.content_type = "text/plain"
    req.write("\n".join(errors))
    return apache.OK


def unread(req: apache.Request) -> int:
    "A body that is read in part, and then whole."
    text = error_of(lambda: req.connection.write("raw"))
    first = req.read(2)
    text += "\n" + error_of(lambda: req.connection.write("raw"))
    rest = req.read()
    req.connection.write(f"{text}\n{(first + rest).decode()}\n{req.connection.readline().decode()}")
    return apache.OK


def by_lines(req: apache.Request) -> int:
    "A body that is read by its length: its end need not be read."
    body = req.read(int(req.headers_in["Content-Length"]))
    req.connection.write(body)
    return apache.OK


def discarded(req: apache.Request) -> int:
    req.discard_request_body()
    req.connection.write(b"raw " + req.connection.read(4))
    return apache.OK


def waits(req: apache.Request) -> int:
    "Catches that the client is too slow."
    req.connection.write("ready ")
    req.connection.write(error_of(req.connection.read))
    return apache.OK


def slow(req: apache.Request) -> int:
    "Does not catch it."
    req.connection.write("ready")
    req.connection.read()
    return apache.OK


def lost(req: apache.Request) -> int:
    "Writes until the client is known to be gone."
    while True:
        req.connection.write(b"x" * 65536)


def forks(req: apache.Request) -> int:
    "A process that it forks has no part in the connection."
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, error_of(lambda: req.connection.write("of the fork")).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with open(reading, "rb") as pipe:
        req.connection.write(pipe.read())
    return apache.OK


def redirects(req: apache.Request) -> int:
    "The other page takes the connection; here it is over."
    req.write("not sent", 0)
    req.internal_redirect("/echo")
    req.log_error("after: " + error_of(lambda: req.connection.write("late")), apache.APLOG_INFO)
    return apache.OK


def body_and_redirect(req: apache.Request) -> int:
    req.read()
    req.internal_redirect("/echo")
    return apache.OK


def keeps(req: apache.Request) -> int:
    "A response, and a log handler and a cleanup that come too late."
    req.register_cleanup(cleaned, req)
    req.write("plain")
    return apache.OK


def logs(req: apache.Request) -> int:
    req.log_error("log: " + error_of(lambda: req.connection.write("late")), apache.APLOG_INFO)
    return apache.OK


def cleaned(req: apache.Request) -> None:
    req.log_error("cleanup: " + error_of(lambda: req.connection.write("late")), apache.APLOG_INFO)


def counts(req: apache.Request) -> int:
    req.connection.write("12345")
    req.connection.write(b"678")
    return apache.OK


def tells(req: apache.Request) -> int:
    req.log_error(f"sent {req.bytes_sent} with {req.status}", apache.APLOG_INFO)
    return apache.OK


def awaits(req: apache.Request) -> int:
    "What needs an async def connection handler."
    conn: Any = req.connection
    conn.write("")
    conn.write("\n".join(error_of(call) for call in (conn.peek, lambda: conn.sleep(0), conn.close)))
    return apache.OK


def plain(req: apache.Request) -> int:
    req.write("plain")
    return apache.OK


def outputfilter(filter: apache.Filter) -> None:
    "Marks what passes it, and tries to get the connection."
    while data := filter.read():
        filter.write(b"<" + data + b">")
    if data is None:
        filter.close()


def grabbing(filter: apache.Filter) -> None:
    "A filter, of input or output, that tries to get the connection."
    data = filter.read()
    req = filter.req
    assert req is not None
    for conn in (req.connection, filter.connection):
        req.log_error(f"{filter.name}: " + error_of(lambda c=conn: c.write("raw")), apache.APLOG_INFO)
    if data is None:
        filter.close()
    else:
        filter.write(data)
        filter.pass_on()
