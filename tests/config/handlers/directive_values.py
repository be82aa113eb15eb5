"""Tells what directives hold, and which interpreter runs."""

import json
import sys

from mod_python import apache


def handler(req: apache.Request) -> int:
    said = {
        "config": {key: value for key, value in req.get_config().items() if key != "PythonPath"},
        "server": {key: value for key, value in req.server.get_config().items() if key != "PythonPath"},
        "options": dict(req.get_options()),
        "interpreter": req.interpreter,
        "same": req.interpreter == apache.interpreter,
    }
    req.write(json.dumps(said), flush=False)
    return apache.OK


def optimize(req: apache.Request) -> int:
    req.write(f"{sys.flags.optimize} {handler.__doc__} {optimize.__name__}", flush=False)
    assert not req, "is left out"
    return apache.OK


def none(req: apache.Request) -> None:
    return None


def imported() -> None:
    apache.log_error(f"imported in {apache.interpreter}", apache.APLOG_NOTICE)


def imported_too() -> None:
    apache.log_error(f"imported too in {apache.interpreter}", apache.APLOG_NOTICE)


def failing() -> None:
    raise LookupError("at the start")


def is_imported(req: apache.Request) -> int:
    req.write(f"{'imported_at_start' in sys.modules}", flush=False)
    return apache.OK


def extension(req: apache.Request) -> int:
    req.write(f"{req.extension}", flush=False)
    return apache.OK


def debugged(req: apache.Request) -> int:
    answer = 41
    req.write(f"the answer is {answer}", flush=False)
    return apache.OK
