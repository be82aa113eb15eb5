import atexit
import os
import sys

if "mod_python._start" in sys.modules:  # where both share an interpreter, mod_python ends it
    atexit.register(print, f"end of wsgi in {os.getpid()}")


def application(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written by wsgi\n")
    return [f"in {environ['mod_wsgi.application_group']!r}\n".encode()]
