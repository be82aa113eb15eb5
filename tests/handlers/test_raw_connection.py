"""`req.connection` in a handler of a request: the bytes of the connection, past HTTP."""

import socket
import struct

import pytest

from http1 import chunk, get, post, responses
from httpd import Httpd

MPMS = ("event", "worker", "prefork")
HANDLERS = [
    *("echo", "reads", "queued", "started", "with_length", "goes_on", "refused", "unread", "by_lines", "discarded"),
    *(
        "waits",
        "slow",
        "lost",
        "forks",
        "redirects",
        "body_and_redirect",
        "keeps",
        "counts",
        "awaits",
        "plain",
        "wrong",
    ),
]
ENDS = ["ok", "declined", "done", "forbidden", "returned", "raises", "nothing"]
PHASES = ["PostReadRequest", "HeaderParser", "Access", "Fixup"]
CONF = """
Timeout 2
LogLevel python:info
KeepAlive On
ErrorDocument 403 "sorry, says ErrorDocument"
ErrorDocument 404 /plain
PythonPostReadRequestHandler raw_phases::post_read
PythonLogHandler raw_connections::tells
SetHandler mod_python
"""
CONF += "".join(f"<Location /{name}>\nPythonHandler raw_connections::{name}\n</Location>\n" for name in HANDLERS)
CONF += "".join(
    f"<Location /{name}>\nPythonHandler raw_connections::{name} raw_connections::next_one\n</Location>\n"
    for name in ENDS
)
CONF += "".join(
    f"<Location /in-{phase}>\nPython{phase}Handler raw_connections::echo\nPythonHandler raw_connections::plain\n"
    "</Location>\n"
    for phase in PHASES[1:]
)
CONF += """
<Location /raises>
    PythonDebug On
</Location>
<Location /keeps>
    PythonLogHandler raw_connections::logs
</Location>
PythonOutputFilter raw_connections::outputfilter MARK
PythonOutputFilter raw_connections::grabbing GRAB-OUT
PythonInputFilter raw_connections::grabbing GRAB-IN
<Location /filtered>
    PythonHandler raw_connections::queued
    SetOutputFilter MARK
</Location>
<Location /only-raw>
    PythonHandler raw_connections::counts
    SetOutputFilter MARK
</Location>
<Location /grabbed>
    PythonHandler raw_bodies
    SetOutputFilter GRAB-OUT
    SetInputFilter GRAB-IN
</Location>
<Location /page.shtml>
    SetHandler default-handler
    SetOutputFilter INCLUDES
    Options +Includes
</Location>
Listen 127.0.0.1:${FRONT_PORT}
<VirtualHost *:${FRONT_PORT}>
    SetHandler none
    PythonLogHandler raw_phases::nothing
    <Location "/">
        SetHandler none
    </Location>
    ProxyPass "/" "http://127.0.0.1:${PORT}/" upgrade=echo
</VirtualHost>
"""
MODULES = ("proxy", "proxy_http", "include")
RAW = b"raw"
HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
BUSY = "HTTP has this connection's bytes, and req.connection cannot read or write them now: "
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


@both
def test_a_handler_talks_past_http(httpd: Httpd, tls: bool) -> None:
    with httpd.connect(tls=tls) as client:
        client.sendall(get("/echo"))
        stream = client.makefile("rb")
        assert stream.read(len(HEAD)) == HEAD
        for line in (b"one\n", b"two\n", b"\n"):
            client.sendall(line)
            assert stream.readline() == line.upper()


@both
def test_nothing_of_http_follows(httpd: Httpd, tls: bool) -> None:
    """The client ends its side (with TLS that is the end of both): the handler sees it, and the connection closes."""
    if tls:
        assert httpd.raw(get("/ok") + get("/plain"), tls=True) == RAW
    else:
        assert httpd.raw(get("/echo") + b"one\n", half_close=True) == HEAD + b"ONE\nend"


@pytest.mark.parametrize("name", ENDS)
def test_whatever_the_handler_does_then(httpd: Httpd, name: str) -> None:
    if name == "raises":
        httpd.expect("LookupError: late")
    if name == "nothing":
        httpd.expect("TypeError: raw_connections::nothing gave NoneType")
    # A request that the client has sent early is not served: the connection closes.
    assert httpd.raw(get(f"/{name}") + get("/plain")) == RAW


