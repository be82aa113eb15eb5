"""Handlers that frame their responses wrong, and one whose response is right."""

from urllib.parse import unquote

from mod_python import apache

BODY = b"twelve bytes"


def _flushed(req: apache.Request, body: bytes = BODY) -> int:
    # The headers go out before the body is whole: httpd cannot count it.
    req.write(body[:1])
    req.flush()
    req.write(body[1:])
    return apache.OK


def length(req: apache.Request) -> int:
    """Promise as many bytes as the query says, by either way."""
    way, _, number = (req.args or "").partition("=")
    if way == "method":
        req.set_content_length(int(number))
    elif way == "header":
        req.headers_out["Content-Length"] = number
    else:
        req.err_headers_out["Content-Length"] = number
        req.headers_out["Content-Length"] = "12"
    return _flushed(req)


def late(req: apache.Request) -> int:
    """Promise three bytes, and give more only after a pause of the client's."""
    req.set_content_length(3)
    req.write(b"abc")
    req.flush()
    req.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
    return apache.OK


def refused(req: apache.Request) -> int:
    """Set the headers that the query names; answer with what they raise."""
    key, _, value = unquote(req.args or "").partition(":")
    found = []
    for table in (req.headers_out, req.err_headers_out):
        for way in ("__setitem__", "add", "setdefault", "update"):
            arguments = ({key: value},) if way == "update" else (key, value)
            try:
                getattr(table, way)(*arguments)
            except ValueError as error:
                found.append(str(error))
    req.write("\n".join(found) + "\n")
    return apache.OK


def twice(req: apache.Request) -> int:
    """Add a second length."""
    req.headers_out.add("Content-Length", "12")
    try:
        req.headers_out.add("content-length", "3")
    except ValueError as error:
        req.headers_out["X-Error"] = str(error)
    return _flushed(req)


def bare(req: apache.Request) -> int:
    """Answer without a head."""
    req.assbackwards = 1
    req.write(BODY)
    req.flush()
    return apache.OK


def own_head(req: apache.Request) -> int:
    """Answer with a head of its own, as scripts did that wanted to say all of it."""
    req.assbackwards = 1
    req.write(b"HTTP/1.1 203 Mine\r\nContent-Length: 12\r\n\r\n" + BODY)
    return apache.OK


def status(req: apache.Request) -> int:
    """Set the status that the query says."""
    try:
        req.status = int(req.args or "")
    except ValueError as error:
        req.write(str(error))
        return apache.OK
    return _flushed(req)


def returned(req: apache.Request) -> int:
    """Return the number that the query says."""
    return int(req.args or "")


def raised(req: apache.Request) -> int:
    """Raise it."""
    raise apache.SERVER_RETURN(int(req.args or ""))


def line(req: apache.Request) -> int:
    """Set it by a line."""
    req.status_line = f"{req.args} Early"
    return _flushed(req)


def reset(req: apache.Request) -> int:
    """Send headers for 204, then change the status and go on."""
    req.status = 204
    req.flush()
    req.status = 200
    return _flushed(req)


def fields(req: apache.Request) -> int:
    """Set the attribute that the query names to what no header can have; answer with what that raises."""
    value = "404 a\1b"
    try:
        setattr(req, req.args or "", [value] if req.args == "content_languages" else value)
    except ValueError as error:
        req.write(str(error))
    return apache.OK


def tabs(req: apache.Request) -> int:
    """Answer with a header that has all that one may have."""
    req.headers_out["X-Tab"] = "a\tb"
    req.headers_out["!#$%&'*+-.^_`|~"] = "\u00e9\udcff"
    req.write("ok")
    return apache.OK


def ok(req: apache.Request) -> int:
    """Answer."""
    req.content_type = "text/plain"
    req.write("next")
    return apache.OK


def change(req: apache.Request) -> int:
    """Change what the request says of its body, as the query says, before anybody has read it."""
    how, _, value = (req.args or "").partition("=")
    if how == "set":
        req.headers_in["Content-Length"] = value
    elif how == "del":
        del req.headers_in["Content-Length"]
    elif how == "pop":
        req.headers_in.pop("content-length", None)
    elif how == "clear":
        req.headers_in.clear()
    elif how == "update":
        req.headers_in.update({"CONTENT-LENGTH": value})
    elif how == "coding":
        req.headers_in["Transfer-Encoding"] = value
    elif how == "uncoded":
        del req.headers_in["Transfer-Encoding"]
    elif how == "popitem":
        while len(req.headers_in):
            req.headers_in.popitem()
    return apache.OK


def body(req: apache.Request) -> int:
    """Answer with the body of the request."""
    req.content_type = "text/plain"
    req.write(b"<" + req.read() + b">")
    return apache.OK
