"""Input filters that keep, change, shorten, extend, refuse and abandon bodies."""

import zlib

from mod_python import apache


def unchanged(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data)


def upper(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data.upper())


def half(filter: apache.Filter) -> None:
    """Drop every other byte of each piece."""
    while data := filter.read():
        filter.write(data[::2])


def double(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data + data)


def tail(filter: apache.Filter) -> None:
    """Add an end of its own."""
    while data := filter.read():
        filter.write(data)
    if data is None:
        filter.write("<tail>")


def brackets(filter: apache.Filter) -> None:
    """Put brackets around all of it, but not around the pieces it comes in."""
    if not hasattr(filter, "opened"):
        filter.opened = True
        filter.write("[")
    while data := filter.read():
        filter.write(data)
    if data is None:
        filter.write("]")


def one_read(filter: apache.Filter) -> None:
    """Read one small piece a call, and leave the rest for the next one."""
    if data := filter.read(10):
        filter.write(data.upper())


def by_lines(filter: apache.Filter) -> None:
    while line := filter.readline():
        filter.write(b">" + line)


def absorb(filter: apache.Filter) -> None:
    """Give nothing out before the end, then how much it was, and a checksum."""
    filter.crc, filter.size = getattr(filter, "crc", 0), getattr(filter, "size", 0)
    while data := filter.read():
        filter.crc = zlib.crc32(data, filter.crc)
        filter.size += len(data)
    if data is None:
        filter.write(f"{filter.size} {filter.crc}\n")


def bomb(filter: apache.Filter) -> None:
    """Make a thousand bytes of each."""
    while data := filter.read(1000):
        filter.write(data * 1000)


def asks(filter: apache.Filter) -> None:
    """Tell how the caller reads, before what is read."""
    data = filter.read()
    if data:
        filter.write(f"<{filter.mode},{filter.block},{filter.readbytes}>")
        filter.write(data)


def close_at_once(filter: apache.Filter) -> None:
    filter.close()


def close_after_one(filter: apache.Filter) -> None:
    filter.write(filter.read(1) or b"")
    filter.close()


def close_after_line(filter: apache.Filter) -> None:
    filter.write(filter.readline() or b"")
    filter.close()


def raise_at_once(filter: apache.Filter) -> None:
    raise ValueError("bad filter")


def raise_after_one(filter: apache.Filter) -> None:
    filter.write(filter.read(1) or b"")
    raise ValueError("bad filter")


def raise_at_end(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data)
    if data is None:
        raise ValueError("bad filter")


def disable_at_once(filter: apache.Filter) -> None:
    filter.disable()


def disable_after_one(filter: apache.Filter) -> None:
    filter.write((filter.read(1) or b"").upper())
    filter.disable()


def pass_on(filter: apache.Filter) -> None:
    filter.pass_on()


def reads_nothing(filter: apache.Filter) -> None:
    pass


def refuse(filter: apache.Filter) -> None:
    """Raise what the option `status` says."""
    raise apache.SERVER_RETURN(int(filter.req.get_options()["status"]))


def refuse_bad_words(filter: apache.Filter) -> None:
    """Raise what the option `status` says when something bad comes along."""
    while data := filter.read():
        if b"bad" in data:
            raise apache.SERVER_RETURN(int(filter.req.get_options()["status"]))
        filter.write(data)


def greedy(filter: apache.Filter) -> None:
    """Read on after b"", to the end."""
    body = b""
    while (data := filter.read()) is not None:
        body += data
    filter.write(body.upper())