def test_http_goes_on_before_and_not_after(httpd: Httpd) -> None:
    """A response before it, which httpd may hold back as the next request is there, comes first."""
    answer = httpd.raw(get("/plain") + get("/echo") + b"early\n" + get("/plain"), half_close=True)
    first, _, rest = answer.partition(b"HTTP/1.1 101")
    assert responses(first)[0].body == b"plain"
    lines = b"early\n" + get("/plain")
    assert b"HTTP/1.1 101" + rest == HEAD + lines.upper() + b"end"


def test_what_the_client_has_sent_early_is_read_first(httpd: Httpd) -> None:
    assert httpd.raw(get("/reads") + b"0123456\r\nabcdefghijklm", half_close=True) == (
        b"b'012|3456\\r\\n|ab|cdefghijklm' then OSError: the peer has ended its output, which an earlier read has told "
        b"by b''"
    )


def test_each_piece_of_it_comes_alone(httpd: Httpd) -> None:
    with httpd.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in get("/reads") + b"0123456\nabcd":
            client.sendall(bytes([byte]))
        client.shutdown(socket.SHUT_WR)
        answer = client.makefile("rb").read()
    pieces, _, error = answer.partition(b" then ")
    assert pieces.replace(b"|", b"") == b"b'0123456\\nabcd'"
    assert error.startswith(b"OSError")


