"""What programs for mod_python 3 ask for besides the interface: names, texts and results."""

import ast
import json

from error_of import error_of  # type: ignore[import-not-found]

import mod_python
from mod_python import apache


def names(req: apache.Request) -> int:
    things = (req, req.server, req.connection, req.headers_in, req.finfo, req.hlist)
    told = {
        "types": [repr(type(thing)) for thing in things],
        "modules": sorted({type(thing).__module__ for thing in things}),
        "version": [mod_python.mp_version, mod_python.version.version, mod_python.__version__],
        "escaped": [apache.escape('<a href="x">\'&'), apache.escape("<'&", 0), apache.escape("<'&", quote=False)],
        "own": apache.Request is type(req),
    }
    req.write(json.dumps(told))
    return apache.OK


def outputfilter(filter: apache.Filter) -> None:
    data = filter.read()
    while data:
        filter.write(data)
        data = filter.read()
    if data is None:
        filter.write(repr(type(filter)))
        filter.close()


def login(req: apache.Request) -> int:
    "Asks for the password before the user's name, as the manual says."
    password = req.get_basic_auth_pw()
    req.write(ascii((password, req.user)))
    return apache.OK


def sets_user(req: apache.Request) -> int:
    value = ast.literal_eval(req.args or "''")
    req.user = value
    req.write(ascii(req.user))
    return apache.OK


def adds_nothing(req: apache.Request) -> int:
    "A name that an option has left empty."
    assert req.args is not None
    req.add_handler(req.args, "")
    req.write("no exception")
    return apache.OK


def adds_nothing_early(req: apache.Request) -> int:
    req.add_handler("PythonHandler", "")
    req.add_handler("PythonHandler", "old_idioms::never")
    return apache.OK


def never(req: apache.Request) -> int:
    req.write("never")
    return apache.OK


def refused(req: apache.Request) -> int:
    "Other names that are none are still refused at once."
    req.write("\n".join(error_of(req.add_handler, "PythonHandler", name) for name in ("a b", "::f")))
    return apache.OK


def body(req: apache.Request) -> int:
    "Does not catch that the body does not come."
    req.write(b"a part " if req.args == "late" else b"")
    req.write(req.read())
    return apache.OK


def wraps(req: apache.Request) -> int:
    "Makes an exception of its own of it."
    try:
        req.read()
    except OSError as error:
        raise ValueError("no upload") from error
    return apache.OK


def catches(req: apache.Request) -> int:
    try:
        req.read()
    except OSError:
        req.write("too slow")
    return apache.OK


def plain(req: apache.Request) -> int:
    req.write("plain")
    return apache.OK
