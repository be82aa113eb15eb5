"""Handlers that fail in each way."""

import sys
import traceback

from mod_python import apache


class ShopError(Exception):
    pass


class TextlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def before(req: apache.Request) -> int:
    req.content_type = "text/x-lost"
    req.headers_out["X-Lost"] = "1"
    req.write("not sent", flush=False)
    raise ShopError("closed")


def late(req: apache.Request) -> int:
    req.write("first part")
    req.write("second part, not flushed", flush=False)
    raise ShopError("too late")


def late_with_length(req: apache.Request) -> int:
    req.set_content_length(1000)
    req.write("first part")
    raise ShopError("too late")


def late_status(req: apache.Request) -> int:
    req.write("first part")
    return apache.HTTP_NOT_FOUND


def markup(req: apache.Request) -> int:
    raise ShopError("<script>alert('&')</script> \"quoted\"")


def exits(req: apache.Request) -> int:
    sys.exit(3)


def interrupted(req: apache.Request) -> int:
    raise KeyboardInterrupt


def generator_exit(req: apache.Request) -> int:
    raise GeneratorExit


def chained(req: apache.Request) -> int:
    try:
        raise LookupError("the cause")
    except LookupError as error:
        raise ShopError("the effect") from error


def group(req: apache.Request) -> int:
    raise ExceptionGroup("several", [ShopError("one"), KeyError("two")])


def without_text(req: apache.Request) -> int:
    raise TextlessError


def recursion(req: apache.Request) -> int:
    return recursion(req)


def os_error(req: apache.Request) -> int:
    with open("/nonexistent"):
        return apache.OK


def noted(req: apache.Request) -> int:
    error = ShopError("with a note")
    error.add_note("look under the counter")
    raise error


def long(req: apache.Request, depth: int = 200) -> int:
    # Two lines that take turns: Python shows them all.
    if depth % 2:
        return long(req, depth - 1)
    if depth:
        return long(req, depth - 1)
    raise ShopError(f"at depth {depth}")


def wordy(req: apache.Request) -> int:
    raise ShopError("x" * 100_000)


def unreported(req: apache.Request) -> int:
    def broken(*args: object, **named: object) -> list[str]:
        traceback.format_exception = original
        raise RuntimeError("no traceback for you")

    original, traceback.format_exception = traceback.format_exception, broken
    raise ShopError("hidden")


not_callable = 3


class Shop:
    """It is called with the request, and does not take it."""

    def handler(self, req: apache.Request) -> int:  # noqa: ARG002
        return apache.OK
