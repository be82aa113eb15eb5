"""Output filters in constant memory, whatever the size of the response and the haste of its reader."""

import hashlib
import socket
import time

import pytest

from httpd import Httpd

CONF = """
MaxKeepAliveRequests 0
PythonOutputFilter output_filters::upper UPPER
PythonOutputFilter output_filters::unchanged UNCHANGED
PythonOutputFilter large_responses::reverse_pieces REVERSE
PythonOutputFilter large_responses::many_flushes MANY
PythonOutputFilter large_responses::mark MARK
PythonOutputFilter output_errors::later LATER
<Location "/upper">
    SetOutputFilter UPPER
</Location>
<Location "/unchanged">
    SetOutputFilter UNCHANGED
</Location>
<Location "/many_flushes">
    SetOutputFilter MANY
</Location>
<Location "/pieces">
    SetHandler mod_python
    PythonHandler large_responses::pieces
</Location>
<Location "/pieces/upper">
    SetOutputFilter UPPER
</Location>
<Location "/pieces/reverse">
    SetOutputFilter REVERSE
</Location>
<Location "/flushes">
    SetHandler mod_python
    PythonHandler large_responses::flushes
    SetOutputFilter UPPER
</Location>
<Location "/alive">
    SetHandler mod_python
    PythonHandler large_responses::alive
</Location>
<LocationMatch "^/marked">
    SetOutputFilter MARK
</LocationMatch>
<LocationMatch "^/marked/late">
    SetOutputFilter MARK;LATER
</LocationMatch>
Redirect "/marked/moved" "/elsewhere"
ErrorDocument 404 /marked/sorry.html
"""
MB = 1 << 20


def stream(httpd: Httpd, path: str, *, tls: bool = False) -> tuple[int, str]:
    """Length and hash of a body of any size."""
    with httpd.connect(tls=tls, timeout=60) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        return drain(connection)


def drain(connection: socket.socket) -> tuple[int, str]:
    with connection.makefile("rb") as answer:
        while answer.readline() not in (b"\r\n", b""):
            pass
        length, digest, buffer = 0, hashlib.sha1(), bytearray(256 * 1024)
        while count := answer.readinto(buffer):
            digest.update(memoryview(buffer)[:count])
            length += count
        return length, digest.hexdigest()


def peak(httpd: Httpd) -> int:
    """The peak memory of the child that had most of it, in MB."""
    return max(httpd.memory(pid).peak for pid in httpd.children()) // 1024


def expected(block: bytes, times: int) -> tuple[int, str]:
    digest = hashlib.sha1()
    for _ in range(times):
        digest.update(block)
    return len(block) * times, digest.hexdigest()


