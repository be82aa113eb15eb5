"""Streaming filters pass on what there is when it is there, and hold no more than a chunk."""

import http.client
import subprocess
import time
from typing import Any

import pytest

from httpd import Httpd
from mod_python import testing

NAMES = ["identity", "upper", "hide_twice", "lines", "peek", "endless", "doubled"]
CONF = (
    "".join(
        f"""
        PythonOutputFilter {"streaming_finally" if name == "endless" else "streaming_filters"}::{name} {name}
        Alias "/{name}" "${{HTDOCS}}"
        <Location "/{name}">
            SetOutputFilter {name}
        </Location>
        <Location "/cgi-bin/{name}">
            SetOutputFilter {name}
        </Location>
        <Location "/{name}/events">
            SetHandler mod_python
            PythonHandler response_sources::events
        </Location>
        """
        for name in NAMES
    )
    + """
    <Location "/upload">
        SetHandler mod_python
        PythonHandler response_sources::length
        PythonInputFilter streaming_filters::identity IDENTITY
        SetInputFilter IDENTITY
    </Location>
    PythonOutputFilter mod_python.filters.inject INJECT
    <Location "/inject">
        SetOutputFilter INJECT
        PythonOption inject "<p>"
    </Location>
    <Location "/inject/events">
        SetHandler mod_python
        PythonHandler response_sources::events
    </Location>
    """
)
SLOW = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nfirst\\n'\nsleep 0.5\necho second\n"
LARGE = 300 << 20


def first_byte_and_all(httpd: Httpd, path: str) -> tuple[float, float, bytes]:
    """When the first byte of the body came, when the last, and the body."""
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read1()
    first = time.monotonic() - started
    body += response.read()
    connection.close()
    return first, time.monotonic() - started, body


@pytest.mark.alone
def test_o7_the_first_byte_of_a_slow_script(httpd: Httpd) -> None:
    httpd.cgi("slow", SLOW)
    for name, expected in {"upper": b"FIRST\nSECOND\n", "lines": b"[first\n][second\n]"}.items():
        httpd.cgi(f"{name}/slow", SLOW)
        waits: list[float] = []
        while not waits or (min(waits) > 0.05 and len(waits) < 4):  # the first one imports the filter
            plain, _, _ = first_byte_and_all(httpd, "/cgi-bin/slow")
            first, last, body = first_byte_and_all(httpd, f"/cgi-bin/{name}/slow")
            assert (body, last > 0.5) == (expected, True)
            waits.append(first - plain)
        assert min(waits) < 0.05


@pytest.mark.alone
def test_o7_the_first_byte_of_the_first_response_of_a_child(httpd: Httpd) -> None:
    httpd.cgi("slow", SLOW)
    httpd.cgi("upper/slow", SLOW)
    waits: list[float] = []
    while not waits or (min(waits) > 0.05 and len(waits) < 4):
        httpd.graceful()
        # Python runs, mod_cgid is connected; the filter is neither imported nor called yet.
        assert httpd.request("POST", "/upload", b"12").text == "2 None"
        plain, _, _ = first_byte_and_all(httpd, "/cgi-bin/slow")
        first, _, body = first_byte_and_all(httpd, "/cgi-bin/upper/slow")
        assert body == b"FIRST\nSECOND\n"
        waits.append(first - plain)
    assert min(waits) < 0.05


@pytest.mark.alone
def test_o8_server_sent_events_one_by_one(httpd: Httpd) -> None:
    for name in ("upper", "hide_twice", "inject"):
        connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=10)
        started = time.monotonic()
        connection.request("GET", f"/{name}/events")
        response = connection.getresponse()
        events = []
        while event := response.read1():
            events.append((event, time.monotonic() - started))
        connection.close()
        secret = b"..." if name == "hide_twice" else b"SECRET"
        prefix = b"DATA" if name == "upper" else b"data"
        expected = [prefix + b": %d " % number + secret + b"\n\n" for number in range(2)]
        assert [event for event, _ in events[:2]] == expected
        for number, (_, when) in enumerate(events[:2]):
            assert when < 0.25 * number + 0.1


def peak(httpd: Httpd) -> int:
    return max(httpd.memory(pid).peak for pid in httpd.children())


def zeros(httpd: Httpd) -> None:
    with (httpd.htdocs / "large.bin").open("wb") as file:
        file.truncate(LARGE)


def test_o6_a_large_file_needs_no_memory(httpd: Httpd) -> None:
    zeros(httpd)
    for name in ("identity", "hide_twice"):
        httpd.write("a.txt", b"warm")
        httpd.get(f"/{name}/a.txt")
        before = peak(httpd)
        counted = httpd.curl("-o", "/dev/null", "-w", "%{size_download}", httpd.url(f"/{name}/large.bin"))
        assert int(counted.stdout) == LARGE
        assert peak(httpd) - before < 8 << 10


def test_o6_a_large_upload_needs_no_memory(httpd: Httpd) -> None:
    zeros(httpd)
    assert httpd.request("POST", "/upload", b"warm").text == "4 None"
    before = peak(httpd)
    answer = httpd.curl("-T", httpd.htdocs / "large.bin", "-X", "POST", httpd.url("/upload"))
    assert answer.stdout == b"%d None" % LARGE
    assert peak(httpd) - before < 8 << 10


def test_o34_a_slow_client_holds_back_an_endless_filter(httpd: Httpd) -> None:
    httpd.write("a.txt", b"warm")
    httpd.get("/doubled/a.txt")
    before = peak(httpd)
    command = ["curl", "-s", "--limit-rate", "10K", "--max-time", "2", "-o", "/dev/null", httpd.url("/endless/a.txt")]
    clients = [subprocess.Popen(command) for _ in range(4)]
    for client in clients:
        client.wait()
    # Each holds the megabyte that its filter yields and what httpd keeps for one client.
    assert peak(httpd) - before < 12 << 10


def test_peeking_sees_the_end_behind_a_bucket_without_data(httpd: Httpd) -> None:
    """An empty file is such a bucket, and the end; so is what is left of a body that was read."""
    httpd.write("empty", "")
    assert httpd.get("/peek/empty").text == "()"

    async def outputfilter(filter: Any) -> Any:
        yield await filter.read(10)
        assert await filter.peek(1) == b""
        async for chunk in filter:
            yield chunk

    for cut in ([b""], [b"ab", b""], [b"ab", b"", b""]):
        result = testing.run(outputfilter, cuts=[cut])
        assert (result.body, result.complete) == (b"".join(cut), True)
