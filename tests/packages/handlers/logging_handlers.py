"""Logs in each way."""

import logging
import sys
import threading

from mod_python import apache
from mod_python.logging import ErrorLogHandler, httpd_level

shop = logging.getLogger("shop")
shop.propagate = False
shop.setLevel(1)
shop.addHandler(ErrorLogHandler())


def levels(req: apache.Request) -> int:
    for level in range(1, 61):
        shop.log(level, "level %d", level)
    return apache.OK


def mapped(req: apache.Request) -> list[int]:
    return [httpd_level(level) for level in (0, 1, 2, 3, 9, 10, 19, 20, 24, 25, 29, 30, 40, 50, 99)]


def exception(req: apache.Request) -> int:
    try:
        raise ValueError("sold out")
    except ValueError:
        shop.exception("the shelf is\nempty")
    return apache.OK


def formatted(req: apache.Request) -> int:
    handler = ErrorLogHandler(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    till = logging.getLogger("till")
    till.propagate = False
    till.handlers = [handler]
    till.info("not shown")
    till.warning("odd: %r", b"caf\xe9".decode("utf-8", "surrogateescape"))
    till.warning("raw %s", b"caf\xe9".decode("utf-8", "surrogateescape"))
    return apache.OK


def broken(req: apache.Request) -> int:
    shop.error("%d bottles", "many")
    return apache.OK


class Lazy:
    shown = 0

    def __str__(self) -> str:
        Lazy.shown += 1
        return "lazy"


def costs(req: apache.Request) -> list[int]:
    Lazy.shown = 0
    shop.debug("%s", Lazy())
    before = Lazy.shown
    shop.error("%s", Lazy())
    return [before, Lazy.shown]


def in_thread(req: apache.Request) -> int:
    thread = threading.Thread(target=shop.error, args=("from a thread",))
    thread.start()
    thread.join()
    return apache.OK


def with_id(req: apache.Request) -> int:
    print("id: printed")
    print("id: on stderr", file=sys.stderr)
    shop.error("id: logged")
    req.log_error("id: by the request")
    apache.log_error("id: by the module")
    raise ValueError("id: raised")
