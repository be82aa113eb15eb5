"""HTTP/1.1 by hand: requests in any shape, and all responses of one connection."""

import http.client
import io
import socket
import time
from collections.abc import Iterable

from httpd import Response


def post(path: str, body: bytes | Iterable[bytes], *headers: str) -> bytes:
    """Return a POST as it is sent: with a length, or in chunks if the body is not `bytes`."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", *headers]
    if isinstance(body, bytes):
        return head(*lines, f"Content-Length: {len(body)}") + body
    return head(*lines, "Transfer-Encoding: chunked") + b"".join(chunk(piece) for piece in body) + chunk(b"")


def get(path: str, *headers: str) -> bytes:
    """Return a GET as it is sent."""
    return head(f"GET {path} HTTP/1.1", "Host: localhost", *headers)


def head(*lines: str) -> bytes:
    """Return the lines of a request with what ends them."""
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body; the last one if it is empty."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def drip(connection: socket.socket, request: bytes, body: Iterable[bytes], pause: float) -> bytes:
    """Send a request without its body, then that, piece by piece; return what comes back to the end."""
    connection.sendall(request)
    for piece in body:
        time.sleep(pause)
        connection.sendall(piece)
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


def responses(data: bytes) -> list[Response]:
    """Return all responses of a connection; one that is cut raises http.client.HTTPException."""
    stream, found = io.BytesIO(data), []
    while stream.tell() < len(data):
        status = int(stream.readline().split()[1])
        headers = http.client.parse_headers(stream)
        if status == 100:
            body = b""
        elif headers["Transfer-Encoding"] == "chunked":
            body = _chunks(stream)
        elif headers["Content-Length"] is not None:
            body = _exactly(stream, int(headers["Content-Length"]))
        else:
            body = stream.read()
        found.append(Response(status, headers, body))
    return found


def _chunks(stream: io.BytesIO) -> bytes:
    body = b""
    while size := int(stream.readline().split(b";")[0] or b"x", 16):
        body += _exactly(stream, size)
        stream.readline()
    while stream.readline().strip():
        pass  # trailers
    return body


def _exactly(stream: io.BytesIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise http.client.IncompleteRead(data, size - len(data))
    return data
