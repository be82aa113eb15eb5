"""Output filters that do one simple thing each."""

import re

from mod_python import apache

WORD = re.compile(rb"secret")


def upper(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk.upper())


def by_line(filter: apache.Filter) -> None:
    while line := filter.readline():
        filter.write(b"[" + line.rstrip(b"\n") + b"]")


def single_read(filter: apache.Filter) -> None:
    # The shortest filter there is: one read() per call, of at most 4 bytes.
    if data := filter.read(4):
        filter.write(data.upper())


def classic(filter: apache.Filter) -> None:
    # The filter of mod_python's manual, close() included.
    s = filter.read()
    while s:
        filter.write(s.upper())
        s = filter.read()
    if s is None:
        filter.close()


def frame(filter: apache.Filter) -> None:
    """Put < before and > behind the body."""
    if not hasattr(filter, "begun"):
        filter.begun = True
        filter.write(b"<")
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.write(b">")


def hide(filter: apache.Filter) -> None:
    """Replace a word, wherever it is cut."""
    held = getattr(filter, "held", b"")
    while chunk := filter.read():
        text = WORD.sub(b"...", held + chunk)
        keep = next((n for n in range(5, 0, -1) if text.endswith(b"secret"[:n])), 0)
        filter.write(text[: len(text) - keep])
        held = text[len(text) - keep :]
    if chunk is None:
        filter.write(held)
    filter.held = held


def tail(filter: apache.Filter) -> None:
    """Keep everything until the end."""
    while chunk := filter.read():
        filter.held = getattr(filter, "held", b"") + chunk
    if chunk is None:
        filter.write(getattr(filter, "held", b"").upper() + b"!")


def events(filter: apache.Filter) -> None:
    """Log what read() gives, call by call."""
    seen: list[bytes | None] = []
    while len(seen) < 20:
        data = filter.read()
        seen.append(data)
        if not data:
            break
        filter.write(data)
    print("events:", *seen)


def reads_none(filter: apache.Filter) -> None:
    print("called")


def reads_one(filter: apache.Filter) -> None:
    """Read one piece, then never again."""
    if not hasattr(filter, "done"):
        filter.done = True
        filter.write((filter.read() or b"").upper())


def pass_on(filter: apache.Filter) -> None:
    filter.pass_on()


def pass_on_after_read(filter: apache.Filter) -> None:
    filter.write((filter.read(2) or b"").upper())
    filter.pass_on()


def disable(filter: apache.Filter) -> None:
    filter.disable()


def disable_later(filter: apache.Filter) -> None:
    """Step out once the first brigade is through."""
    while chunk := filter.read():
        filter.write(chunk.upper())
    filter.disable()


def close_early(filter: apache.Filter) -> None:
    filter.write((filter.read(3) or b"").upper())
    filter.close()


def unchanged(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk)


def flushes(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk.upper())
        filter.flush()


def count(filter: apache.Filter) -> None:
    """Log at the end how many pieces there were."""
    pieces = getattr(filter, "pieces", 0)
    while chunk := filter.read():
        pieces += 1
        filter.write(chunk)
    filter.pieces = pieces
    if chunk is None:
        print("pieces:", pieces)


def writes(filter: apache.Filter) -> None:
    """Write all that can be written."""
    data = bytearray(b"array ")
    filter.write("täxt ")
    filter.write(data)
    data[:] = b"WRONG "
    filter.write(memoryview(b"a view of it "[:7]))
    filter.write(b"")
    filter.write("")
    filter.write(b"bytes")
    filter.pass_on()


def sizes(filter: apache.Filter) -> None:
    """Ask in several ways and log the lengths of the answers."""
    if hasattr(filter, "done"):
        return
    filter.done = True
    answers = [
        filter.read(5),
        filter.read(0),
        filter.read(-1),
        filter.read(10**9),
        filter.readline(7),
        filter.readline(),
    ]
    print("sizes:", *(len(answer or b"") for answer in answers))
