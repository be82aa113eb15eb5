"""Applications in Starlette and FastAPI answer here as under uvicorn: status, headers and body of each response."""

import http.client
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest
from other_servers import listening
from packages import SITE_PACKAGES, WithPackages

from httpd import Httpd

SERVER = WithPackages
MPMS = ("event", "prefork")
FOLDER = tempfile.TemporaryDirectory(prefix="mod_python.")
Path(FOLDER.name).chmod(0o755)
for name, text in {"digits.txt": "0123456789" * 10000, "index.html": "<p>index</p>"}.items():
    file = Path(FOLDER.name, name)
    file.write_text(text)
    os.utime(file, (1_000_000_000, 1_000_000_000))
ENV = {"PAGES_FOLDER": FOLDER.name}
CONF = """
Listen 127.0.0.1:${STARLETTE_PORT}
<VirtualHost *:${STARLETTE_PORT}>
    PythonApplication / asgi starlette_pages
</VirtualHost>
Listen 127.0.0.1:${FASTAPI_PORT}
<VirtualHost *:${FASTAPI_PORT}>
    PythonApplication / asgi fastapi_pages:application
</VirtualHost>
"""
ALLOW_LOG = ("failed", "Traceback", r"\] {2}", "KeyError: 'of the application'", r"\|")
# Headers that belong to the server, or to how it frames a body.
OWN = {"date", "server", "connection", "keep-alive", "transfer-encoding"}

Case = tuple[str, str, dict[str, str], bytes | list[bytes] | None]


class Answer(NamedTuple):
    """A response, as far as the application has made it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def get(path: str, **headers: str) -> Case:
    return "GET", path, {name.replace("_", "-"): value for name, value in headers.items()}, None


def post(path: str, body: bytes | list[bytes], kind: str = "text/plain", method: str = "POST") -> Case:
    return method, path, {"Content-Type": kind}, body


PARTS = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\n\r\none\r\n'
PARTS += b'--cut\r\nContent-Disposition: form-data; name="note"\r\n\r\ntwo words\r\n--cut--\r\n'
MULTIPART = "multipart/form-data; boundary=cut"
STARLETTE = [
    get("/"),
    get("/?a=b&a=%C3%A9"),
    ("HEAD", "/", {}, None),
    ("DELETE", "/", {}, None),
    ("OPTIONS", "/", {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}, None),
    ("OPTIONS", "/", {}, None),
    get("/", Origin="https://a.example"),
    *(get(f"/{name}") for name in ("page", "data?x=1", "redirected", "empty", "unchanged", "synchronous", "refused")),
    ("HEAD", "/page", {}, None),
    get("/cookies", Cookie="a=1; b=2"),
    get("/streamed"),
    ("HEAD", "/streamed", {}, None),
    get("/streamed_by_threads"),
    get("/file"),
    get("/file?name=%C3%A9.txt"),
    ("HEAD", "/file", {}, None),
    get("/file", Range="bytes=5-14"),
    get("/file", Range="bytes=0-1,-2"),
    get("/file", Range="bytes=999999-"),
    post("/echo", b"x" * 100_000),
    post("/echo", b"", "application/x-none", "PUT"),
    post("/echo", [b"one", b"two" * 30000, b"three"]),
    post("/parts_of_body", b"y" * 1_000_000),
    post("/form", b"a=1&a=2&b=%C3%A9+x", "application/x-www-form-urlencoded"),
    post("/form", PARTS, MULTIPART),
    get("/none"),
    get("/failing"),
    get("/headers", X_A="1", Accept="text/*", User_Agent="a test"),
    get("/long_text", Accept_Encoding="gzip"),
    get("/long_text"),
    get("/long_stream", Accept_Encoding="gzip"),
    get("/with/a%20b/5"),
    get("/with/a/b"),
    get("/static/digits.txt"),
    get("/static/digits.txt", If_Modified_Since="Sun, 09 Sep 2001 01:46:40 GMT"),
    get("/static/"),
    get("/static"),
    get("/static/none"),
    get("/inner/page"),
    get("/inner/home/"),
    get("/background"),
]
FASTAPI = [
    get("/"),
    get("/docs"),
    get("/redoc"),
    get("/openapi.json"),
    get("/items/5?q=x"),
    get("/items/five"),
    ("HEAD", "/", {}, None),
    post("/items", b'{"name": "x", "price": 1.5}', "application/json"),
    post("/items", b'{"name": "x"}', "application/json"),
    post("/items", b"{", "application/json"),
    post("/upload", PARTS, MULTIPART),
    post("/upload", b"", MULTIPART),
    get("/me"),
    get("/me", Authorization="Bearer abc"),
    get("/agent", X_Agent="a test"),
    get("/agent"),
    get("/missing"),
    get("/stream"),
    post("/work", b""),
]


@pytest.fixture(scope="module")
def uvicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The ports of two uvicorns, by the application that they serve."""
    handlers = Path(__file__).parent / "handlers"
    folder = tmp_path_factory.mktemp("uvicorn")
    env = {**os.environ, **ENV, "PYTHONPATH": f"{SITE_PACKAGES}:{handlers}"}
    options = ["--log-level", "critical", "--http", "httptools", "--loop", "uvloop", "--port"]

    def serving(name: str) -> AbstractContextManager[tuple[int, int]]:
        command = [sys.executable, "-m", "uvicorn", f"{name}:application", *options]
        return listening(lambda port: [*command, str(port)], env=env, cwd=folder)

    with serving("starlette_pages") as (starlette, _), serving("fastapi_pages") as (fastapi, _):
        yield {"starlette_pages": starlette, "fastapi_pages": fastapi}


