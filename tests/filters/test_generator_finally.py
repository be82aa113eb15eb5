"""A streaming filter is closed, and its `finally` blocks run, whatever ends the response."""

import re
import socket
import struct
import time

import pytest

from httpd import Httpd

NAMES = ["watched", "keeps", "endless", "early", "fails", "stubborn", "asks_on", "remembered"]
CONF = (
    "LogLevel python:info\n"
    + "".join(
        f"""
        PythonOutputFilter streaming_finally::{name} {name}
        Alias "/{name}" "${{HTDOCS}}"
        <Location "/{name}">
            SetOutputFilter {name}
        </Location>
        """
        for name in NAMES
    )
    + """
    <LocationMatch "^/(keeps|stubborn|asks_on)/redirect">
        SetHandler mod_python
        PythonHandler response_sources::redirect
        ErrorDocument 500 /sorry.html
    </LocationMatch>
    <Location "/watched/slow">
        SetHandler mod_python
        PythonHandler response_sources::events
    </Location>
    <Location "/forgotten">
        SetHandler mod_python
        PythonHandler streaming_finally::forgotten
    </Location>
    ProxyPass "/watched/proxy" "http://127.0.0.1:${UPSTREAM_PORT}/"
    ProxyPass "/keeps/proxy" "http://127.0.0.1:${UPSTREAM_PORT}/"
    """
)


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    httpd.write("a.txt", b"a body")
    httpd.write("empty.txt", b"")
    httpd.write("sorry.html", b"sorry")


def reset(connection: socket.socket) -> None:
    """Leave at once and without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_o12_at_the_end(httpd: Httpd) -> None:
    httpd.expect("closed: watched after 1 of /watched/a.txt", "closed: watched after 0 of /watched/empty.txt")
    assert httpd.get("/watched/a.txt").body == b"a body"
    assert httpd.get("/watched/empty.txt").body == b""


def test_at_an_early_return(httpd: Httpd) -> None:
    httpd.expect("closed: early")
    assert httpd.get("/early/a.txt").body == b"a"


def test_at_an_error(httpd: Httpd) -> None:
    httpd.expect("closed: fails", "ValueError: on purpose")
    httpd.allow("filter fails ")
    assert httpd.get("/fails/a.txt").status == 500


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_o16_within_one_brigade_when_the_client_leaves(httpd: Httpd, tls: bool) -> None:
    httpd.expect("closed: endless after")
    connection = httpd.connect(tls=tls)
    connection.sendall(b"GET /endless/a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
    connection.recv(1 << 20)
    started = time.monotonic()
    reset(connection)
    match = httpd.wait_for_log(r"closed: endless after (\d+) MB")
    assert time.monotonic() - started < 1
    assert int(match[1]) < 20, "it yielded on while nobody listened"


def test_o16_when_an_http2_client_leaves(httpd: Httpd) -> None:
    httpd.expect("closed: endless after")
    httpd.curl("--http2", "--max-time", "0.3", "-o", "/dev/null", httpd.url("/endless/a.txt", tls=True))


def test_o16_when_the_client_of_a_slow_source_leaves(httpd: Httpd) -> None:
    httpd.expect("closed: watched after [12] of /watched/slow")
    # What the handler makes of a client that is gone.
    httpd.allow("Write failed, client closed connection|Flush failed|python:error.*(events|Traceback|File|req\\.)")
    connection = httpd.connect()
    connection.sendall(b"GET /watched/slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
    connection.recv(1 << 20)
    reset(connection)
    httpd.wait_for_log("closed: watched")


def test_o28_at_an_internal_redirect(httpd: Httpd) -> None:
    httpd.expect("closed: keeps by GeneratorExit")
    answer = httpd.get("/keeps/redirect")
    assert (answer.status, answer.body) == (500, b"sorry")


def test_yielding_while_being_closed(httpd: Httpd) -> None:
    httpd.expect(r"filter stubborn failed when it was closed\\n.*RuntimeError: async generator ignored GeneratorExit")
    assert httpd.get("/stubborn/redirect").body == b"sorry"
    assert httpd.get("/stubborn/a.txt").body == b"a body, last words"


def test_reading_while_being_closed(httpd: Httpd) -> None:
    httpd.expect("closed: asks_on with b''")
    assert httpd.get("/asks_on/redirect").body == b"sorry"


def test_a_filter_that_is_over_cannot_be_used(httpd: Httpd) -> None:
    assert httpd.get("/remembered/a.txt").body == b"a body"
    assert httpd.get("/forgotten").text == "the filter is over"


@pytest.mark.parametrize(("name", "closed"), [("watched", "after [01]"), ("keeps", "by GeneratorExit")])
def test_o17_an_error_upstream_is_not_the_filters(httpd: Httpd, name: str, closed: str) -> None:
    httpd.expect(f"closed: {name} {closed}")
    httpd.allow("proxy(_http)?:error")
    with socket.create_server(("127.0.0.1", httpd.port_of("UPSTREAM_PORT"))) as upstream:
        client = httpd.connect()
        client.sendall(f"GET /{name}/proxy HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        peer, _ = upstream.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        time.sleep(0.05)
        reset(peer)
        answer = b""
        while data := client.recv(65536):
            answer += data
    assert not answer.endswith(b"0\r\n\r\n") or re.match(rb"HTTP/1.1 502", answer), "the cut does not show"
