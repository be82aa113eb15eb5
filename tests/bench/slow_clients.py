"""Clients that take or send much at an `async def` handler: what they cost one child with 16 threads.

200 readers of 10 MB each that take nothing for a while: how much the child grows, beyond what as many idle connections
take, and how long a GET beside them takes; then they read to the end. And request bodies of 1 GB, with a length and in
chunks.

By hand: target/venv/bin/python tests/bench/slow_clients.py [--readers 200] [--gigabytes 1]
"""

import argparse
import contextlib
import selectors
import socket
import ssl
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
if str(TESTS.parent) not in sys.path:
    sys.path += [str(TESTS.parent), str(TESTS / "support"), str(TESTS.parent / "scripts")]

from http1 import chunk, head  # noqa: E402
from httpd import Httpd  # noqa: E402
from tests.bench.one_child import ONE_CHILD  # noqa: E402

MOST = 16 << 10  # KiB, for all
SIZE = 10_000_000
HANDLER = f"""
from mod_python import apache

DATA = bytes({SIZE})

async def small(req):
    await req.sleep(0.02)  # httpd closes no connection that has waited
    req.set_content_length(5)
    await req.write("small")
    return apache.OK

async def whole(req):
    req.set_content_length(len(DATA))
    await req.write(DATA)
    return apache.OK

async def pieces(req):
    req.set_content_length(len(DATA))
    for at in range(0, len(DATA), 16_384):
        await req.write(DATA[at : at + 16_384])
    return apache.OK

async def file(req):
    req.set_content_length(len(DATA))
    await req.sendfile(req.document_root() + "/data.bin")
    return apache.OK

async def body(req):
    total = 0
    async for piece in req:
        total += len(piece)
    text = str(total)
    req.set_content_length(len(text))
    await req.write(text)
    return apache.OK
"""
CONF = f"""{ONE_CHILD}AsyncRequestWorkerFactor 100
PythonMaxWaitingRequests 1000
LimitRequestBody 0
Timeout 60
KeepAliveTimeout 60
"""
CONF += "".join(
    f'<Location "/{name}">\n    SetHandler mod_python\n    PythonHandler slow_clients::{name}\n</Location>\n'
    for name in ("small", "whole", "pieces", "file", "body")
)


def ask(client: socket.socket, path: str) -> None:
    """Send a GET."""
    client.sendall(head(f"GET {path} HTTP/1.1", "Host: localhost"))


def read(client: socket.socket, size: int) -> None:
    """Read a response whose body has this size."""
    data = client.recv(65536)
    while b"\r\n\r\n" not in data:
        data += client.recv(65536)
    left = size - len(data.partition(b"\r\n\r\n")[2])
    while left:
        left -= len(client.recv(min(left, 65536)))


def read_all(clients: list[socket.socket]) -> int:
    """Let all clients read their responses at the same time: how many bodies were whole."""
    selector, left = selectors.DefaultSelector(), {}
    for client in clients:
        client.setblocking(False)
        selector.register(client, selectors.EVENT_READ, client)
        left[client] = -1
    whole, open_ones = 0, len(clients)
    while open_ones:
        ready = selector.select(30)
        assert ready, "a response does not go on"
        for key, _ in ready:
            client = key.data
            with contextlib.suppress(ssl.SSLWantReadError, BlockingIOError):
                while left[client]:
                    data = client.recv(65536)
                    if left[client] < 0:
                        left[client] = SIZE
                        data = data.partition(b"\r\n\r\n")[2]
                    elif not data:
                        break
                    left[client] -= len(data)
                selector.unregister(client)
                open_ones -= 1
                whole += left[client] == 0
    selector.close()
    return whole


def readers(httpd: Httpd, path: str, count: int, *, tls: bool) -> int:
    """Measure slow readers: how many KiB the child grows."""
    (pid,) = map(int, httpd.children())
    clients = []
    for _ in range(count):
        clients.append(httpd.connect(tls=tls, timeout=60))
        ask(clients[-1], "/small")  # at once: a connection without a request holds a thread
        read(clients[-1], 5)
    before = httpd.memory(pid).now
    for client in clients:
        ask(client, path)
    time.sleep(2)
    times = []
    for _ in range(20):
        begin = time.monotonic()
        assert httpd.get("/small").text == "small"
        times.append(time.monotonic() - begin)
    stuck = httpd.memory(pid).now - before
    begin = time.monotonic()
    whole = read_all(clients)
    seconds = time.monotonic() - begin
    grown = httpd.memory(pid).now - before
    for client in clients:
        client.close()
    what = f"{path}{' over TLS' if tls else ''}: {count} readers"
    beside = f"a GET beside them in {1000 * max(times):.1f} ms at most"
    print(
        f"{what}: {stuck:+} KiB while they take nothing, {beside}; {grown:+} KiB at the end, {seconds:.1f} s",
        flush=True,
    )
    assert whole == count
    return max(stuck, grown)


def upload(httpd: Httpd, size: int, *, chunked: bool) -> int:
    """Measure one large body: how many KiB the peak of the child grows."""
    (pid,) = map(int, httpd.children())
    before = httpd.memory(pid).peak
    piece, begin = bytes(1 << 20), time.monotonic()
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    with httpd.connect(timeout=60) as client:
        client.sendall(head("POST /body HTTP/1.1", "Host: localhost", framing))
        sent = chunk(piece) if chunked else piece
        for _ in range(size >> 20):
            client.sendall(sent)
        if chunked:
            client.sendall(chunk(b""))
        assert client.recv(65536).endswith(str(size).encode())
    grown = httpd.memory(pid).peak - before
    seconds = time.monotonic() - begin
    print(f"a body of {size >> 20} MiB, {framing.split(':')[0]}: +{grown} KiB, {seconds:.1f} s", flush=True)
    return grown


def main() -> None:
    """Measure and print; a growth beyond the budget ends with 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=200, help="how many clients read slowly")
    parser.add_argument("--gigabytes", type=int, default=1, help="the size of a request body")
    options = parser.parse_args()
    bad = 0
    with Httpd(CONF, allow=["AH0004[56]"]) as httpd:
        httpd.handler("slow_clients.py", HANDLER)
        httpd.write("data.bin", bytes(SIZE))
        for chunked in (False, True):
            upload(httpd, 1 << 24, chunked=chunked)
            bad += upload(httpd, options.gigabytes << 30, chunked=chunked) > MOST
        for tls in (False, True):
            for path in ("/whole", "/pieces", "/file"):
                bad += readers(httpd, path, options.readers, tls=tls) > MOST
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
