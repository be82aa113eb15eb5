"""Filters of connections: C1 to C10, above and below TLS, on HTTP/1.1 and HTTP/2."""

import re
import socket
import threading
import time

import pytest

from http1 import get, responses
from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
PythonOutputFilter connection_filters COUNT kind=connection
PythonInputFilter connection_filters REWRITE kind=connection
PythonOutputFilter connection_filters::upper UPPER kind=connection
PythonInputFilter connection_filters::plain_input PLAIN kind=connection
PythonOutputFilter connection_filters::metadata META kind=network

<Location "/seen">
    SetHandler mod_python
    PythonHandler connection_filters::seen
</Location>
<LocationMatch "^/(new|newer|say)/">
    SetHandler mod_python
    PythonHandler connection_filters::say
</LocationMatch>
<Location "/events">
    SetHandler mod_python
    PythonHandler connection_filters::events
</Location>
<Location "/length">
    SetHandler mod_python
    PythonHandler connection_filters::length
</Location>
ProxyPass "/broken" "http://127.0.0.1:${UPSTREAM_PORT}/"
ProxyPass "/proxied" "http://127.0.0.1:${BACKEND_PORT}/say"
Listen 127.0.0.1:${BACKEND_PORT}
<VirtualHost *:${BACKEND_PORT}>
</VirtualHost>

Listen 127.0.0.1:${REFUSED_PORT}
<VirtualHost *:${REFUSED_PORT}>
    PythonOutputFilter connection_filters::refused REFUSED kind=connection
    PythonOutputFilter connection_filters::close CLOSE kind=connection
    PythonOutputFilter connection_filters::leave LEAVE kind=connection
</VirtualHost>
# Chosen by name, so no connection begins with it.
<VirtualHost *:${REFUSED_PORT}>
    ServerName elsewhere
    PythonOutputFilter connection_filters::fail IDLE kind=connection
</VirtualHost>
Listen 127.0.0.1:${FAIL_PORT}
<VirtualHost *:${FAIL_PORT}>
    PythonOutputFilter connection_filters::fail FAIL kind=connection
    PythonOutputFilter connection_filters::slow_step SLOW kind=connection time=0.2
</VirtualHost>
Listen 127.0.0.1:${FAIL_IN_PORT}
<VirtualHost *:${FAIL_IN_PORT}>
    PythonInputFilter connection_filters::fail_in FAIL_IN kind=connection
</VirtualHost>
Listen 127.0.0.1:${FIRST_PORT}
<VirtualHost *:${FIRST_PORT}>
    PythonOutputFilter connection_filters::first_out ABOVE kind=connection
    PythonInputFilter connection_filters::first_in ABOVE kind=connection
    PythonOutputFilter connection_filters::first_out BELOW kind=network
    PythonInputFilter connection_filters::first_in BELOW kind=network
    PythonOutputFilter connection_filters::plain_first PLAIN_ABOVE kind=connection
    PythonInputFilter connection_filters::plain_first PLAIN_ABOVE kind=connection
    PythonOutputFilter connection_filters::plain_first PLAIN_BELOW kind=network
    PythonInputFilter connection_filters::plain_first PLAIN_BELOW kind=network
    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
