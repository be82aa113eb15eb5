"""Calls a function of a handler module by the path: /call/tables/order calls tables.order(req).

Each function gives a result as handlers do, or something else, which is sent as JSON.
"""

import importlib
import json

from mod_python import apache


def handler(req: apache.Request) -> object:
    module, name = req.uri.removeprefix("/call/").split("/")[:2]
    result = getattr(importlib.import_module(module), name)(req)
    if type(result) is int:
        return result
    req.content_type = "application/json"
    req.write(json.dumps(result), flush=False)
    return apache.OK