def test_what_was_written_goes_first(httpd: Httpd) -> None:
    head, _, body = httpd.raw(get("/queued")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\nX-Mine: 1" in head
    assert body == chunk(b"one two ") + RAW


def test_a_response_that_has_begun_has_no_end(httpd: Httpd) -> None:
    assert httpd.raw(get("/started")).endswith(b"\r\n\r\n" + chunk(b"chunk") + RAW)
    assert httpd.raw(get("/with_length")).endswith(b"\r\n\r\na part" + RAW)


def test_filters_of_the_request_do_not_see_the_bytes(httpd: Httpd) -> None:
    assert httpd.raw(get("/filtered")).endswith(chunk(b"<one two >") + RAW)
    assert httpd.raw(get("/only-raw")) == b"12345678"


def test_http_does_not_go_on(httpd: Httpd) -> None:
    lines = httpd.raw(get("/goes_on")).decode().splitlines()
    closed = "the handler has the bytes of the connection itself, and writes with req.connection.write()"
    assert lines == [
        f"rawRuntimeError: req.write() cannot be called any more: {closed}",
        f"RuntimeError: req.flush() cannot be called any more: {closed}",
        f"RuntimeError: req.sendfile() cannot be called any more: {closed}",
        f"RuntimeError: req.internal_redirect() cannot be called any more: {closed}",
        "RuntimeError: the connection closes after this request: its bytes were read or written with req.connection",
    ]


def test_a_body_must_be_read_before(httpd: Httpd) -> None:
    unread = f"RuntimeError: {BUSY}the body of the request is not read; read it to its end with req.read() before\n"
    for body in (b"body", [b"bo", b"dy"]):
        request = post("/unread", body)
        assert httpd.raw(request + b"early\n").decode() == unread * 2 + "body\nearly\n"
    assert httpd.raw(post("/by_lines", b"body")) == b"body"
    assert httpd.raw(post("/discarded", b"body") + b"next") == b"raw next"
    assert httpd.request("POST", "/refused", b"body").text + "\n" == unread
    assert httpd.raw(post("/body_and_redirect", b"body") + b"x", half_close=True) == HEAD + b"Xend"


def test_wrong_arguments_take_nothing(httpd: Httpd) -> None:
    assert httpd.get("/wrong").text.split() == ["TypeError", "TypeError", "TypeError", "UnicodeEncodeError"]


def test_streams_of_http2_have_no_connection(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("mod_http2 does not run there")
    answer = httpd.curl("--http2", "-w", " %{http_version}", httpd.url("/refused", tls=True))
    why = "the request has no connection of HTTP/1 of its own (HTTP/2, conn.authorize())"
    assert answer.stdout.decode() == f"RuntimeError: {BUSY}{why} 2"


def test_subrequests_have_no_connection(httpd: Httpd) -> None:
    httpd.write("page.shtml", 'a <!--#include virtual="/refused" --> b')
    why = "this is a subrequest, whose output is a part of another response (req.main)"
    assert httpd.get("/page.shtml").text == f"a RuntimeError: {BUSY}{why} b"


def test_filters_do_not_get_it(httpd: Httpd) -> None:
    httpd.handler("raw_bodies.py", "def handler(req): req.write(req.read()); return 0")
    assert httpd.request("POST", "/grabbed", b"body").text == "body"
    why = "a filter of the request is being called; it reads and writes what passes it"
    for name in ("GRAB-IN", "GRAB-OUT"):
        httpd.wait_for_log(f"{name}: RuntimeError: {BUSY}{why}".replace("(", r"\(").replace(")", r"\)"))
        httpd.wait_for_log(f"{name}: RuntimeError: HTTP has this connection's bytes: a connection handler can")


def test_after_the_response(httpd: Httpd) -> None:
    assert httpd.get("/keeps").text == "plain"
    why = "the request has ended, and a log handler or a cleanup can only look at it"
    httpd.wait_for_log(f"log: RuntimeError: {BUSY}{why}")
    httpd.wait_for_log(f"cleanup: RuntimeError: {BUSY}{why}")


def test_a_redirected_page_takes_it(httpd: Httpd) -> None:
    assert httpd.raw(get("/redirects") + b"one\n", half_close=True) == HEAD + b"ONE\nend"
    httpd.wait_for_log("after: RuntimeError: HTTP has this connection's bytes")


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_before_the_response(httpd: Httpd, phase: str) -> None:
    assert httpd.raw(get(f"/in-{phase}") + b"one\n", half_close=True) == HEAD + b"ONE\nend"


def test_a_slow_client(httpd: Httpd) -> None:
    """The limits of mod_reqtimeout for a request's body end with HTTP; the Timeout holds."""
    with httpd.connect() as client:
        client.sendall(get("/waits"))
        assert client.makefile("rb").read() == b"ready TimeoutError: the peer sent nothing for 2 s (Timeout)"
    with httpd.connect() as client:
        client.sendall(get("/slow"))
        assert client.makefile("rb").read() == b"ready"
    httpd.wait_for_log("python:info.*raw_connections::slow: TimeoutError: the peer sent nothing for 2 s")


def test_a_client_that_is_gone(httpd: Httpd) -> None:
    """It is a line at info, not a failure of the handler."""
    with httpd.connect() as client:
        client.sendall(get("/lost"))
        client.recv(1000)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    httpd.wait_for_log("python:info.*raw_connections::lost: ConnectionResetError: the connection could not be written")
    with httpd.connect() as client:
        client.sendall(get("/slow"))
        assert client.recv(5) == b"ready"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    httpd.wait_for_log("python:info.*raw_connections::slow: ConnectionResetError: the connection could not be read")


def test_a_forked_process_has_no_part_in_it(httpd: Httpd) -> None:
    assert httpd.raw(get("/forks")) == (
        b"RuntimeError: this process was forked from a child of httpd, which has the request: take what you need of "
        b"the request before os.fork()"
    )


def test_the_log_tells_what_was_sent(httpd: Httpd) -> None:
    before = len(httpd.requests())
    assert httpd.raw(get("/counts")) == b"12345678"
    httpd.wait_for_log("sent 8 with 200")
    assert httpd.raw(get("/echo"), half_close=True) == HEAD + b"end"
    httpd.wait_for_log(f"sent {len(HEAD) + 3} with 101")
    httpd.wait_for_request("101 GET /echo", before)


def test_methods_of_async_handlers(httpd: Httpd) -> None:
    lines = httpd.raw(get("/awaits")).decode().splitlines()
    assert len(lines) == 3
    assert all(line.startswith("RuntimeError: only an 'async def' connection handler can await this") for line in lines)


def test_behind_mod_proxy(httpd: Httpd) -> None:
    """mod_proxy_http tunnels what follows a 101 that the client has asked for."""
    with httpd.connect(httpd.port_of("FRONT_PORT")) as client:
        client.sendall(get("/echo", "Upgrade: echo", "Connection: Upgrade"))
        stream = client.makefile("rb")
        assert stream.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
        while stream.readline() != b"\r\n":
            pass
        for line in (b"one\n", b"two\n"):
            client.sendall(line)
            assert stream.readline() == line.upper()
        client.shutdown(socket.SHUT_WR)
        assert stream.read() == b"end"