</VirtualHost>
"""


ALLOW_LOG = ["is on no connection"]


def seen(httpd: Httpd) -> dict[str, str]:
    """What happened since the last time, from all children: on prefork only one of them works at a time here."""
    return dict(line.rsplit("=", 1) for line in httpd.get("/seen").text.splitlines())


@pytest.fixture(autouse=True)
def _forget(httpd: Httpd) -> None:
    seen(httpd)


def until(connection: socket.socket, pattern: bytes) -> bytes:
    """What comes, until it has something like that."""
    data = b""
    while not re.search(pattern, data):
        part = connection.recv(65536)
        assert part, data
        data += part
    return data


def needs_http2(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("mod_http2 does not like prefork")


def one_child(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("each child has its own counters")


def test_a_filter_of_connections_is_on_each_by_itself(httpd: Httpd) -> None:
    answer = httpd.get("/old/?<mark>number")
    assert answer.text == "<MARK>000001"
    assert httpd.get("/older/x").text == "/newer/x"


def test_where_it_is_on_none_the_log_says_so(httpd: Httpd) -> None:
    text = httpd.error_log.read_text()
    assert re.search("filter IDLE of kind=connection is on no connection: declare it in the first virtual host", text)
    assert not re.search("filter (COUNT|REFUSED|META) .* no connection", text)
    port = httpd.port_of("REFUSED_PORT")
    assert httpd.request("GET", "/say/?poison", headers={"Host": "elsewhere"}, port=port).text == "poison"


def test_on_tls_too(httpd: Httpd) -> None:
    assert httpd.get("/old/?<mark>number", tls=True).text == "<MARK>000001"


def test_c1_one_connection_with_many_streams(httpd: Httpd) -> None:
    needs_http2(httpd)
    urls = [httpd.url(f"/say/?{number}:<tally>;", tls=True) for number in range(10)]
    told = httpd.curl("--http2", *urls).stdout
    assert told == b"".join(b"%d:%07d;" % (number, number + 1) for number in range(10))
    # That one, and the one that asked before.
    assert seen(httpd)["connections"] == "2"


def test_c2_each_request_is_logged_when_it_is_over(httpd: Httpd) -> None:
    before = len(httpd.requests())
    with httpd.connect() as connection:
        connection.sendall(b"".join(get(f"/say/c2-{number}") for number in range(5)))
        until(connection, b"/say/c2-4")
        httpd.wait_for_request("200 GET /say/c2-4", before)
        logged = [line.split()[2] for line in httpd.requests()[before:] if "c2-" in line]
        assert logged == [f"/say/c2-{number}" for number in range(5)]


def test_c2_after_a_failure_requests_are_logged_too(httpd: Httpd) -> None:
    httpd.expect("ValueError: poison", "filter FAIL .* failed")
    before, port = len(httpd.requests()), httpd.port_of("FAIL_PORT")
    answers = httpd.raw(get("/say/?fine") + get("/say/?poison") + get("/say/?never"), port=port)
    assert answers.count(b"HTTP/1.1 200 OK") == 1
    assert b"fine" in answers
    httpd.wait_for_request("200 GET /say/?poison", before)
    assert httpd.request("GET", "/say/?alive", port=port).body == b"alive"


def test_c3_a_proxied_response_that_breaks_off_is_cut(httpd: Httpd) -> None:
    httpd.allow("proxy")
    with socket.create_server(("127.0.0.1", httpd.port_of("UPSTREAM_PORT"))) as upstream:

        def answer() -> None:
            connection, _ = upstream.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        data = httpd.raw(get("/broken/"))
        thread.join()
    assert data.endswith(b"5\r\nhello\r\n")
    httpd.wait_for_request("200 GET /broken/")


def test_c4_what_would_hold_data_is_refused(httpd: Httpd) -> None:
    one_child(httpd)
    port = httpd.port_of("REFUSED_PORT")
    assert httpd.request("GET", "/say/x", port=port).body == b"/say/x"
    told = "\n".join(seen(httpd))
    for name in ("read", "peek", "lines", "body", "replace"):
        assert f"{name}: a filter of connections holds nothing back" in told
    assert "close: a filter cannot end a connection" in told


def test_c4_nothing_is_held(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        for number in range(3):
            connection.sendall(get(f"/say/{number}"))
            until(connection, f"/say/{number}".encode())


@pytest.mark.parametrize("tls", [False, True])
def test_c5_two_requests_in_one_piece_are_both_answered(httpd: Httpd, tls: bool) -> None:
    with httpd.connect(tls=tls) as connection:
        connection.sendall(get("/old/1") + get("/old/2"))
        started = time.monotonic()
        data = until(connection, b"/new/2\r\n0\r\n\r\n")
        assert time.monotonic() - started < 2
        connection.sendall(get("/old/3", "Connection: close"))
        while part := connection.recv(65536):
            data += part
    assert [answer.text for answer in responses(data)] == ["/new/1", "/new/2", "/new/3"]


def test_c5_a_request_in_drops(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        for byte in get("/older/?<mark>", "Connection: close"):
            connection.sendall(bytes([byte]))
        data = b""
        while part := connection.recv(65536):
            data += part
    assert [answer.text for answer in responses(data)] == ["<MARK>"]


def test_c6_connections_to_other_servers_have_none(httpd: Httpd) -> None:
    one_child(httpd)
    assert httpd.get("/proxied/?<mark>").text == "<MARK>"
    # The client's, the backend's, and the one that asked before. mod_proxy's own would be a fourth.
    assert int(seen(httpd)["connections"]) == 3


def test_c7_above_and_below_tls(httpd: Httpd) -> None:
    one_child(httpd)
    port = httpd.port_of("FIRST_PORT")
    with httpd.connect(port, tls=True) as connection:
        connection.sendall(get("/say/x", "Connection: close"))
        while connection.recv(65536):
            pass
    told = seen(httpd)
    for shape in ("", "PLAIN_"):
        assert (told[f"{shape}ABOVE in {port}"], told[f"{shape}ABOVE out {port}"]) == ("b'GET /'", "b'HTTP/'")
        # Records of TLS: handshake, and version.
        assert told[f"{shape}BELOW in {port}"].startswith("b'\\x16\\x03")
        assert told[f"{shape}BELOW out {port}"].startswith("b'\\x16\\x03")


def test_c8_events_and_lengths_on_http2(httpd: Httpd) -> None:
    needs_http2(httpd)
    url = httpd.url("/events", tls=True)
    assert httpd.curl("--http2", "-N", url).stdout == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert httpd.curl("--http2", httpd.url("/length", tls=True)).stdout == b"abcdef"


def test_c8_each_event_comes_when_it_is_written(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        connection.sendall(get("/events", "Connection: close"))
        pieces = []
        while part := connection.recv(65536):
            pieces.append(part)
    assert len([piece for piece in pieces if b"data:" in piece]) == 3


def test_c10_state_survives_from_request_to_request(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        for number in range(1, 4):
            connection.sendall(get("/say/?number<tally>"))
            until(connection, b"%06d%07d" % (number, number))
            time.sleep(0.1 if number == 1 else 0)


def test_c10_the_generator_is_closed_with_the_connection(httpd: Httpd) -> None:
    one_child(httpd)
    httpd.raw(get("/say/?number", "Connection: close"))
    assert int(seen(httpd)["closed"]) >= 1


def test_metadata_passes_in_its_place(httpd: Httpd) -> None:
    one_child(httpd)
    httpd.raw(get("/say/1") + get("/say/2", "Connection: close"))
    told = seen(httpd)
    assert int(told["EOR"]) >= 2
    assert int(told["EOS"]) >= 2


def test_an_early_return_lets_all_go_by(httpd: Httpd) -> None:
    port = httpd.port_of("REFUSED_PORT")
    data = httpd.raw(get("/say/?once") + get("/say/?once", "Connection: close"), port=port)
    assert [answer.text for answer in responses(data)] == ["ONCE", "once"]


def test_i13_a_failed_input_filter_closes_the_connection(httpd: Httpd) -> None:
    httpd.expect("ValueError: poison", "filter FAIL_IN .* failed")
    port = httpd.port_of("FAIL_IN_PORT")
    data = httpd.raw(get("/say/?fine") + get("/say/?poison") + get("/say/?never"), port=port)
    assert data.count(b"never") == 0
    assert httpd.request("GET", "/say/?alive", port=port).body == b"alive"


def test_a_step_that_takes_too_long_ends_the_connection(httpd: Httpd) -> None:
    httpd.expect("one step took more than time=0.2", "filter SLOW .* failed", "FilterTimeout")
    started, port = time.monotonic(), httpd.port_of("FAIL_PORT")
    assert httpd.raw(get("/say/?linger"), port=port) == b""
    assert time.monotonic() - started < 3
    assert httpd.request("GET", "/say/?alive", port=port).body == b"alive"
