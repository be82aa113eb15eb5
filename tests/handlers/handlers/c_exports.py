"""Handlers around a C module that runs Python itself."""

from mod_python import apache


def typehandler(req: apache.Request) -> int:
    req.mark = "left by a handler"
    return apache.DECLINED
