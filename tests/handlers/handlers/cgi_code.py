"""Code as in CGI scripts; called by call_by_path."""

import os
import sys
from typing import Any

from mod_python import apache


def environment(req: apache.Request) -> dict[str, Any]:
    env = apache.build_cgi_env(req)
    mine = isinstance(env, apache.table) and env is not req.subprocess_env
    names = ["SCRIPT_NAME", "PATH_INFO", "GATEWAY_INTERFACE", "QUERY_STRING", "HTTP_AUTHORIZATION", "REQUEST_METHOD"]
    env["ONLY_HERE"] = "1"
    return {"mine": mine, "kept": "ONLY_HERE" in req.subprocess_env, **{name: env.get(name) for name in names}}


def script(req: apache.Request) -> int:
    before = (os.environ, sys.stdin, sys.stdout)
    saved = apache.setup_cgi(req)
    try:
        what = os.environ["QUERY_STRING"]
        if what == "redirect":
            print("Location: /elsewhere\n")
        elif what == "status":
            sys.stdout.write("Content-Type: text/x-cgi\r\nStatus: 418 Teapot\r\nX-More: 1\r\nX-More: 2\r\n\r\nshort ")
            sys.stdout.write("and stout")
        elif what == "none":
            print("no header at all\n")
        else:
            print("Content-Type: text/plain")
            print()
            print("first", sys.stdin.readline())
            print("rest", sys.stdin.read(), sys.argv, sys.stdin.read())
    finally:
        apache.restore_nocgi(*saved)
    assert (os.environ, sys.stdin, sys.stdout) == before
    assert "QUERY_STRING" not in os.environ
    return apache.OK


def null(req: apache.Request) -> list[Any]:
    stream = apache.NullIO()
    stream.write("x")
    stream.writelines(["x"])
    stream.flush()
    stream.close()
    return [stream.read().decode(), stream.readline().decode(), stream.readlines(), stream.isatty()]
