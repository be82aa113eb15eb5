"""Handlers whose responses go through output filters."""

import time

from mod_python import apache


def no_content(req: apache.Request) -> int:
    req.status = apache.HTTP_NO_CONTENT
    return apache.OK


def digests(req: apache.Request) -> int:
    values = ("Content-MD5", "md5"), ("Digest", "digest"), ("Content-Digest", "content"), ("Repr-Digest", "whole")
    for name, value in (*values, ("ETag", '"tag"')):
        req.headers_out[name] = value
    req.headers_out["X-Other"] = "kept"
    req.content_type = "text/plain"
    req.write("body", False)
    return apache.OK


def slow(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write("first")
    time.sleep(float(req.args or 0))
    req.write("second")
    return apache.OK
