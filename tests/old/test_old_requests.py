"""Handlers of other phases, and of connections, in the style of 2005, as they are: URLs, types, logs, echo, chat."""

import http.client
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from http1 import get, post, responses
from httpd import Httpd

MPMS = ("event", "worker", "prefork")
HOSTS = ("echo", "daytime", "chat", "not_in_my_house")
CONF = """
PythonTransHandler rewriting
PythonTypeHandler rewriting
PythonFixupHandler rewriting
PythonOption rewriting.map ${STATE}/map
PythonPostReadRequestHandler access_log
PythonLogHandler access_log
PythonCleanupHandler access_log
PythonImport access_log::open_log localhost
PythonImport access_log::open_log main_interpreter
PythonOption log.path ${STATE}/site.log
PythonOption denied 10.0.0.1
<Location "/count">
    SetHandler mod_python
    PythonHandler access_log
</Location>
<Location "/server-side">
    SetHandler mod_python
    PythonHandler body_filter
</Location>
Listen 127.0.0.1:${DENIED_PORT}
<VirtualHost *:${DENIED_PORT}>
    PythonConnectionHandler talking::not_in_my_house
    PythonOption denied "10.0.0.1 127.0.0.1"
</VirtualHost>
""" + "".join(
    f"""
Listen 127.0.0.1:${{{name}_PORT}}
<VirtualHost *:${{{name}_PORT}}>
    PythonConnectionHandler talking::{name}
</VirtualHost>
"""
    for name in HOSTS
)
ALLOW_LOG = ["AH00128: File does not exist"]
MAP = """
/old see /new
/short is /files/long
/program file {handlers}
/far from http://127.0.0.1:{port}/server-side
/lost gone -
"""


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    if (httpd.htdocs / "files").exists():
        return
    (httpd.state / "map").write_text(MAP.format(handlers=httpd.handlers, port=httpd.port))
    httpd.write("files/long/index.html", "the index")
    httpd.write("files/long/page.html", "a page with a long name")
    for name, start in (("png", b"\x89PNG\r\n"), ("pdf", b"%PDF-1.4"), ("html", b"<html>"), ("text", b"text")):
        httpd.write(f"files/{name}", start)
    httpd.write("files/program.py.txt", "import os\nprint(os)\n")


def test_urls_of_old(httpd: Httpd) -> None:
    answer = httpd.get("/old/page?a=b")
    assert (answer.status, answer.headers["Location"]) == (301, "/new/page?a=b")
    assert httpd.get("/lost/page").status == 410
    answer = httpd.get("/short/page.html")
    assert (answer.text, answer.headers["X-Was"]) == ("a page with a long name", "/short/page.html")
    assert httpd.get("/short/").text == "the index"
    assert httpd.get("/files/long/page.html").headers["X-Was"] is None
    moved = httpd.get("/short")
    assert (moved.status, moved.headers["Location"].endswith("/files/long/")) == (301, True)
    assert httpd.get("/shorter").status == 404


