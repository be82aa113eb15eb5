"""Large bodies that async handlers read in pieces leave no holes in the memory of their child."""

from http1 import head
from httpd import Httpd

MPMS = ("event",)
CONF = """
LimitRequestBody 0
ThreadsPerChild 16
MaxRequestWorkers 16
ServerLimit 1
StartServers 1
<Location "/body">
    SetHandler mod_python
    PythonHandler body_memory
</Location>
"""
MIB = 1 << 20


def upload(httpd: Httpd, size: int) -> None:
    piece = bytes(MIB)
    with httpd.connect(timeout=60) as client:
        client.sendall(head("POST /body HTTP/1.1", "Host: localhost", f"Content-Length: {size}"))
        for _ in range(size // MIB):
            client.sendall(piece)
        assert client.recv(65536).endswith(str(size).encode())


def test_memory_is_flat(httpd: Httpd) -> None:
    upload(httpd, 64 * MIB)
    (child,) = httpd.children()
    before = httpd.memory(child).peak
    upload(httpd, 4096 * MIB)
    assert httpd.memory(child).peak - before < 16 * 1024