def ask(port: int, case: Case) -> Answer:
    method, path, headers, body = case
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, {"Host": "localhost", "Accept-Encoding": "identity", **headers})
        response = connection.getresponse()
        kept = [(name.lower(), value) for name, value in response.getheaders() if name.lower() not in OWN]
        return Answer(response.status, sorted(kept), response.read())
    finally:
        connection.close()


def compared(answer: Answer, length: bool) -> Answer:
    """The answer without what HTTP lets a server leave out, add, or write in another way.

    Args:
        answer: it.
        length: whether a Content-Length counts: httpd adds one where a body is whole.
    """
    left_out = set() if length else {"content-length"}
    if answer.status in (204, 304):
        left_out |= {"content-length", "content-type"}
    body = answer.body
    if answer.status == 206 and b"\r\n--" in body:
        left_out |= {"content-length", "content-type"}  # the boundary is random
        body = b""
    headers = [(name, listed(name, value)) for name, value in answer.headers if name not in left_out]
    return Answer(answer.status, sorted(headers), body)


def listed(name: str, value: str) -> str:
    """The value of a header; a list in which the order means nothing is sorted, and the time of a cookie left out."""
    if name == "set-cookie":
        return re.sub(r"expires=[^;]*; ", "", value)
    if name not in ("vary", "allow"):
        return value
    return ", ".join(sorted(part.strip() for part in value.split(",")))


def compare(httpd: Httpd, uvicorn: dict[str, int], name: str, case: Case) -> None:
    port = int(httpd.expand("${STARLETTE_PORT}" if name == "starlette_pages" else "${FASTAPI_PORT}"))
    here, there = ask(port, case), ask(uvicorn[name], case)
    if there.status == 500:
        assert here.status == 500  # the page is httpd's
        return
    length = any(header == "content-length" for header, _ in there.headers)
    assert compared(here, length) == compared(there, length)


def shown(case: Case) -> str:
    return f"{case[0]} {case[1]} {' '.join(case[2])}"


@pytest.mark.parametrize("case", STARLETTE, ids=shown)
def test_starlette(httpd: Httpd, uvicorn: dict[str, int], case: Case) -> None:
    compare(httpd, uvicorn, "starlette_pages", case)


@pytest.mark.parametrize("case", FASTAPI, ids=shown)
def test_fastapi(httpd: Httpd, uvicorn: dict[str, int], case: Case) -> None:
    compare(httpd, uvicorn, "fastapi_pages", case)


def test_background_tasks_are_done(httpd: Httpd) -> None:
    for variable, begin in (("STARLETTE", get("/background")), ("FASTAPI", post("/work", b""))):
        port = int(httpd.expand(f"${{{variable}_PORT}}"))
        assert ask(port, begin).status == 200
        deadline = time.monotonic() + 10
        while b"work" not in ask(port, get("/done")).body:
            assert time.monotonic() < deadline
