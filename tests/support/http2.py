"""HTTP/2 by hand: one request on a connection of its own, its body sent as the test likes."""

import ssl
from collections.abc import Iterable
from typing import NamedTuple

from httpd import Httpd

_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_NAMES = ("authority", "method", "path", "scheme")
_STATUSES = (200, 204, 206, 304, 400, 404, 500)  # RFC 7541, Appendix A, from 8 on


class Frame(NamedTuple):
    """A frame of HTTP/2 (RFC 9113, 4.1): its type, whether it ends the stream, and its payload."""

    type: int
    ends: bool
    payload: bytes


class Stream:
    """A POST, its header sent; a context manager that closes its connection."""

    def __init__(self, httpd: Httpd, path: str, *headers: tuple[str, str]) -> None:
        tls = ssl.create_default_context(cafile=httpd.certificate)
        tls.set_alpn_protocols(["h2"])
        self._socket = tls.wrap_socket(httpd.connect(httpd.tls_port), server_hostname="localhost")
        assert self._socket.selected_alpn_protocol() == "h2"
        self._input = self._socket.makefile("rb")
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self._send(_SETTINGS, 0, b"", 0)
        pseudo = zip(_NAMES, ("localhost", "POST", path, "https"), strict=True)
        self._send(_HEADERS, _END_HEADERS, _packed([*((f":{name}", value) for name, value in pseudo), *headers]))

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._input.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send a part of the body."""
        self._send(_DATA, 0, data)

    def end(self, *trailers: tuple[str, str]) -> None:
        """End the body."""
        if trailers:
            self._send(_HEADERS, _END_HEADERS | _END_STREAM, _packed(trailers))
        else:
            self._send(_DATA, _END_STREAM, b"")

    def status(self) -> int:
        """Wait for a header and return its status, which may be 100."""
        while (frame := self._receive()).type != _HEADERS:
            assert frame.type not in (_RST, _GOAWAY), frame
        return _status(frame.payload)

    def body(self) -> bytes:
        """Wait for the end of the response and return its body."""
        data = b""
        while True:
            frame = self._receive()
            assert frame.type not in (_RST, _GOAWAY), frame
            data += frame.payload if frame.type == _DATA else b""
            if frame.ends:
                return data

    def _send(self, kind: int, flags: int, payload: bytes, stream: int = 1) -> None:
        head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
        self._socket.sendall(head + payload)

    def _receive(self) -> Frame:
        head = self._input.read(9)
        assert len(head) == 9, "the server closed the connection"
        size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        payload = self._input.read(size)
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            self._send(kind, _ACK, payload if kind == _PING else b"", 0)
        return Frame(kind, kind in (_DATA, _HEADERS) and bool(flags & _END_STREAM), payload)


def _packed(headers: Iterable[tuple[str, str]]) -> bytes:
    # Each as a "literal header field without indexing, new name": RFC 7541, section 6.2.2.
    texts = (text.encode() for header in headers for text in header)
    return b"".join((b"" if at % 2 else b"\0") + bytes([len(text)]) + text for at, text in enumerate(texts))


def _status(block: bytes) -> int:
    # The first field, in front of which the size of the table may be updated.
    while block[0] & 0xE0 == 0x20:
        block = block[1 if block[0] & 0x1F < 0x1F else next(at for at in range(1, 9) if block[at] < 0x80) + 1 :]
    if block[0] & 0x80:
        return _STATUSES[(block[0] & 0x7F) - 8]
    length, text = block[1] & 0x7F, block[2:]
    return int(_digits(text[:length]) if block[1] & 0x80 else text[:length])


def _digits(coded: bytes) -> str:
    # Huffman's code of digits: RFC 7541, Appendix B.
    bits, text = "".join(f"{byte:08b}" for byte in coded), ""
    while len(text) < 3:
        short = bits[:5] in ("00000", "00001", "00010")
        text += str(int(bits[:5], 2) if short else int(bits[:6], 2) - 0b011001 + 3)
        bits = bits[5 if short else 6 :]
    return text
