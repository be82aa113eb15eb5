"""Connection handlers."""

import sys
import time

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache

BIG = 1 << 20


def echo(conn: apache.Connection) -> int:
    while line := conn.readline():
        conn.write(b"<" + line + b">")
    conn.write(f"end {error_of(conn.readline)}, {error_of(conn.read)}")
    return apache.OK


def limited(conn: apache.Connection) -> int:
    pieces = []
    while piece := conn.readline(4):
        pieces.append(piece.decode())
    conn.write("|".join(pieces))
    return apache.OK


def reads(conn: apache.Connection) -> int:
    "Whatever way it is read in, nothing is lost between the ways."
    seen = [conn.read(3), conn.readline(), conn.read(1), conn.readline(2), conn.read(-1), conn.read(5)]
    conn.write(repr(seen))
    return apache.OK


def nothing(conn: apache.Connection) -> int:
    "A read of 0 bytes does not wait, and does not count as one that tells of the end."
    seen = [conn.read(0), conn.readline(0), conn.readline(), conn.readline(0), conn.readline(10)]
    seen += [conn.read(0), conn.read(), conn.read(0), conn.readline(0)]
    conn.write(repr(seen))
    return apache.OK


def at_once(conn: apache.Connection) -> int:
    "read(n) does not wait for n bytes."
    conn.write(b"[" + conn.read(100) + b"]")
    conn.write(b"[" + conn.read() + b"]")
    return apache.OK


def timed_out(conn: apache.Connection) -> int:
    begin = time.monotonic()
    said = error_of(conn.readline)
    conn.write(f"{time.monotonic() - begin:.1f} {said}")
    return apache.OK


def greets(conn: apache.Connection) -> int:
    conn.write("hello\n")
    conn.write(b"you said " + conn.readline())
    return apache.OK


def fails(conn: apache.Connection) -> int:
    conn.write("before\n")
    raise ValueError("in the middle")


def exits(conn: apache.Connection) -> int:
    sys.exit("out")


def gives_nothing(conn: apache.Connection) -> None:
    conn.write("something\n")


def returns(conn: apache.Connection) -> int:
    conn.write("returned\n")
    raise apache.SERVER_RETURN(apache.OK)


def declines(conn: apache.Connection) -> int:
    conn.log_error("asked", apache.APLOG_NOTICE)
    return apache.DECLINED


def raises_declined(conn: apache.Connection) -> int:
    raise apache.SERVER_RETURN(apache.DECLINED)


def never(conn: apache.Connection) -> int:
    conn.write("a second handler was called\n")
    return apache.OK


def writes_on(conn: apache.Connection) -> int:
    "Writes until it raises."
    try:
        while True:
            conn.write(b"x" * 65536)
    except ConnectionError as error:
        conn.log_error(f"gone: {error}; aborted {conn.aborted}", apache.APLOG_NOTICE)
    return apache.OK


def big(conn: apache.Connection) -> int:
    data = bytearray(b"a" * BIG)
    conn.write(bytes(data))
    for letter in (b"b", b"c", b"d"):
        data[:] = letter * BIG
        conn.write(data)
    return apache.OK


def types(conn: apache.Connection) -> int:
    conn.write("é ")
    conn.write(b"bytes ")
    conn.write(bytearray(b"array "))
    conn.write(memoryview(b"view "))
    conn.write(b"")
    for wrong in (1, None):
        conn.write(error_of(conn.write, wrong) + "\n")
    conn.write(error_of(conn.write) + "\n")
    return apache.OK


def tells(conn: apache.Connection) -> int:
    conn.notes["a"] = "b"
    seen = {
        "client": [conn.client_ip, conn.remote_ip, conn.client_addr == conn.remote_addr, conn.client_addr[0]],
        "port": conn.client_addr[1],
        "local": [conn.local_ip, conn.local_addr],
        "names": [conn.remote_host, conn.remote_logname],
        "state": [conn.aborted, conn.keepalive == apache.AP_CONN_UNKNOWN, conn.keepalives, type(conn.id).__name__],
        "server": [conn.base_server.server_hostname, conn.base_server.timeout, dict(conn.base_server.get_options())],
        "notes": conn.notes["a"],
        "errors": [error_of(setattr, conn, "client_ip", "x"), error_of(delattr, conn, "keepalive")],
    }
    conn.keepalive = apache.AP_CONN_CLOSE
    conn.write(repr(seen))
    return apache.OK


def prints(conn: apache.Connection) -> int:
    print("printed for a connection")
    conn.log_error("logged for a connection")
    return apache.OK
