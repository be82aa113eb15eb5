"""apache.sse: a response that is a stream of events."""

import http.client
import re
import time
import zlib

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
MODULES = ("deflate",)
CONF = """
<Location "/call">
    SetHandler mod_python
    PythonHandler event_streams
</Location>
<Location "/call/coded">
    AddOutputFilterByType DEFLATE text/event-stream
</Location>
<Location "/front">
    ProxyPass "http://127.0.0.1:${PORT}/call" disablereuse=on
</Location>
"""
HANDLERS = """
import time

from mod_python import apache


async def told(req):
    async with apache.sse(req) as events:
        await events.send(f"{events.last_event_id}")
        await events.send("one\\ntwo\\r\\nthree\\rfour\\n", event="Größe", id="7", retry=1500)
        await events.send("")
        await events.send(retry=10)
        await events.send(id="")
        await events.comment("a\\nb")
    return apache.OK


async def wrong(req):
    texts = []
    async with apache.sse(req) as events:
        for given in ({"data": b"x"}, {"data": 1}, {"event": "a\\nb"}, {"id": "a\\0"}, {"id": "a\\r"}, {"id": 3},
                      {"retry": -1}, {"retry": 1.5}, {"retry": True}, {"event": 4}):
            try:
                await events.send(**given)
            except (TypeError, ValueError) as error:
                texts.append(f"{type(error).__name__}: {error}")
        for heartbeat in (0, -1, float("nan")):
            try:
                apache.sse(req, heartbeat=heartbeat)
            except ValueError as error:
                texts.append(str(error))
        await events.send("\\n".join(texts))
    return apache.OK


async def quiet(req):
    async with apache.sse(req, heartbeat=0.1) as events:
        await events.send("begin")
        if "aio" in req.args:
            import asyncio
            await apache.aio(asyncio.sleep(0.55))
        else:
            await req.sleep(0.55)
        await events.send("end")
    await req.sleep(0.3)
    return apache.OK


async def busy(req):
    async with apache.sse(req, heartbeat=0.2) as events:
        for _ in range(10):
            await events.send("x")
            await req.sleep(0.05)
    return apache.OK


async def left(req):
    try:
        async with apache.sse(req, heartbeat=0.05):
            await req.sleep(60)
    except ConnectionResetError:
        apache.log_error("the client of the stream has left", apache.APLOG_NOTICE)
        raise


async def waits(req):
    async with apache.sse(req, heartbeat=0.1) as events:
        await events.send("waits")
        await req.sleep(60)


async def until_the_stop(req):
    async with apache.sse(req) as events:
        await events.send("waits")
        while not (events.closing and "asks" in req.args):
            await req.sleep(0.05)
        await events.send("is stopping")
    return apache.OK


async def handler(req):
    return await globals()[req.uri.rpartition("/")[2]](req)
"""
EVENTS = """:

data: None

event: Größe
id: 7
retry: 1500
data: one
data: two
data: three
data: four
data:@

data:@

retry: 10

id:@

: a
: b

""".replace("@", " ")


@pytest.fixture(autouse=True)
def _handlers(httpd: Httpd) -> None:
    httpd.handler("event_streams.py", HANDLERS)


@pytest.mark.parametrize("front", ["call", "front"])
def test_events(httpd: Httpd, front: str) -> None:
    answer = httpd.get(f"/{front}/told")
    assert (answer.status, answer.text) == (200, EVENTS)
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("text/event-stream", "no-cache")
    assert "data: 41\n" in httpd.get(f"/{front}/told", {"Last-Event-ID": "41"}).text


def test_head_has_the_head_alone(httpd: Httpd) -> None:
    answer = httpd.request("HEAD", "/call/quiet?sleep")
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, "text/event-stream", b"")


def test_wrong_events_raise_and_send_nothing(httpd: Httpd) -> None:
    assert httpd.get("/call/wrong").text.splitlines()[2:-1] == [
        "data: TypeError: data is a str, not bytes: json.dumps() makes one of other values",
        "data: TypeError: data is a str, not int: json.dumps() makes one of other values",
        "data: ValueError: event is one line without NUL, not 'a\\nb'",
        "data: ValueError: id is one line without NUL, not 'a\\x00'",
        "data: ValueError: id is one line without NUL, not 'a\\r'",
        "data: TypeError: id is a str, not int",
        "data: ValueError: retry is a number of milliseconds, 0 or more: not -1",
        "data: TypeError: retry is a number of milliseconds (int), not float",
        "data: TypeError: retry is a number of milliseconds (int), not bool",
        "data: TypeError: event is a str, not int",
        "data: heartbeat is a number of seconds above 0, or None: not 0",
        "data: heartbeat is a number of seconds above 0, or None: not -1",
        "data: heartbeat is a number of seconds above 0, or None: not nan",
    ]


@pytest.mark.parametrize("what", ["sleep", "aio"])
@pytest.mark.parametrize("path", ["/call/quiet", "/front/quiet"])
def test_a_quiet_stream_has_a_heartbeat(httpd: Httpd, what: str, path: str) -> None:
    text = httpd.get(f"{path}?{what}").text
    match = re.fullmatch(r":\n\ndata: begin\n\n((?::\n\n)*)data: end\n\n", text)
    assert match is not None, text
    assert 2 <= len(match[1]) // 3 <= 5


def test_a_busy_stream_has_none(httpd: Httpd) -> None:
    assert httpd.get("/call/busy").text.count(":\n\n") <= 3  # with the first one; a slow machine may add some


def test_events_are_not_held_back(httpd: Httpd) -> None:
    """By compression, or by a proxy in front: each is there before the handler goes on."""
    for path in ("/call/coded/waits", "/front/coded/waits"):
        connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=10)
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        assert answer.headers["Content-Encoding"] == "gzip"
        reader, text = zlib.decompressobj(wbits=31), b""
        while b"waits\n\n" not in text:
            piece = answer.read1(1000)
            assert piece
            text += reader.decompress(piece)
        connection.close()


def test_a_client_that_has_left_is_noticed(httpd: Httpd) -> None:
    with httpd.connect() as client:
        client.sendall(b"GET /call/left HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
    httpd.wait_for_log("the client of the stream has left", timeout=20)


@pytest.mark.parametrize("what", ["asks", "waits"])
def test_a_restart_ends_the_stream_in_order(what: str) -> None:
    """Of a handler that asks whether the server stops, and of one that waits on."""
    with Httpd("PythonGracefulTimeout 1\n" + CONF, modules=MODULES) as httpd:
        httpd.handler("event_streams.py", HANDLERS)
        connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=20)
        connection.request("GET", f"/call/until_the_stop?{what}")
        answer = connection.getresponse()
        assert answer.read1(100) == b":\n\n"
        begin = time.monotonic()
        httpd.graceful()
        rest = answer.read()
        assert (b"is stopping" in rest) == (what == "asks")
        assert time.monotonic() < begin + 15
        connection.close()
