"""Pages and filters in httpd's children that mod_wsgi runs in, too."""

import atexit
import os

from mod_python import apache

atexit.register(print, f"end of {apache.interpreter} in {os.getpid()}")


def handler(req: apache.Request) -> int:
    req.content_type = "text/plain"
    req.write(f"Python in {apache.interpreter}\n")
    return apache.OK


def fixuphandler(req: apache.Request) -> int:
    return apache.OK


def outputfilter(filter: apache.Filter) -> None:
    while data := filter.read():
        filter.write(data.upper())
    if data is None:
        filter.close()
