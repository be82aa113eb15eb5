"""Applications that tell where they are mounted, and how they were found."""

import json
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any
from wsgiref.validate import validator

from mod_python import apache

Environ = dict[str, Any]
TOLD = ["SCRIPT_NAME", "PATH_INFO", "REQUEST_URI", "QUERY_STRING", "REQUEST_METHOD", "REMOTE_ADDR", "HTTPS"]
TOLD += ["HTTP_AUTHORIZATION", "REMOTE_USER", "REDIRECT_STATUS", "REDIRECT_URL", "wsgi.url_scheme", "SHOP_COLOR"]
TOLD += ["CONTENT_LENGTH"]
made: list[str] = []


@validator
def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    seen = {name: environ[name] for name in TOLD if name in environ}
    seen["interpreter"] = apache.interpreter
    seen["filename"] = environ["mod_python.request"].filename
    return [json.dumps(seen).encode()]


def named(name: str) -> Any:
    def tell(environ: Environ, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{name} {environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]

    return validator(tell)


one, two, three = named("one"), named("two"), named("three")


class Site:
    inner = staticmethod(named("inner"))


class Page:
    """A class as an application: its instances are the iterables."""

    def __init__(self, environ: Environ, start_response: Any) -> None:
        assert environ["PATH_INFO"] == ""
        start_response("200 OK", [("Content-Type", "text/plain")])

    def __iter__(self) -> Any:
        yield b"page"


def create() -> Any:
    time.sleep(0.2)
    made.append(threading.current_thread().name)
    name = f"made {len(made)} of {__name__ in sys.modules}"
    return named(name)


def not_found(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [f"no {environ['REDIRECT_URL']} {environ['REDIRECT_STATUS']} {environ['REQUEST_METHOD']}".encode()]


def redirecting(environ: Environ, start_response: Any) -> list[bytes]:
    environ["mod_python.request"].internal_redirect("/told/redirected?q")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return []


number = 5


def handler(req: apache.Request) -> int:
    req.write(f"handler {req.uri}")
    return apache.OK
