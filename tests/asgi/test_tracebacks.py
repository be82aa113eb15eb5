"""Tracebacks of what runs on asyncio's loop: the log shows the frames of the application, not those that call it."""

import re

import pytest

from httpd import Httpd

CONF = """
<Location /told>
    PythonApplication asgi traced_pages
</Location>
<Location /loop>
    SetHandler mod_python
    PythonHandler traced_pages
</Location>
<Location /thread>
    SetHandler mod_python
    PythonHandler traced_pages::on_thread
</Location>
"""
PAGES = """
import asyncio, threading
from mod_python import apache

async def fail(kind):
    if kind == "cause":
        raise ValueError("late") from OSError("early")
    if kind == "group":
        raise ExceptionGroup("both", [KeyError("one"), KeyError("two")])
    if kind == "library":
        threading.Semaphore().release(0)
    raise KeyError(kind)

async def application(scope, receive, send):
    kind = scope["path"].rpartition("/")[2]
    if kind == "wrong":
        await send({"type": "nonsense"})
    if kind == "ended":
        raise SystemExit(3)
    if kind == "after":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})
    if kind != "nothing":
        await fail(kind)

@apache.aio
async def handler(req):
    await asyncio.sleep(0)
    if req.uri == "/loop/write":
        req.write(7)
    await fail("loop")

async def on_thread(req):
    await apache.aio(fail("thread"))
"""
APPLICATION, FAIL = "traced_pages.py, application", "traced_pages.py, fail"
FRAMES = {
    "/told/plain": [APPLICATION, FAIL],
    "/told/after": [APPLICATION, FAIL],
    "/told/cause": [APPLICATION, FAIL],
    "/told/group": [APPLICATION, FAIL],
    "/told/ended": [APPLICATION, "_asgi.py, _conclude"],
    "/told/nothing": ["_asgi.py, _conclude"],
    "/told/library": [APPLICATION, FAIL, "threading.py, release"],
    "/told/wrong": [APPLICATION, "_asgi_exchange.py, send"],  # it says what is refused
    "/loop": ["traced_pages.py, handler", FAIL],
    "/thread": ["traced_pages.py, on_thread", FAIL],
}


@pytest.mark.parametrize("path", FRAMES)
def test_a_traceback_has_the_frames_of_the_application(httpd: Httpd, path: str) -> None:
    httpd.handler("traced_pages.py", PAGES)
    httpd.allow("traced_pages")
    assert httpd.get(path).status == (200 if path == "/told/after" else 500)
    entry = httpd.wait_for_log(r"Traceback \(most recent call last\).*")[0]
    frames = re.findall(r'File \\?"(?:[^"]*/)?([^"/]*\.py)\\?", line \d+, in (\w+)', entry)
    assert [", ".join(frame) for frame in frames] == FRAMES[path]
