"""Options of a server that code of PythonImport writes, to pass data on to handlers, as with mod_python 3.5."""

import json

from error_of import error_of  # type: ignore[import-not-found]

from mod_python import apache

first = apache.main_server.get_options()
first["made"] = "at the start"
assert apache.main_server.get_options()["made"] == "at the start"


def more() -> None:
    """Write from a function, and perhaps another interpreter."""
    apache.main_server.get_options()[apache.interpreter] = "called"


def handler(req: apache.Request) -> int:
    """Answer what there is, and write into the answer, which changes nothing, and into the table of the start."""
    options = req.server.get_options()
    writes = {
        "set": error_of(first.__setitem__, "late", "by a request"),
        "add": error_of(first.add, "late", "by a request"),
        "update": error_of(first.update, {"late": "by a request"}),
        "setdefault": error_of(first.setdefault, "late", "by a request"),
        "del": error_of(first.__delitem__, "made"),
        "clear": error_of(first.clear),
        "copy": error_of(first.copy().clear),
    }
    req.write(json.dumps({"options": dict(options), "first": dict(first), "writes": writes}))
    options["made"] = "by a request"
    return apache.OK
