"""Responses written in each way; called by call_by_path."""

import array
import gc
import time

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache

BIG = 1 << 20


def kinds(req: apache.Request) -> int:
    for data in ("é ", b"\xff\x00 ", bytearray(b"array "), memoryview(b"xviewx")[1:5], "", b""):
        req.write(data, flush=False)
    req.write(" last")
    return apache.OK


def views(req: apache.Request) -> int:
    "A view of other items than bytes, and one with gaps, are their bytes in order."
    req.write(memoryview(b"a-b-c-")[::2], flush=False)
    req.write(array.array("H", [0x4241, 0x4443]), flush=False)
    return apache.OK


def refused(req: apache.Request) -> dict[str, str]:
    seen = {}
    for data in (1, None, ["a"], object):
        seen[str(data)] = error_of(req.write, data)
    seen["left out"] = error_of(req.write)
    return seen


def undecodable(req: apache.Request) -> int:
    "What came as raw bytes goes as raw bytes."
    req.write(b"caf\xe9".decode("utf-8", "surrogateescape"), flush=False)
    return apache.OK


def buffered(req: apache.Request) -> int:
    for _ in range(5):
        req.write("0123456789", flush=False)
        req.write("0123456789", 0)  # as mod_python's users write it
    return apache.OK


def flushed(req: apache.Request) -> int:
    req.write("one,")
    req.write("two,")
    return apache.OK


def slowly(req: apache.Request) -> int:
    req.write("first")
    time.sleep(0.4)
    req.write("second", flush=False)
    req.write("third", flush=False)
    req.flush()
    time.sleep(0.4)
    return apache.OK


def flush_alone(req: apache.Request) -> int:
    req.write("a", flush=False)
    req.flush()
    req.flush()
    return apache.OK


def own_length(req: apache.Request) -> int:
    req.set_content_length(8)
    req.write("1234")
    req.write("5678")
    return apache.OK


def bad_length(req: apache.Request) -> str:
    try:
        req.set_content_length(-1)
    except ValueError as error:
        return str(error)
    return "accepted"


def late_header(req: apache.Request) -> int:
    req.headers_out["X-Early"] = "yes"
    req.write("out")
    req.headers_out["X-Late"] = "yes"
    return apache.OK


def big_and_gone(req: apache.Request) -> int:
    "The objects die, and their memory is used again, while the client still reads."
    for number in range(4):
        data = bytes([65 + number]) * BIG
        req.write(data, flush=False)
        del data
        junk = [b"x" * BIG for _ in range(2)]
        junk.clear()
        gc.collect()
    return apache.OK


def overwritten(req: apache.Request) -> int:
    data = bytearray(b"a" * BIG)
    for letter in (b"b", b"c", b"d"):
        req.write(data, flush=False)
        data[:] = letter * BIG
    req.write(data, flush=False)
    return apache.OK


def endless(req: apache.Request) -> int:
    try:
        while True:
            req.write(b"x" * 65536)
    except OSError as error:
        apache.log_error(f"endless: {error}", apache.APLOG_NOTICE)
        raise


def chunks(req: apache.Request) -> int:
    for number in range(3000):
        req.write(f"{number}\n", flush=False)
    return apache.OK
