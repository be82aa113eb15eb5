"""Handlers that read their request's body, in every way."""

import hashlib
import json

from mod_python import apache


def echo(req: apache.Request) -> int:
    body = req.read()
    req.content_type = "application/octet-stream"
    req.write(body)
    return apache.OK


def digest(req: apache.Request) -> int:
    """Read piece by piece."""
    md5, size = hashlib.md5(), 0
    while data := req.read(65536):
        md5.update(data)
        size += len(data)
    req.write(f"{size} {md5.hexdigest()}")
    return apache.OK


def ignore(req: apache.Request) -> int:
    req.write("ignored")
    return apache.OK


def marked(req: apache.Request) -> int:
    """Answer MARKED: only a request that was smuggled in a body asks for this page."""
    req.write("MARKED")
    return apache.OK


def genuine(req: apache.Request) -> int:
    req.write("genuine")
    return apache.OK


def refuse(req: apache.Request) -> int:
    return apache.HTTP_FORBIDDEN


def lengths(req: apache.Request) -> int:
    """Write the headers of the request about its body, and how many bytes were read, in JSON."""
    names = ("Content-Length", "Transfer-Encoding")
    headers = {name: req.headers_in.get(name) for name in names}
    req.write(json.dumps({**headers, "read": len(req.read())}))
    return apache.OK


def reads(req: apache.Request) -> int:
    """Do what the query says: r = read(), r7 = read(7), l = readline(), l7, L = readlines(), L7, d = discard."""
    got: list[list[str] | str | int] = []
    for what in (req.args or "").split(","):
        limit = int(what[1:] or -1)
        if what[0] == "r":
            got.append(req.read(limit).decode())
        elif what[0] == "l":
            got.append(req.readline(limit).decode())
        elif what[0] == "L":
            got.append([line.decode() for line in req.readlines(limit)])
        else:
            got.append(req.discard_request_body())
    req.write(json.dumps(got))
    return apache.OK


def errors(req: apache.Request) -> int:
    """Read three times a body that cannot be read, and write the exceptions that the reads raise."""
    seen = []
    for read in (req.read, req.readline, req.read):
        try:
            read()
        except apache.SERVER_RETURN as error:
            seen.append(f"SERVER_RETURN {error.args[0]}")
        except OSError as error:
            seen.append(f"{type(error).__name__}: {error}")
    req.write("\n".join(seen))
    return apache.OK


def report(req: apache.Request) -> int:
    """Write Content-Length and Transfer-Encoding of the request, a line, and its body."""
    length, coding = (req.headers_in.get(name, "none") for name in ("Content-Length", "Transfer-Encoding"))
    body = req.read()
    req.content_type = "text/plain"
    req.write(f"length {length}, coding {coding}\n")
    req.write(body)
    return apache.OK


def wsgi(req: apache.Request) -> int:
    """Write what `report` writes, from the variables and the stream of a WSGI environment."""
    environ = req.build_wsgi_env()
    assert environ is not None
    length, coding = environ.get("CONTENT_LENGTH", "none"), environ.get("HTTP_TRANSFER_ENCODING", "none")
    body = environ["wsgi.input"].read(int(length))
    assert environ["wsgi.input"].read() == b""
    req.content_type = "text/plain"
    req.write(f"length {length}, coding {coding}\n")
    req.write(body)
    return apache.OK


def cgi(req: apache.Request) -> int:
    """Write what `report` writes, from the variables of CGI."""
    environ = apache.build_cgi_env(req)
    length, coding = environ.get("CONTENT_LENGTH", "none"), environ.get("HTTP_TRANSFER_ENCODING", "none")
    body = req.read(int(length))
    assert req.read() == b""
    req.content_type = "text/plain"
    req.write(f"length {length}, coding {coding}\n")
    req.write(body)
    return apache.OK


def leave_to_lua(req: apache.Request) -> int:
    """Name the handler of another module."""
    req.handler = "lua-script"
    return apache.DECLINED
