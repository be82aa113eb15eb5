"""What WSGI and ASGI applications have in common: cases that the tests of both run with pages of their own."""

import http.client

import http1
from httpd import Httpd

GIGABYTE = 1 << 30
MOST = 16 * 1024  # KiB


def expect_continue(httpd: Httpd, unread: str) -> None:
    """A client that waits for 100 Continue gets it from /echo, and none from a page that reads nothing."""
    with httpd.connect() as connection:
        lines = ["POST /echo HTTP/1.1", "Host: x", "Content-Length: 4", "Expect: 100-continue", "Connection: close"]
        connection.sendall(http1.head(*lines))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(b"body")
        data = b""
        while more := connection.recv(1000):
            data += more
    assert data.endswith(b"\r\n\r\nbody")
    request = http1.get(unread, "Content-Length: 4", "Expect: 100-continue", "Connection: close")
    assert httpd.raw(request).startswith(b"HTTP/1.1 200"), "an application that reads nothing gets no body"


def a_gigabyte_up_and_down(httpd: Httpd, sink: str, source: str) -> None:
    """A gigabyte each way takes no memory.

    Args:
        httpd: the server.
        sink: the path of a page that answers the length of a body.
        source: that of one that sends as many bytes as its query says.
    """
    block = b"x" * (1 << 20)
    assert httpd.request("POST", sink, [block] * 16).text == str(16 << 20)
    assert len(httpd.get(f"{source}?{16 << 20}").body) == 16 << 20
    before = {pid: httpd.memory(pid).peak for pid in httpd.children()}
    assert httpd.request("POST", sink, (block for _ in range(GIGABYTE >> 20))).text == str(GIGABYTE)
    connection = http.client.HTTPConnection("localhost", httpd.port, timeout=60)
    connection.request("GET", f"{source}?{GIGABYTE}")
    response, total = connection.getresponse(), 0
    while data := response.read(1 << 20):
        total += len(data)
    connection.close()
    assert total == GIGABYTE
    for pid, peak in before.items():
        assert httpd.memory(pid).peak - peak < MOST
