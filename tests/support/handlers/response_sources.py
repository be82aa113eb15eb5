"""Handlers whose responses come as streaming filters may meet them."""

import time
from collections.abc import Callable

from mod_python import apache


def fixed(req: apache.Request) -> int:
    """Send the headers with a length, then the body, then, later, the end."""
    req.content_type = "text/plain"
    req.set_content_length(3)
    req.headers_out["ETag"] = '"strong"'
    req.headers_out["Content-MD5"] = "Q2hlY2sgSW50ZWdyaXR5IQ=="
    req.headers_out["Digest"] = "sha-256=x"
    req.write("abc")
    req.flush()
    return apache.OK


def pieces(req: apache.Request) -> int:
    """Send 100 pieces, each flushed."""
    req.content_type = "text/plain"
    for number in range(100):
        req.write(f"{number},")
        req.flush()
    return apache.OK


def events(req: apache.Request) -> int:
    """Send three events, a quarter of a second apart."""
    req.content_type = "text/event-stream"
    for number in range(3):
        req.write(f"data: {number} SECRET\n\n")
        req.flush()
        time.sleep(0.25)
    return apache.OK


def redirect(req: apache.Request) -> int:
    """Send something, then fail: httpd redirects to the ErrorDocument."""
    req.content_type = "text/plain"
    req.write("never seen")
    req.flush()
    return apache.HTTP_INTERNAL_SERVER_ERROR


def echo(req: apache.Request) -> int:
    """Answer with the body, read in the way the query asks for."""
    req.content_type = "text/plain"
    way, _, size = (req.args or "read").partition("=")
    read: Callable[[int], bytes] = {"read": req.read, "line": req.readline}[way]
    body = b""
    while data := read(int(size or 8192)):
        body += data
    req.write(body)
    return apache.OK


def length(req: apache.Request) -> int:
    """Answer with the length of the body, and what the headers say of it."""
    size = 0
    while data := req.read(65536):
        size += len(data)
    req.content_type = "text/plain"
    req.write(f"{size} {req.headers_in.get('Content-Length')}")
    return apache.OK


def unread(req: apache.Request) -> int:
    """Answer without a look at the body."""
    req.content_type = "text/plain"
    req.write("unread")
    return apache.OK
