"""Tells what configuration holds for a request."""

import json

from mod_python import apache


def handler(req: apache.Request) -> int:
    seen = {
        "options": dict(req.get_options()),
        "config": dict(req.get_config()),
        "interpreter": req.interpreter,
        "server": dict(req.server.get_options()),
        "chain": [*req.notes.get_all("chain"), "handler"],
    }
    req.write(json.dumps(seen))
    return apache.OK


def note_a(req: apache.Request) -> int:
    req.notes.add("chain", "a")
    return apache.OK


def note_b(req: apache.Request) -> int:
    req.notes.add("chain", "b")
    return apache.DECLINED


def is_set(req: apache.Request) -> int:
    "What mod_python's users do: a reader that changes what it got."
    req.get_options()["planted"] = "yes"
    req.get_config()["planted"] = "yes"
    req.server.get_options()["planted"] = "yes"
    return apache.OK


def fail(req: apache.Request) -> int:
    raise ValueError("shown when PythonDebug is On")
