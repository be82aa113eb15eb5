"""What the module's classes and functions are really like, as JSON for test_stubs."""

import inspect
import json
from typing import Any

from mod_python import _apache, apache


def handler(req: apache.Request) -> int:
    tell(req, {"names": {name: describe(_apache, name) for name in own_names(_apache)}})
    for thing in (req, req.connection, req.server, req.hlist, req.finfo, req.notes, apache.FileBucket(__file__)):
        tell(req, members(thing))
    return apache.OK


def outputfilter(filter: apache.Filter) -> None:
    while filter.read():
        pass
    if not filter.closed:
        tell(filter, members(filter))
        filter.close()


def tell(out: apache.Request | apache.Filter, what: object) -> None:
    out.write(json.dumps(what) + "\n")


def own_names(thing: object) -> list[str]:
    return [name for name in vars(thing) if not name.startswith("__") or name in SPECIAL]


SPECIAL = {f"__{name}__" for name in "new eq len getitem setitem delitem contains iter next aiter".split()}


def members(thing: object) -> dict[str, Any]:
    described = {name: describe(thing, name) for name in own_names(type(thing))}
    return {class_name(thing): described}


def class_name(thing: object) -> str:
    kind = type(thing)
    return next((name for name, value in vars(apache).items() if value is kind), kind.__name__)


def describe(thing: object, name: str) -> dict[str, Any]:
    value = getattr(thing, name)
    if name in SPECIAL:
        return {}
    if isinstance(value, type):
        return {"doc": value.__doc__}
    if callable(value) and not inspect.isgetsetdescriptor(getattr(type(thing), name, None)):
        parameters = inspect.signature(value).parameters.values()
        return {
            "doc": value.__doc__,
            "parameters": {one.name: one.default is not one.empty for one in parameters},
        }
    doc = getattr(getattr(type(thing), name, None), "__doc__", None)
    return {"doc": doc, "type": class_name(value), "writable": is_writable(thing, name, value)}


def is_writable(thing: object, name: str, value: object) -> bool:
    try:
        setattr(thing, name, value)
    except AttributeError:
        return False
    except (TypeError, RuntimeError):
        pass  # some that may be None cannot be set to it; some can be set elsewhere
    return True
