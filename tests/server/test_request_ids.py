"""PythonRequestID: which ids name the requests in httpd's logs and in Python's logging."""

import json
import re
import time

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
MODULES = ("headers", "unique_id")
CONF = """
Protocols h2c http/1.1
ErrorLogFormat "[%{u}t] [%-m:%l] [pid %P] [id %L] %M"
LogFormat "%L %U" ids
CustomLog ${STATE}/ids.log ids
Header always set X-Id "expr=%{REQUEST_LOG_ID}"
SetHandler mod_python
PythonHandler named
PythonRequestID X-Request-ID traceparent
ErrorDocument 404 /error
<Location /async>
    PythonHandler named::awaiting
</Location>
PythonApplication /asgi asgi named:asgi
Listen 127.0.0.1:${DEFAULT_PORT}
<VirtualHost *:${DEFAULT_PORT}>
    PythonRequestID Off
</VirtualHost>
Listen 127.0.0.1:${OWN_PORT}
<VirtualHost *:${OWN_PORT}>
    PythonRequestID On
</VirtualHost>
Listen 127.0.0.1:${EARLY_PORT}
<VirtualHost *:${EARLY_PORT}>
    RequestHeader unset X-Request-ID early
</VirtualHost>
"""
PROGRAM = """
import contextvars
import json
import logging
import threading
from mod_python import apache
from mod_python.logging import ErrorLogHandler, RequestIDFilter, request_id

logger = logging.getLogger("named")
logger.propagate = False
handler_ = ErrorLogHandler()
handler_.setFormatter(logging.Formatter("<%(request_id)s> %(message)s"))
logger.addHandler(handler_)

def handler(req):
    if req.uri == "/gone":
        return apache.HTTP_NOT_FOUND
    if req.uri == "/redirect":
        req.internal_redirect("/target")
        return apache.OK
    seen = {"here": request_id()}
    logger.error("logged for %s", req.uri)
    def elsewhere(key):
        seen[key] = request_id()
        logger.error("logged in %s", key)
    if req.uri == "/threads":
        context = contextvars.copy_context()
        threads = [threading.Thread(target=elsewhere, args=("alone",))]
        threads.append(threading.Thread(target=context.run, args=(elsewhere, "context")))
        for thread in threads:
            thread.start()
            thread.join()
    record = logging.LogRecord("x", 40, "x.py", 1, "x", None, None)
    RequestIDFilter().filter(record)
    seen["record"] = record.request_id
    req.write(json.dumps(seen))
    return apache.OK
"""
ASYNC = """

async def elsewhere():
    await asyncio.sleep(0)
    return request_id()

async def awaiting(req):
    seen = {"here": request_id(), "record": request_id(), "loop": await apache.aio(elsewhere())}
    await req.sleep(0.01)
    await req.write(json.dumps(seen | {"later": request_id()}))
    return apache.OK

async def asgi(scope, receive, send):
    first = request_id()
    await asyncio.sleep(0.01)
    seen = {"here": first, "record": first, "later": await elsewhere()}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture(autouse=True, scope="module")
def _program(httpd: Httpd) -> None:
    httpd.handler("named.py", f"import asyncio\n{PROGRAM}{ASYNC}")


@pytest.fixture(autouse=True)
def _lines(httpd: Httpd) -> None:
    httpd.allow("logged (for|in)")


def ids(httpd: Httpd, path: str, headers: dict[str, str], port: int | None = None) -> dict[str, str | None]:
    """The ids that Python and httpd's header have."""
    answer = httpd.request("GET", path, headers=headers, port=port)
    assert answer.status == 200
    seen: dict[str, str | None] = json.loads(answer.text)
    assert seen["record"] == seen["here"]
    return seen | {"header": answer.headers["X-Id"]}


def is_made(value: str | None) -> bool:
    """Whether an id is one of mod_unique_id's."""
    return value is not None and re.fullmatch(r"[\w@-]{20,}", value) is not None


def test_the_first_header_that_has_an_id_is_believed(httpd: Httpd) -> None:
    both = {"X-Request-ID": "req-1/a", "traceparent": TRACEPARENT}
    assert set(ids(httpd, "/first", both).values()) == {"req-1/a"}
    httpd.expect(r"\[id req-1/a\] <req-1/a> logged for /first$")
    assert set(ids(httpd, "/second", {"traceparent": TRACEPARENT}).values()) == {TRACE}
    assert set(ids(httpd, "/third", {"X-Request-ID": "a b", "Traceparent": TRACEPARENT}).values()) == {TRACE}
    wanted, log = {"req-1/a /first", f"{TRACE} /second", f"{TRACE} /third"}, httpd.state / "ids.log"
    deadline = time.monotonic() + 5
    while not wanted <= set(log.read_text().splitlines()):  # httpd logs behind its answer
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


@pytest.mark.parametrize("value", ["a b", "x" * 129, 'a"] [x', "a,b", "%0a", "<b>", "", "\u00e9", "a;b"])
def test_what_is_no_id_is_not_believed(httpd: Httpd, value: str) -> None:
    seen = set(ids(httpd, "/bad", {"X-Request-ID": value}).values())
    assert len(seen) == 1
    assert is_made(seen.pop())


def test_two_headers_of_one_name_are_not_believed(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        connection.sendall(b"GET /two HTTP/1.0\r\nHost: x\r\nX-Request-ID: a\r\nX-Request-ID: b\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.search(rb"\r\nX-Id: [\w@-]{20,}\r\n", answer)


def test_no_header_is_believed_by_default(httpd: Httpd) -> None:
    headers = {"X-Request-ID": "mine", "traceparent": TRACEPARENT}
    for name in ("DEFAULT_PORT", "OWN_PORT"):
        seen = set(ids(httpd, "/default", headers, httpd.port_of(name)).values())
        assert len(seen) == 1
        assert is_made(seen.pop())


def test_mod_headers_can_take_a_header_away_before(httpd: Httpd) -> None:
    assert "mine" not in ids(httpd, "/early", {"X-Request-ID": "mine"}, httpd.port_of("EARLY_PORT")).values()


def test_redirects_and_error_pages_have_the_id_of_the_request(httpd: Httpd) -> None:
    assert set(ids(httpd, "/redirect", {"X-Request-ID": "once"}).values()) == {"once"}
    page = httpd.get("/gone", {"X-Request-ID": "lost"})
    assert (page.status, page.headers["X-Id"], json.loads(page.text)["here"]) == (404, "lost", "lost")
    made = httpd.get("/gone")
    assert made.headers["X-Id"] == json.loads(made.text)["here"]


def test_threads_with_the_context_have_it_and_others_have_none(httpd: Httpd) -> None:
    seen = ids(httpd, "/threads", {"X-Request-ID": "spun"})
    assert (seen["context"], seen["alone"]) == ("spun", None)
    httpd.expect("<spun> logged in context$", r"<-> logged in alone$")


@pytest.mark.parametrize("path", ["/async", "/asgi"])
def test_what_waits_has_it(httpd: Httpd, path: str) -> None:
    assert set(ids(httpd, path, {"X-Request-ID": "waits"}).values()) == {"waits"}


def test_http2(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("HTTP/2 needs threads")
    done = httpd.curl("--http2-prior-knowledge", "-H", "X-Request-ID: h2-id", f"http://127.0.0.1:{httpd.port}/h2")
    assert json.loads(done.stdout)["here"] == "h2-id"
