"""Small servers behind mod_proxy: each takes one protocol's requests, and goes by the length that it is told.

They answer as the readers of tests/filters/test_body_readers.py do: "length N, coding C", and the body. Where a range
is asked for they also name it, and send all the same all of the body.
"""

import contextlib
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, TypeAlias

Answer: TypeAlias = Callable[[BinaryIO, BinaryIO], None]


def report(variables: Mapping[str, str], body: bytes) -> bytes:
    """Return a response body: the length and coding that the CGI variables give, a newline, and the request's body."""
    length = variables.get("CONTENT_LENGTH") or "none"
    coding = variables.get("HTTP_TRANSFER_ENCODING", "none")
    asked = f", range {variables['HTTP_RANGE']}" if "HTTP_RANGE" in variables else ""
    return f"length {length}, coding {coding}{asked}\n".encode() + body


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError(f"{len(data)} bytes in place of {size}")
    return data


def _text(pairs: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in pairs.items()}


def _cgi(body: bytes) -> bytes:
    return b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body


def scgi(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Serve one request of SCGI: a netstring of variables, then as many bytes as CONTENT_LENGTH says."""
    size = b""
    while (digit := _exactly(incoming, 1)) != b":":
        size += digit
    parts = _exactly(incoming, int(size)).split(b"\0")[:-1]
    variables = _text(dict(zip(parts[::2], parts[1::2], strict=True)))
    _exactly(incoming, 1)  # the comma
    outgoing.write(_cgi(report(variables, _exactly(incoming, int(variables["CONTENT_LENGTH"])))))


def uwsgi(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Serve one request of uwsgi: a packet of variables, then as many bytes as CONTENT_LENGTH says."""
    _, size, _ = struct.unpack("<BHB", _exactly(incoming, 4))
    packet, words = _exactly(incoming, size), []
    while packet:
        (length,) = struct.unpack_from("<H", packet)
        words.append(packet[2 : 2 + length])
        packet = packet[2 + length :]
    variables = _text(dict(zip(words[::2], words[1::2], strict=True)))
    body = _exactly(incoming, int(variables.get("CONTENT_LENGTH") or 0))
    answer = report(variables, body)
    outgoing.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + answer)


_BEGIN_REQUEST, _END_REQUEST, _PARAMS, _STDIN, _STDOUT = 1, 3, 4, 5, 6


def fcgi(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Serve one request of FastCGI as php-fpm does: of the body no more is read than CONTENT_LENGTH says."""
    parameters = body = b""
    ended = False
    while not ended:
        _, kind, identity, length, padding, _ = struct.unpack(">BBHHBB", _exactly(incoming, 8))
        content = _exactly(incoming, length)
        _exactly(incoming, padding)
        if kind == _PARAMS:
            parameters += content
        elif kind == _STDIN:
            body += content
            ended = not content
    variables = _text(_parameters(parameters))
    answer = _cgi(report(variables, body[: int(variables.get("CONTENT_LENGTH") or 0)]))
    for at in range(0, len(answer), 60000):
        part = answer[at : at + 60000]
        outgoing.write(struct.pack(">BBHHBB", 1, _STDOUT, identity, len(part), 0, 0) + part)
    outgoing.write(struct.pack(">BBHHBB", 1, _STDOUT, identity, 0, 0, 0))
    outgoing.write(struct.pack(">BBHHBB", 1, _END_REQUEST, identity, 8, 0, 0) + bytes(8))


def _parameters(data: bytes) -> dict[bytes, bytes]:
    """The name-value pairs of FastCGI."""
    found = {}
    while data:
        sizes = []
        for _ in range(2):
            if data[0] & 0x80:
                sizes.append(struct.unpack_from(">I", data)[0] & 0x7FFFFFFF)
                data = data[4:]
            else:
                sizes.append(data[0])
                data = data[1:]
        name, value = sizes
        found[data[:name]] = data[name : name + value]
        data = data[name + value :]
    return found


_AJP_HEADERS = {0xA008: "CONTENT_LENGTH"}


def ajp(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Serve one request of AJP 1.3 as Tomcat does: a body without a length is asked for, piece by piece."""
    message = _ajp_message(incoming)
    variables, at = {}, 2  # the code of the message, and that of the method

    def string() -> str:
        nonlocal at
        (length,) = struct.unpack_from(">H", message, at)
        at += 2
        if length == 0xFFFF:
            return ""
        text = message[at : at + length].decode("latin-1")
        at += length + 1
        return text

    for _ in range(5):  # protocol, URI, address, host, server
        string()
    at += 3  # port, TLS
    (count,) = struct.unpack_from(">H", message, at)
    at += 2
    for _ in range(count):
        (code,) = struct.unpack_from(">H", message, at)
        if code & 0xFF00 == 0xA000:
            at += 2
            name = _AJP_HEADERS.get(code, "")
        else:
            name = "HTTP_" + string().upper().replace("-", "_")
        variables[name] = string()
    body = _ajp_body(incoming, outgoing, variables.get("CONTENT_LENGTH"))
    answer = report(variables, body)
    for at in range(0, len(answer), 8000):
        part = answer[at : at + 8000]
        if at == 0:
            _ajp_send(outgoing, b"\4" + struct.pack(">H", 200) + b"\0\2OK\0" + b"\0\0")
        _ajp_send(outgoing, b"\3" + struct.pack(">H", len(part)) + part + b"\0")
    _ajp_send(outgoing, b"\5\0")


def _ajp_body(incoming: BinaryIO, outgoing: BinaryIO, length: str | None) -> bytes:
    """The body: its first piece comes by itself only where a length was said."""
    body = b""
    first = length is not None and length != "0"
    while length is None or len(body) < int(length):
        if not first:
            _ajp_send(outgoing, b"\6" + struct.pack(">H", 8186))
        first = False
        piece = _ajp_message(incoming)
        size = struct.unpack_from(">H", piece)[0] if piece else 0
        if not size:
            break
        body += piece[2 : 2 + size]
    return body


def _ajp_message(incoming: BinaryIO) -> bytes:
    mark, size = struct.unpack(">HH", _exactly(incoming, 4))
    assert mark == 0x1234
    return _exactly(incoming, size)


def _ajp_send(outgoing: BinaryIO, message: bytes) -> None:
    outgoing.write(b"AB" + struct.pack(">H", len(message)) + message)
    outgoing.flush()


@contextlib.contextmanager
def serve(port: int, answer: Answer) -> Iterator[None]:
    """Serve connections to a port of 127.0.0.1, one request each."""

    class Handler(socketserver.StreamRequestHandler):
        timeout = 20
        wbufsize = -1

        def handle(self) -> None:
            # The other side may give up: what it was sent by then is what counts.
            with contextlib.suppress(EOFError, OSError):
                answer(self.rfile, self.wfile)  # type: ignore[arg-type]

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
