"""An application of WSGI for gateway.py."""

import sys


def application(environ, start_response):
    path = environ.get("PATH_INFO", "")
    if path == "/lines":
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        for line in environ["wsgi.input"]:
            write(b"%d\n" % len(line))
        return []
    if path == "/env":
        start_response("200 Fine", [("Content-Type", "text/plain"), ("X-One", "1"), ("X-One", "2")])
        return [("%s=%s\n" % item).encode("utf-8", "replace") for item in sorted(environ.items())]
    if path == "/fail":
        environ["wsgi.errors"].write("about to fail\n")
        raise_it()
    if path == "/late":
        return late(start_response)
    if path == "/moved":
        start_response("302 Found", [("Location", "/elsewhere"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return []
    if path == "/large":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "300000")])
        return [b"x" * 100000] * 3
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "8")])
    return [b"No page\n"]


def late(start_response):
    try:
        raise_it()
    except ValueError:
        start_response("500 Sorry", [("Content-Type", "text/plain")], sys.exc_info())
    yield b"sorry\n"


def raise_it():
    raise ValueError("wrong")
