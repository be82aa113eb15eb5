"""Prints in each way; called by call_by_path."""

import faulthandler
import logging
import subprocess
import sys
import threading
import warnings

from mod_python import apache

print("printed at import")


def lines(req: apache.Request) -> int:
    print("one line")
    print("two", "words", end=" and ")
    print("an end")
    print("several\nlines\n\nat once")
    print("trouble", file=sys.stderr)
    return apache.OK


def partial(req: apache.Request) -> int:
    print("no end", end="")
    print("no end of trouble", end="", file=sys.stderr)
    return apache.OK


def interleaved(req: apache.Request) -> int:
    print("begun, ", end="")
    req.log_error("between", apache.APLOG_NOTICE)
    print("ended")
    return apache.OK


def partial_and_failure(req: apache.Request) -> int:
    print("before the failure", end="")
    raise ValueError("after the print")


def undecodable(req: apache.Request) -> int:
    print(b"caf\xe9".decode("utf-8", "surrogateescape"))
    print("é")
    print("nul \0 inside")
    return apache.OK


def long(req: apache.Request) -> int:
    print("x" * 10_000 + "|end")
    return apache.OK


def wrong(req: apache.Request) -> str:
    try:
        sys.stdout.write(b"bytes")  # type: ignore[arg-type]
    except TypeError as error:
        return str(error)
    return "accepted"


def methods(req: apache.Request) -> list[object]:
    sys.stdout.flush()
    sys.stdout.writelines(["write", "lines\n"])
    sys.stdout.close()
    print("still open")
    return [
        sys.stdout.writable(),
        sys.stdout.readable(),
        sys.stdout.isatty(),
        sys.stdout.encoding,
        sys.stdout.closed,
        sys.stderr.name,
        sys.stdout.write("four"),
        sys.__stdout__ is None or sys.__stdout__.writable(),
    ]


def as_files(req: apache.Request) -> list[object]:
    """Use them as libraries do that write bytes, or hand the descriptor on."""
    written = sys.stdout.buffer.write(b"caf\xc3"), sys.stdout.buffer.write(bytearray(b"\xa9\n"))
    sys.stderr.buffer.write(b"trouble in bytes\n")
    subprocess.run(["echo", "echo on stdout"], stdout=sys.stdout, check=True)
    subprocess.run(["sh", "-c", "echo sh on stderr >&2"], stderr=sys.stderr, check=True)
    faulthandler.dump_traceback(sys.stderr, all_threads=False)
    getattr(sys.stdout, "reconfigure")(line_buffering=True)  # noqa: B009 - typed for files only
    return [*written, sys.stdout.buffer.writable(), sys.stderr.buffer.isatty(), sys.stdout.fileno()]


def libraries(req: apache.Request) -> int:
    logging.basicConfig(force=True, format="%(levelname)s through logging: %(message)s")
    logging.getLogger("shop").warning("low on %s", "tea")
    warnings.warn("old tea", stacklevel=1)
    return apache.OK


def from_thread(req: apache.Request) -> int:
    thread = threading.Thread(target=print, args=("from a thread",))
    thread.start()
    thread.join()
    return apache.OK


def thread_dies(req: apache.Request) -> int:
    thread = threading.Thread(target=lambda: 1 / 0, name="unlucky")
    thread.start()
    thread.join()
    return apache.OK
