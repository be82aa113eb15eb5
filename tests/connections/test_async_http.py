"""HTTP beside connection handlers that decline, and beside filters that wait: a part of P20.

tests/handlers/test_async_handlers.py and test_async_ends.py have that of `async def` handlers of requests.
"""

import re
import socket
import struct
import time

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler async_http::@
    Timeout 5
</VirtualHost>
"""
TLS = """    SSLEngine on
    SSLCertificateFile "${CERT}"
    SSLCertificateKeyFile "${KEY}"
</VirtualHost>
"""
CONF = (
    HOST.replace("@", "sniffs")
    + HOST.replace("${@_PORT}", "${TLS_@_PORT}").replace("@", "sniffs").replace("</VirtualHost>\n", TLS)
    + HOST.replace("@", "ponders")
    + """
PythonOutputFilter async_http waits
<Location "/waits">
    SetOutputFilter WAITS
</Location>
"""
)
both = pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


PATHS = ["/a.txt", "/b.txt", "/c.txt"]
PIPELINED = get("/a.txt") + get("/b.txt") + get("/c.txt", "Connection: close")


def said(httpd: Httpd) -> list[str]:
    return re.findall(r"life: (.*)$", httpd.log(), re.MULTILINE)


def leave(client: socket.socket, how: str) -> None:
    if how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def logged(httpd: Httpd, before: int, count: int) -> list[str]:
    """Return what was logged behind the first `before`, when that is `count` requests or a while has passed."""
    deadline = time.monotonic() + 5
    while len(httpd.requests()) < before + count and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)  # one too many would be the next
    return httpd.requests()[before:]


def answers(httpd: Httpd, pieces: list[bytes], tls: bool) -> list[str]:
    """Return the bodies of what comes for requests that are sent in pieces."""
    with httpd.connect(httpd.port_of("TLS_sniffs_PORT" if tls else "sniffs_PORT"), tls=tls) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, piece in enumerate(pieces):
            time.sleep(0.01 if number else 0)
            client.sendall(piece)
        got = b""
        while chunk := client.recv(65536):
            got += chunk
    return re.findall(r"\r\n\r\n(/..txt)", got.decode())


@pytest.fixture
def before(httpd: Httpd) -> int:
    """Return how many requests were logged before the test, which has its files."""
    for path in PATHS:
        httpd.write(path[1:], path)
    count = -1
    while count != (count := len(httpd.requests())):  # a test's last line can be written behind its answer
        time.sleep(0.1)
    return count


# ---- a connection handler that leaves the connection to HTTP


@both
@pytest.mark.parametrize("count", [1, 2, 3])
def test_p20_what_is_pipelined_behind_a_peek_is_answered_in_order(
    httpd: Httpd, before: int, count: int, tls: bool
) -> None:
    requests = [get(path) for path in PATHS[: count - 1]] + [get(PATHS[count - 1], "Connection: close")]
    assert answers(httpd, [b"".join(requests)], tls) == PATHS[:count]
    assert logged(httpd, before, count) == [f"200 GET {path} HTTP/1.1" for path in PATHS[:count]]


@both
def test_p20_wherever_it_is_cut_nothing_is_lost_or_answered_twice(httpd: Httpd, before: int, tls: bool) -> None:
    first = len(get("/a.txt"))
    cuts = [1, 2, 3, 4, 5, *range(11, first, 9), first - 1, first, first + 1, first + 3, 2 * first, 2 * first + 1]
    for cut in cuts:
        assert answers(httpd, [PIPELINED[:cut], PIPELINED[cut:]], tls) == PATHS, f"cut at {cut}"
    pieces = [PIPELINED[at : at + 1] for at in range(6)] + [PIPELINED[6 : first + 2], PIPELINED[first + 2 :]]
    assert answers(httpd, pieces, tls) == PATHS
    lines = [f"200 GET {path} HTTP/1.1" for path in PATHS] * (len(cuts) + 1)
    assert logged(httpd, before, len(lines)) == lines


@both
def test_p20_what_comes_after_an_answer_is_answered_too(httpd: Httpd, before: int, tls: bool) -> None:
    """Keep-alive: nothing is there behind the first request when it is answered."""
    with httpd.connect(httpd.port_of("TLS_sniffs_PORT" if tls else "sniffs_PORT"), tls=tls) as client:
        for path in PATHS:
            client.sendall(get(path))
            got = b""
            while not got.endswith(path.encode()):
                chunk = client.recv(65536)
                assert chunk, f"closed instead of an answer to {path}"
                got += chunk
            time.sleep(0.02)
    assert logged(httpd, before, 3) == [f"200 GET {path} HTTP/1.1" for path in PATHS]


@pytest.mark.parametrize("how", ["end", "reset"])
@pytest.mark.parametrize("sent", [b"", b"GE"], ids=["nothing", "something"])
def test_p20_a_client_that_leaves_before_the_decision_is_no_request(
    httpd: Httpd, before: int, sent: bytes, how: str
) -> None:
    children = httpd.children()
    client = httpd.connect(httpd.port_of("ponders_PORT"))
    client.sendall(sent)
    httpd.wait_for_log("life: begins")
    time.sleep(0.05)
    leave(client, how)
    httpd.wait_for_log("life: finally")
    # The end of the input is no error: a peek gives less, and HTTP finds the end.
    assert said(httpd) == ["begins", "ConnectionResetError" if how == "reset" else "peeked", "finally"]
    assert logged(httpd, before, 0) == []
    if httpd.mpm != "prefork":  # which has more or less of them as it likes
        assert httpd.children() == children


def test_p20_a_reset_during_another_wait_is_told(httpd: Httpd, before: int) -> None:
    """The request is there, and is peeked at: nobody reads more of it, but a reset does not wait for that."""
    client = httpd.connect(httpd.port_of("ponders_PORT"))
    client.sendall(get("/a.txt"))
    httpd.wait_for_log("life: peeked")
    leave(client, "reset")
    httpd.wait_for_log("life: finally")
    assert said(httpd) == ["begins", "peeked", "ConnectionResetError", "finally"]
    assert logged(httpd, before, 0) == []


def test_p20_who_ends_only_its_side_is_answered(httpd: Httpd, before: int) -> None:
    answer = httpd.raw(get("/a.txt"), port=httpd.port_of("ponders_PORT"), half_close=True)
    assert answer.endswith(b"\r\n\r\n/a.txt")
    assert said(httpd) == ["begins", "peeked", "finally"]
    assert logged(httpd, before, 1) == ["200 GET /a.txt HTTP/1.1"]


# ---- a filter that waits


@pytest.mark.parametrize("how", ["end", "reset"])
def test_p20_a_client_that_leaves_while_a_filter_waits(httpd: Httpd, before: int, how: str) -> None:
    """A filter holds its thread: it hears of the client when it next yields, and is closed there."""
    httpd.write("waits/big.txt", b"x" * 20_000_000)
    client = httpd.connect()
    client.sendall(get("/waits/big.txt") + get("/a.txt"))
    httpd.wait_for_log("life: waits")
    leave(client, how)
    httpd.wait_for_log("life: finally")
    notes = said(httpd)
    assert notes[-2:] == ["GeneratorExit", "finally"]
    assert notes.count("finally") == 1
    # It does not go through the rest of the file: that would be hundreds of waits.
    assert len(notes) < 20
    # What is pipelined behind it was for nobody.
    assert logged(httpd, before, 1) == ["200 GET /waits/big.txt HTTP/1.1"]


def test_p20_the_threads_of_filters_whose_clients_left_are_free_again(httpd: Httpd, before: int) -> None:
    httpd.write("waits/big.txt", b"x" * 20_000_000)
    count = 12 if httpd.mpm == "prefork" else 20
    clients = [httpd.connect() for _ in range(count)]
    for client in clients:
        client.sendall(get("/waits/big.txt"))
    httpd.wait_for_log("(?s)" + "life: begins.*" * count)
    for client in clients:
        leave(client, "reset")
    assert logged(httpd, before, count) == ["200 GET /waits/big.txt HTTP/1.1"] * count
    assert said(httpd).count("finally") == count
    assert httpd.get("/a.txt").text == "/a.txt"
