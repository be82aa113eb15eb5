"""Options of a server that code of PythonImport writes, to pass data on to handlers, as with mod_python 3.5."""

import json

from mod_python import apache

first = apache.main_server.get_options()
first["made"] = "at the start"
assert apache.main_server.get_options()["made"] == "at the start"


def more() -> None:
    """Write from a function, and perhaps another interpreter."""
    apache.main_server.get_options()[apache.interpreter] = "called"


def handler(req: apache.Request) -> int:
    """Answer what there is, and write into the answer, which changes nothing."""
    options = req.server.get_options()
    req.write(json.dumps(dict(options)))
    options["made"] = "by a request"
    first["late"] = "by a request"
    return apache.OK
