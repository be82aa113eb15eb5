"""Large and endless responses, and filters that take part in them."""

import gc

from mod_python import apache

PIECE = 100_000


class Marked:
    """Something that a filter holds; `alive` counts them."""

    alive = 0

    def __init__(self) -> None:
        Marked.alive += 1

    def __del__(self) -> None:
        Marked.alive -= 1


def pieces(req: apache.Request) -> int:
    """So many pieces of 100 kB, each with a content of its own."""
    req.content_type = "application/octet-stream"
    for number in range(int(req.args or 0)):
        req.write(b"%07d " % number * (PIECE // 8), False)
    return apache.OK


def flushes(req: apache.Request) -> int:
    req.content_type = "text/plain"
    for _ in range(int(req.args or 0)):
        req.write("line\n")
    return apache.OK


def alive(req: apache.Request) -> int:
    gc.collect()
    req.write(str(Marked.alive))
    return apache.OK


def mark(filter: apache.Filter) -> None:
    if not hasattr(filter, "mark"):
        filter.mark = Marked()
        filter.itself = filter
    while chunk := filter.read():
        filter.write(chunk)


def reverse_pieces(filter: apache.Filter) -> None:
    """Write new bytes for each piece, forget them, and put others into the memory that is free then."""
    while chunk := filter.read():
        new = chunk[::-1]
        size = len(new)
        filter.write(new)
        del new, chunk
        gc.collect()
        bytearray(b"!" * size)


def many_flushes(filter: apache.Filter) -> None:
    if filter.read() is None:
        for _ in range(10_000):
            filter.write(b"line\n")
            filter.flush()


def endless(filter: apache.Filter) -> None:
    filter.read()
    try:
        while True:
            filter.write(b"x" * 50_000)
    except OSError as error:
        print("stopped by", error)
        raise


def stubborn(filter: apache.Filter) -> None:
    """Go on although writing fails."""
    print("called")
    while chunk := filter.read():
        try:
            filter.write(chunk)
        except OSError:
            print("not written")


def counting(filter: apache.Filter) -> None:
    filter.count = getattr(filter, "count", 0)
    try:
        while chunk := filter.read():
            filter.count += len(chunk)
            filter.write(chunk)
    except OSError:
        print("bytes:", filter.count)
        raise
