"""WebSockets (RFC 6455) as programs for mod_python 3 had them: a handler that talks over its request's connection.

It answers the handshake by itself with req.connection.write(), and then reads and writes frames. A text that is "bye"
ends the connection; other messages come back as they are.
"""

import base64
import hashlib
import struct

from mod_python import apache

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class ConnectionTerminatedError(Exception):
    pass


class Stream:
    def __init__(self, request: apache.Request) -> None:
        self.connection = request.connection

    def receive(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            piece = self.connection.read(length - len(data))
            if not piece:
                raise ConnectionTerminatedError()
            data += piece
        return data

    def send(self, opcode: int, payload: bytes) -> None:
        if len(payload) < 126:
            head = struct.pack("!BB", 0x80 | opcode, len(payload))
        elif len(payload) < 0x10000:
            head = struct.pack("!BBH", 0x80 | opcode, 126, len(payload))
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, len(payload))
        self.connection.write(head + payload)

    def frame(self) -> tuple[bool, int, bytes]:
        first, second = self.receive(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.receive(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.receive(8))
        mask = self.receive(4)
        payload = bytearray(self.receive(length))
        for index, byte in enumerate(mask):
            payload[index::4] = bytes(one ^ byte for one in payload[index::4])
        return bool(first & 0x80), first & 0x0F, bytes(payload)

    def message(self) -> tuple[int, bytes] | None:
        kind, data = 0, b""
        while True:
            is_last, opcode, payload = self.frame()
            if opcode == CLOSE:
                self.send(CLOSE, payload)
                return None
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode != PONG:
                kind, data = opcode or kind, data + payload
                if is_last:
                    return kind, data


def _handshake(request: apache.Request) -> None:
    key = request.headers_in["Sec-WebSocket-Key"].encode()
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
    for line in (
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept}",
        "",
    ):
        request.connection.write(line + "\r\n")


def _serve(request: apache.Request) -> None:
    _handshake(request)
    stream = Stream(request)
    try:
        while message := stream.message():
            stream.send(*message)
            if message == (TEXT, b"bye"):
                stream.send(CLOSE, struct.pack("!H", 1000))
                stream.frame()
                break
    except ConnectionTerminatedError:
        request.log_error("the client left", apache.APLOG_INFO)


def headerparserhandler(request: apache.Request) -> int:
    "The phase in which mod_pywebsocket works."
    if request.headers_in.get("Upgrade", "").lower() != "websocket":
        return apache.DECLINED
    _serve(request)
    request.assbackwards = 1  # no headers of httpd's
    return apache.DONE


def handler(request: apache.Request) -> int:
    if "Upgrade" not in request.headers_in:
        request.write("not a WebSocket")
        return apache.OK
    _serve(request)
    return apache.OK
