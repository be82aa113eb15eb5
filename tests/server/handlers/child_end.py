"""Leaves calls for the end of a child; called by call_by_path."""

import os
import sys
import time
from typing import Any

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache


def at_end(data: Any) -> None:
    print(f"end of {os.getpid()}: {data}", file=sys.stderr)


def fails(data: Any) -> None:
    raise ValueError(f"at the end: {data}")


def returns(data: Any) -> None:
    raise apache.SERVER_RETURN(apache.HTTP_NOT_FOUND)


def register(req: apache.Request) -> list[str]:
    apache.register_cleanup(at_end)
    apache.register_cleanup(at_end, ("one", "tuple"))
    apache.register_cleanup(returns)
    apache.register_cleanup(fails, data="last words")
    apache.register_cleanup(lambda _: at_end(apache.interpreter))
    return [error_of(apache.register_cleanup, 3), str(os.getpid())]


def sleeps(req: apache.Request) -> int:
    apache.register_cleanup(at_end, "asleep")
    req.kept = [req]
    apache.log_error("sleeps", apache.APLOG_NOTICE)
    time.sleep(30)
    return apache.OK


def works(req: apache.Request) -> int:
    apache.register_cleanup(at_end, "at work")
    req.kept = [req]
    apache.log_error("works", apache.APLOG_NOTICE)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        req.kept.append([1])
    return apache.OK


def reads(req: apache.Request) -> int:
    apache.register_cleanup(at_end, "waiting")
    apache.log_error("reads", apache.APLOG_NOTICE)
    req.read()
    return apache.OK