def test_a_part_of_the_site_comes_from_another_server(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/far/page?x=y", b"x" * 300_000)
    assert (answer.status, answer.body) == (200, b"x" * 300_000)
    assert httpd.request("POST", "/far", [b"one", b"two"]).body == b"onetwo"
    httpd.wait_for_request("200 POST /server-side/page?x=y ")


def test_types_by_content(httpd: Httpd) -> None:
    types = {name: httpd.get(f"/files/{name}").headers["Content-Type"] for name in ("png", "pdf", "html", "text")}
    assert types == {"png": "image/png", "pdf": "application/pdf", "html": "text/html", "text": None}
    assert httpd.get("/files/long/page.html").headers["Content-Type"] == "text/html"


def test_a_handler_that_is_added(httpd: Httpd) -> None:
    answer = httpd.get("/files/program.py.txt")
    assert answer.text == "   1 import os\n   2 print(os)\n"
    assert answer.headers["Last-Modified"]
    assert httpd.get("/files/none.py.txt").status == 404
    assert httpd.get("/program/rewriting.py").text.startswith('"""Short names for long URLs, ')
    assert httpd.request("HEAD", "/files/program.py.txt").body == b""


def log_of(httpd: Httpd) -> str:
    return (httpd.state / "site.log").read_text()


def wait_for(httpd: Httpd, text: str) -> str:
    """The first line of the log with a text."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = [line for line in log_of(httpd).splitlines() if text in line]
        if found:
            return found[0]
        time.sleep(0.01)
    raise AssertionError(f"no {text!r} in the log")


def test_a_log_of_ones_own(httpd: Httpd) -> None:
    httpd.get("/files/long/page.html?one", {"Referer": 'a"b\\c', "User-Agent": "test"})
    line = wait_for(httpd, "page.html?one ")
    assert re.fullmatch(
        r"127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\] "
        r'"GET /files/long/page\.html\?one HTTP/1\.1" 200 23 "a\\"b\\\\c" "test" "-" True',
        line,
    )
    httpd.get("/count/it")
    assert '200 2 "-" "-" "said \\"here\\"" True' in wait_for(httpd, "GET /count/it")
    httpd.get("/files/none/such")
    assert '" 404 ' in wait_for(httpd, "GET /files/none/such")


def test_a_log_has_the_end_of_an_internal_redirect(httpd: Httpd) -> None:
    httpd.get("/files/long/")
    assert '"GET /files/long/ HTTP/1.1" 200 9 ' in wait_for(httpd, "GET /files/long/ ")
    wait_for(httpd, "end of /files/long/index.html")


def test_requests_are_counted_up_and_down(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("each child counts its own")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: httpd.get(f"/files/png?{n}"), range(40)))
    deadline = time.monotonic() + 5
    while (count := httpd.get("/count").text) != "1\n" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert count == "1\n"


def test_logs_of_a_kept_connection(httpd: Httpd) -> None:
    data = (
        get("/count/a1")
        + get("/files/png?a2")
        + post("/server-side/a3", [b"x"])
        + get("/count/a4", "Connection: close")
    )
    assert [answer.status for answer in responses(httpd.raw(data))] == [200] * 4
    for name in ("/count/a1", "/server-side/a3", "/count/a4"):
        wait_for(httpd, f"{name} HTTP")
        wait_for(httpd, f"end of {name}")


def test_the_log_is_closed_when_a_child_ends(httpd: Httpd) -> None:
    children = httpd.children()
    for number in range(8):
        httpd.get(f"/count/{number}")
    httpd.graceful()
    deadline = time.monotonic() + 10
    while f"pid {children[0]} ends\n" not in log_of(httpd) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert f"pid {children[0]} ends\n" in log_of(httpd)


def talk(httpd: Httpd, name: str, data: bytes, pieces: int = 0) -> bytes:
    """Send it, whole or in pieces of that size, end our side, and return what comes back."""
    with httpd.connect(httpd.port_of(f"{name}_PORT")) as connection:
        step = pieces or len(data) or 1

        def send() -> None:
            for at in range(0, len(data), step):
                connection.sendall(data[at : at + step])

        sender = threading.Thread(target=send)
        sender.start()
        back = b""
        # The manual's echo ends when we do; the others say when.
        while name != "echo" or len(back) < len(data):
            part = connection.recv(65536)
            if not part:
                break
            back += part
        sender.join()
        if name == "echo":
            connection.shutdown(socket.SHUT_WR)
            back += connection.recv(65536)
        return back


def test_the_manuals_echo(httpd: Httpd) -> None:
    lines = b"one\r\ntwo\n\n" + b"x" * 300_000 + b"\n"
    assert talk(httpd, "echo", lines) == lines
    assert talk(httpd, "echo", lines[:10], pieces=1) == lines[:10]
    with httpd.connect(httpd.port_of("echo_PORT")):
        pass


def test_daytime(httpd: Httpd) -> None:
    assert re.fullmatch(rb"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\r\n", talk(httpd, "daytime", b""))


@pytest.mark.parametrize("pieces", [0, 1, 5])
def test_a_dialogue(httpd: Httpd, pieces: int) -> None:
    said = b"HELO me\r\nCOUNT\r\nDATA\r\nline\r\n..\r\n.\r\nwhat\r\nCOUNT\r\nRAW 8\r\n12345678QUIT\r\n"
    back = talk(httpd, "chat", said, pieces).decode().splitlines()
    assert back == [
        "220 localhost",
        "250 127.0.0.1 at your service, 127.0.0.1",
        "250 1",
        "354 end with a dot",
        "250 10 bytes",
        "500 what?",
        "250 2",
        back[7],
        "221 bye",
    ]
    assert re.fullmatch("250 [0-9]+", back[7])
    assert "talking: 127.0.0.1:" in httpd.log()


def test_dialogues_at_once_and_hang_ups(httpd: Httpd) -> None:
    def chat(number: int) -> str:
        return talk(httpd, "chat", b"DATA\r\n" + b"x" * number * 1000 + b"\r\n.\r\nQUIT\r\n").decode().splitlines()[2]

    count = 3 if httpd.mpm == "prefork" else 12
    with ThreadPoolExecutor(count) as pool:
        assert list(pool.map(chat, range(count))) == [f"250 {number * 1000 + 2} bytes" for number in range(count)]
    for data in (b"", b"HE", b"DATA\r\nhalf"):
        with httpd.connect(httpd.port_of("chat_PORT")) as connection:
            connection.recv(100)
            connection.sendall(data)


def test_http_for_those_who_are_welcome(httpd: Httpd) -> None:
    assert talk(httpd, "DENIED", b"GET / HTTP/1.0\r\n\r\n") == b"Go away.\r\n"
    port = httpd.port_of("not_in_my_house_PORT")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/short/page.html")
        assert connection.getresponse().read() == b"a page with a long name"
    connection.close()


def test_nobody_died(httpd: Httpd) -> None:
    assert "exit signal" not in httpd.error_text()
