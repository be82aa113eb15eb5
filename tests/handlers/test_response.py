"""What handlers write, and what of it is on the wire."""

import time

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
SetHandler mod_python
PythonHandler call_by_path
"""
BIG = 1 << 20


def test_w50_str_is_utf_8_and_buffers_are_their_bytes(httpd: Httpd) -> None:
    assert httpd.get("/call/written_responses/kinds").body == "é ".encode() + b"\xff\x00 array view last"


def test_any_view_of_memory(httpd: Httpd) -> None:
    assert httpd.get("/call/written_responses/views").body == b"abcABCD"


def test_other_types_are_refused(httpd: Httpd) -> None:
    answer = httpd.get("/call/written_responses/refused").text
    for kind in ("int", "NoneType", "list", "type"):
        assert f"write() takes bytes, str or a buffer, not {kind}" in answer
    assert "write() misses its argument 'data'" in answer


def test_undecodable_bytes_come_back(httpd: Httpd) -> None:
    assert httpd.get("/call/written_responses/undecodable").body == b"caf\xe9"


def test_b42_without_flush_the_length_is_known(httpd: Httpd) -> None:
    answer = httpd.get("/call/written_responses/buffered")
    assert answer.body == b"0123456789" * 10
    assert (answer.headers["Content-Length"], answer.headers["Transfer-Encoding"]) == ("100", None)


def test_b42_with_flush_it_is_chunked(httpd: Httpd) -> None:
    request = b"GET /call/written_responses/flushed HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head, _, body = httpd.raw(request).partition(b"\r\n\r\n")
    assert b"\r\nTransfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    assert body == b"4\r\none,\r\n4\r\ntwo,\r\n0\r\n\r\n"


def test_http_1_0_gets_no_chunks(httpd: Httpd) -> None:
    head, _, body = httpd.raw(b"GET /call/written_responses/flushed HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert body == b"one,two,"


def test_each_write_is_on_its_way_at_once(httpd: Httpd) -> None:
    with httpd.connect() as client:
        begin = time.monotonic()
        client.sendall(b"GET /call/written_responses/slowly HTTP/1.0\r\n\r\n")
        times: dict[bytes, float] = {}
        got = b""
        while chunk := client.recv(65536):
            got += chunk
            for word in (b"first", b"secondthird"):
                if word in got:
                    times.setdefault(word, time.monotonic() - begin)
    assert times[b"first"] < 0.3
    assert times[b"secondthird"] < 0.7
    assert time.monotonic() - begin >= 0.8


def test_flush(httpd: Httpd) -> None:
    assert httpd.get("/call/written_responses/flush_alone").text == "a"


def test_a_length_that_the_handler_knows(httpd: Httpd) -> None:
    answer = httpd.get("/call/written_responses/own_length")
    assert (answer.headers["Content-Length"], answer.text) == ("8", "12345678")
    refused = httpd.get("/call/written_responses/bad_length").text
    assert "set_content_length() takes a length of 0 bytes or more" in refused


@pytest.mark.parametrize("name", ["buffered", "flushed", "own_length", "big_and_gone"])
def test_head_has_no_body(httpd: Httpd, name: str) -> None:
    request = f"HEAD /call/written_responses/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head, _, body = httpd.raw(request.encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b""


def test_headers_after_the_first_byte_are_too_late(httpd: Httpd) -> None:
    headers = httpd.get("/call/written_responses/late_header").headers
    assert (headers["X-Early"], headers["X-Late"]) == ("yes", None)


@pytest.mark.parametrize(("name", "letters"), [("big_and_gone", b"ABCD"), ("overwritten", b"abcd")])
def test_what_was_written_stays_as_it_was(httpd: Httpd, name: str, letters: bytes) -> None:
    with httpd.connect() as client:
        client.sendall(f"GET /call/written_responses/{name} HTTP/1.0\r\n\r\n".encode())
        answer = client.recv(1024)
        time.sleep(0.2)  # the handler is done, or waits: what it wrote lies in httpd's buckets
        while chunk := client.recv(65536):
            answer += chunk
    body = answer.partition(b"\r\n\r\n")[2]
    assert len(body) == 4 * BIG
    assert body == b"".join(bytes([letter]) * BIG for letter in letters)


def test_many_small_writes(httpd: Httpd) -> None:
    assert httpd.get("/call/written_responses/chunks").text == "".join(f"{number}\n" for number in range(3000))


def test_w35_a_client_that_leaves_ends_the_handler(httpd: Httpd) -> None:
    with httpd.connect() as client:
        client.sendall(b"GET /call/written_responses/endless HTTP/1.1\r\nHost: x\r\n\r\n")
        client.recv(1000)
    httpd.wait_for_log("endless: Write failed, client closed connection")
    # Nobody's fault: no traceback.
    assert "Traceback" not in httpd.log()
