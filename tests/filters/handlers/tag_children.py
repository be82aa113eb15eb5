"""A response whose tag tells which child has made it, and its source in each phase that can answer a condition."""

import os

from mod_python import apache


def _describe(req: apache.Request) -> int:
    req.content_type = "text/html"
    req.err_headers_out["X-Child"] = str(os.getpid())
    req.headers_out["ETag"] = '"strong"'
    req.update_mtime(1_700_000_000)
    req.set_last_modified()
    return req.meets_conditions()


def handler(req: apache.Request) -> int:
    unmet = _describe(req)
    if unmet != apache.OK:
        return unmet
    req.write("body")
    return apache.OK


def fixuphandler(req: apache.Request) -> int:
    """Answer a condition before the filters are there."""
    return _describe(req)
