"""Handlers that answer with a status of their own: the number that the query says."""

from mod_python import apache


def number(req: apache.Request) -> int:
    return int(req.args or 0)


def sets(req: apache.Request) -> int:
    req.status = number(req)
    req.write(f"line {req.status_line}")
    return apache.OK


def raises(req: apache.Request) -> int:
    req.write("h", flush=False)
    raise apache.SERVER_RETURN(apache.OK, number(req))


def says(req: apache.Request) -> int:
    req.status_line = f"{number(req)} Own Words"
    req.status = number(req)
    req.write("h")
    return apache.OK


def changes(req: apache.Request) -> int:
    """Set another one first, and take back a line."""
    req.status = 498
    req.status_line = f"{number(req)} Own Words"
    req.status_line = None
    req.write("h")
    return apache.OK


def known(req: apache.Request) -> int:
    req.status = 499
    req.status = number(req)
    req.write("h")
    return apache.OK
