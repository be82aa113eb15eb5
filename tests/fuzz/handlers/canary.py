"""Answers with its query, whatever was done to other requests."""

from mod_python import apache


def handler(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write(req.args or "", flush=False)
    return apache.OK


def refuse(req: apache.Request) -> int:
    return apache.HTTP_FORBIDDEN