@pytest.mark.parametrize("megabytes", [1, 64, 300])
@pytest.mark.parametrize("name", ["upper", "unchanged"])
def test_o6_files_of_any_size(httpd: Httpd, name: str, megabytes: int) -> None:
    block = bytes(range(256)) * (MB // 256 - 1) + b"a little change of the rhythm".ljust(256)
    path = httpd.write(f"{name}/large.bin", b"")
    stream(httpd, f"/{name}/large.bin")
    before = peak(httpd)
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
    assert stream(httpd, f"/{name}/large.bin") == expected(block.upper() if name == "upper" else block, megabytes)
    path.unlink()
    assert peak(httpd) - before < 16


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("path", ["/pieces", "/pieces/upper"])
def test_o6_a_large_response_of_one_call_of_a_handler(httpd: Httpd, path: str, tls: bool) -> None:
    stream(httpd, f"{path}?1", tls=tls)
    before = peak(httpd)
    assert stream(httpd, f"{path}?500", tls=tls)[0] == 50_000_000
    assert peak(httpd) - before < 16


@pytest.mark.parametrize("path", ["/upper/h2.bin", "/pieces/upper?640"])
def test_o6_with_http2(httpd: Httpd, path: str) -> None:
    # Buckets cross threads there, and are destroyed on any of them.
    block = bytes(range(256)) * 250
    httpd.write("upper/h2.bin", block * 1000)
    httpd.curl("-o", "/dev/null", httpd.url(path.replace("640", "1"), tls=True))
    before, target = peak(httpd), httpd.folder / "h2.bin"
    done = httpd.curl("-o", target, "-w", "%{http_version}", httpd.url(path, tls=True))
    assert (done.returncode, done.stdout) == (0, b"2")
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha1").hexdigest()
    assert (target.stat().st_size, digest) == (
        expected(block.upper(), 1000) if "upper/h2" in path else stream(httpd, "/pieces?640")
    )
    assert peak(httpd) - before < 16


def test_o14_bytes_live_as_long_as_their_bucket(httpd: Httpd) -> None:
    plain = httpd.get("/pieces?60").body
    mirrored = b"".join(plain[start : start + 100_000][::-1] for start in range(0, len(plain), 100_000))
    with httpd.connect(timeout=30) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        connection.sendall(b"GET /pieces/reverse?60 HTTP/1.0\r\n\r\n")
        answer = bytearray()
        while data := connection.recv(100_000):
            answer += data
            time.sleep(0.001)
    body = bytes(answer).partition(b"\r\n\r\n")[2]
    assert hashlib.sha1(body).hexdigest() == hashlib.sha1(mirrored).hexdigest()


def test_o34_a_reader_that_waits_holds_up_the_filter(httpd: Httpd) -> None:
    stream(httpd, "/pieces/upper?1")
    before = peak(httpd)
    with httpd.connect(timeout=30) as connection:
        connection.sendall(b"GET /pieces/upper?600 HTTP/1.0\r\n\r\n")
        time.sleep(0.5)
        assert peak(httpd) - before < 16
        assert drain(connection)[0] == 60_000_000
    assert peak(httpd) - before < 16


@pytest.mark.parametrize("path", ["/flushes?10000", "/many_flushes/a.txt"])
def test_o15_many_flushes_in_one_response(httpd: Httpd, path: str) -> None:
    httpd.write("many_flushes/a.txt", "")
    stream(httpd, path.replace("10000", "100"))
    before = peak(httpd)
    assert stream(httpd, path)[0] == 50_000
    assert peak(httpd) - before < 3


def test_o12_nothing_is_left_of_filters_whose_end_never_came(httpd: Httpd) -> None:
    httpd.allow("filter LATER")
    httpd.write("marked/a.txt", "text")
    httpd.write("marked/large.bin", b"x" * 3_000_000)
    httpd.write("marked/late/large.bin", b"x" * 300_000)
    httpd.write("marked/sorry.html", "<p>sorry</p>")
    httpd.write("marked/index.html", "<p>index</p>")
    for path in ("/marked/a.txt", "/marked/moved", "/marked/missing", "/marked/"):
        httpd.get(path)
        httpd.request("HEAD", path)
    with httpd.connect() as connection:
        connection.sendall(b"GET /marked/late/large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100)
    for _ in range(3):
        with httpd.connect() as connection:
            connection.sendall(b"GET /marked/large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(100)
    httpd.wait_for_request("200 GET /marked/late/large.bin")  # the filter may fail until then
    deadline = time.monotonic() + 5
    while (alive := httpd.get("/alive").text) != "0" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive == "0"


def test_o12_thousands_of_requests_leave_no_trace(httpd: Httpd) -> None:
    httpd.write("marked/a.txt", "text")
    for batch in range(3):
        requests = b"GET /marked/a.txt HTTP/1.1\r\nHost: x\r\n\r\n" * 2000
        last = b"GET /marked/missing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert httpd.raw(requests + last, timeout=30).count(b"HTTP/1.1 200 OK") == 2000
        if batch == 0:
            before = peak(httpd)
    assert peak(httpd) - before < 2
