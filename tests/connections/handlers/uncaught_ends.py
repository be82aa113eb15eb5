"""Connection handlers that are plain functions, and do not catch what ends them."""

from mod_python import apache


def reads(conn: apache.Connection) -> int:
    conn.write("begun")
    while conn.read():
        pass
    return apache.OK


def reads_lines(conn: apache.Connection) -> int:
    conn.write("begun")
    while conn.readline(100):
        pass
    return apache.OK


def manual_echo(conn: apache.Connection) -> int:
    """The echo handler of the manual of mod_python 3.5."""
    while 1:
        conn.write(conn.readline())
    return apache.OK


def manual_pieces(conn: apache.Connection) -> int:
    while 1:
        conn.write(conn.read())
    return apache.OK


def writes(conn: apache.Connection) -> int:
    while True:
        conn.write(b"begun" * 20_000)


def own_reset(conn: apache.Connection) -> int:
    raise ConnectionResetError("a database is gone")


def own_timeout(conn: apache.Connection) -> int:
    raise TimeoutError("a database is slow")


def changes_it(conn: apache.Connection) -> int:
    conn.write("begun")
    try:
        while conn.read():
            pass
    except ConnectionResetError as error:
        raise ValueError("made of a reset") from error
    return apache.OK
