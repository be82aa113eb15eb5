"""Handlers in the style of 2005, as they are: uploads, pages by path, page caches, WSGI, CGI, what the server says."""

import http.client
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from http1 import get, post, responses
from httpd import Httpd, Response

MPMS = ("event", "worker", "prefork")
CONF = """
PythonOutputFilter page_cache KEEP
PythonOption site "the old one"
<Directory "${HTDOCS}/files">
    SetHandler python-program
    PythonHandler upload
    PythonOption upload.folder ${STATE}/files
    PythonOption upload.most 1000000
</Directory>
<Directory "${HTDOCS}/pages">
    SetHandler mod_python
    PythonHandler objects
    PythonOption objects.modules ${HANDLERS}
    PythonDebug On
</Directory>
<Directory "${HTDOCS}/reports">
    SetHandler mod_python
    PythonHandler page_cache reports
    PythonOption cache.folder ${STATE}/cache
    PythonOption cache.seconds 60
</Directory>
<Location "/app">
    SetHandler python-program
    PythonHandler gateway
    PythonOption gateway.application guests_app::application
    PythonOption gateway.script_name /app
</Location>
<Directory "${HTDOCS}/cgi">
    SetHandler mod_python
    PythonHandler body_filter::cgi
</Directory>
<Directory "${HTDOCS}/about">
    SetHandler python-program
    PythonHandler about
    PythonDebug On
    PythonOption greeting hello
</Directory>
<Location "/front">
    ProxyPass http://127.0.0.1:${PORT} disablereuse=on
</Location>
Listen 127.0.0.1:${OTHER_PORT}
<VirtualHost *:${OTHER_PORT}>
    ServerName other.example.org
    Timeout 42
    PythonOption site "another one"
</VirtualHost>
"""


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    if (httpd.htdocs / "pages").exists():
        return
    for name in ("pages", "files", "reports", "cgi", "about"):
        httpd.write(f"{name}/.keep", "")
    for name in ("files", "cache"):
        (httpd.state / name).mkdir()
        (httpd.state / name).chmod(0o777)


def form(*fields: tuple[str, str | None, bytes], boundary: str = "=-=- 7") -> tuple[bytes, str]:
    """The body of a form (RFC 7578) with fields (name, file name, content), and its type."""
    body = b"what stands before it is of no concern\r\n"
    for name, file, content in fields:
        more = f'; filename="{file}"' if file is not None else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n'.encode()
        body += b"content-type: text/plain\r\n\r\n" + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f'multipart/form-data; boundary="{boundary}"'


def upload(httpd: Httpd, *fields: tuple[str, str | None, bytes], path: str = "/files/") -> Response:
    body, kind = form(*fields)
    return httpd.request("POST", path, body, {"Content-Type": kind})


def assert_nothing_is_left(httpd: Httpd) -> None:
    """The cleanups of a request run when its response is on its way."""
    deadline = time.monotonic() + 5
    while (left := list((httpd.state / "files").iterdir())) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == []


AWKWARD = {
    "empty": b"",
    "line": b"\r\n",
    "lines": b"\r\n\n\r\r\n--\r\n--=-=-\r\n",
    "dashes": b"--=-=- 8\r\n-\r",
    "large": bytes(range(256)) * 1200,
    "long-line": b"x" * 65535 + b"\r" + b"\n" * 3 + b"y" * 131072,
    "cut": b"x" * 65535 + b"\r\n--=-=- 8",
}


@pytest.mark.parametrize("name", AWKWARD)
def test_an_upload_comes_as_it_was(httpd: Httpd, name: str) -> None:
    answer = upload(httpd, ("note", None, b"text"), ("file", f"C:\\my files\\{name}", AWKWARD[name]))
    assert (answer.status, answer.text) == (303, "1 saved\n")
    assert answer.headers["Location"] == httpd.url("/files/")
    kept = httpd.get(f"/files/{name}")
    assert kept.body == AWKWARD[name]
    assert f'<a href="{name}">' in httpd.get("/files/").text
    assert httpd.request("DELETE", f"/files/{name}").status == 204
    assert httpd.request("DELETE", f"/files/{name}").status == 404
    assert httpd.get(f"/files/{name}").status == 404
    assert_nothing_is_left(httpd)


def test_an_upload_in_many_tiny_pieces(httpd: Httpd) -> None:
    body, kind = form(("file", "one", b"1\r\n" * 400), ("file", "two", b"2"))
    request = post("/files/", body, f"Content-Type: {kind}", "Connection: close")
    chunked = post("/files/", [bytes([byte]) for byte in body], f"Content-Type: {kind}", "Connection: close")
    for data in (request, chunked):
        with httpd.connect() as connection:
            for at in range(0, len(data), 7):
                connection.sendall(data[at : at + 7])
            answer = b""
            while part := connection.recv(65536):
                answer += part
        assert responses(answer)[0].text == "2 saved\n"
        assert (httpd.get("/files/one").body, httpd.get("/files/two").body) == (b"1\r\n" * 400, b"2")
        for name in ("one", "two"):
            httpd.request("DELETE", f"/files/{name}")


def test_an_upload_by_curl_and_through_a_proxy(httpd: Httpd, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(AWKWARD["large"])
    for path in ("/files/", "/front/files/"):
        done = httpd.curl("-F", f"file=@{tmp_path / 'large'}", "-F", "note=x", "-w", "%{http_code}", httpd.url(path))
        assert done.stdout == b"1 saved\n303"
        assert httpd.get("/front/files/large").body == AWKWARD["large"]
        assert httpd.request("DELETE", "/files/large").status == 204


def test_an_upload_that_is_refused(httpd: Httpd) -> None:
    assert upload(httpd, ("file", "huge", b"x" * 1_000_001)).status == 413
    assert httpd.request("POST", "/files/", b"a=b").status == 415
    body, kind = form(("file", "cut", b"x" * 1000))
    assert httpd.request("POST", "/files/", body[:-100], {"Content-Type": kind}).status == 400
    refused = httpd.request("PUT", "/files/x", b"x")
    assert refused.status == 405
    assert {"GET", "POST", "DELETE"} <= set(refused.headers["Allow"].split(","))
    assert_nothing_is_left(httpd)


def test_files_with_head_and_on_a_kept_connection(httpd: Httpd) -> None:
    upload(httpd, ("file", "kept", AWKWARD["large"]))
    connection = http.client.HTTPConnection("localhost", httpd.port, timeout=10)
    for method, path, length in (
        ("HEAD", "kept", 0),
        ("GET", "kept", 307200),
        ("HEAD", "", 0),
        ("GET", "kept", 307200),
    ):
        connection.request(method, f"/files/{path}")
        answer = connection.getresponse()
        assert (answer.status, len(answer.read())) == (200, length)
        assert path == "" or answer.headers["Content-Length"] == "307200"
    connection.close()
    httpd.request("DELETE", "/files/kept")


def test_pages_by_their_path(httpd: Httpd) -> None:
    answer = httpd.get("/pages/guests")
    assert (answer.headers["Content-Type"], answer.text) == ("text/html", "<html><body>The book 0</body></html>\n")
    answer = httpd.get("/pages/guests/book/title")
    assert (answer.headers["Content-Type"], answer.text) == ("text/plain", "The book")
    assert httpd.get("/pages/guests/Teller/method").text == "made for GET"
    assert httpd.get("/pages/guests/all?b=%C3%A9&a=1+2&c=&a=3").text == "[('a', ['1 2', '3']), ('b', 'é'), ('c', '')]"
    for path, status in {"book/_secret": 403, "_x": 403, "apache": 403, "Book": 403, "nothing": 404}.items():
        assert httpd.get(f"/pages/guests/{path}").status == status, path
    assert httpd.get("/pages/no_such_module").status == 404
    moved = httpd.get("/pages/guests/away?to=/elsewhere")
    assert (moved.status, moved.headers["Location"]) == (302, "/elsewhere")
    assert httpd.request("DELETE", "/pages/guests").status == 405
    assert httpd.get("/pages/guests/long").body.endswith(b"999,998001\r\n")


def test_pages_with_forms(httpd: Httpd) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = httpd.request("POST", "/pages/guests/book/add?name=ann", b"text=h%C3%A9%0D%0Allo&other=x", kind)
    assert answer.text == "ann: hé\r\nllo"
    assert int(answer.headers["X-Entries"]) >= 1
    answer = httpd.request("POST", "/pages/guests/book/add", [b"name=a", b"nn&na", b"me=bob"], kind)
    assert answer.text == "ann and bob: -"
    assert httpd.request("POST", "/pages/guests/book/add", b"text=x", kind).status == 400
    large = httpd.request("POST", "/pages/guests/book/add", b"name=" + b"x" * 300_000, kind)
    assert len(large.body) == 300_003
    assert httpd.request("POST", "/pages/guests/book/add", b"{}", {"Content-Type": "application/json"}).status == 501


def test_pages_with_head_and_on_a_kept_connection(httpd: Httpd) -> None:
    kind = "Content-Type: application/x-www-form-urlencoded"
    data = (
        post("/pages/guests/all", b"a=1", kind) + get("/pages/nothing") + post("/pages/guests/all", [b"b=", b"2"], kind)
    )
    answers = responses(httpd.raw(data + get("/pages/guests/all", "Connection: close")))
    assert [answer.status for answer in answers] == [200, 404, 200, 200]
    assert [answers[at].text for at in (0, 2, 3)] == ["[('a', '1')]", "[('b', '2')]", "[]"]
    assert httpd.request("HEAD", "/pages/guests/long").headers["Content-Type"] == "text/csv"


def test_pages_of_a_module_that_is_imported_by_many_threads_at_once(httpd: Httpd) -> None:
    source = "import time\ntime.sleep(0.2)\ncount = 0\ndef index(req):\n    return 'complete'\n"
    httpd.handler("slowly.py", source)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: httpd.get("/pages/slowly").text, range(8))) == {"complete"}


def test_a_page_that_fails_with_debug(httpd: Httpd) -> None:
    httpd.handler("failing.py", "def index(req):\n    return {}['key & more']\n")
    httpd.expect("KeyError: 'key & more'")
    answer = httpd.get("/pages/failing", {"Accept": "text/html"})
    assert answer.status == 500
    assert "KeyError: 'key &amp; more'" in answer.text


@pytest.fixture
def _made(httpd: Httpd) -> Iterator[None]:
    for file in (httpd.state / "cache").iterdir():
        file.unlink()
    yield


@pytest.mark.usefixtures("_made")
def test_a_page_is_made_once(httpd: Httpd) -> None:
    first, second = httpd.get("/reports/a?x"), httpd.get("/reports/a?x")
    assert [one.headers["X-Cache"] for one in (first, second)] == ["miss", "hit"]
    assert first.body == second.body
    assert len(first.body) > 1000
    assert first.headers["Content-Type"] == second.headers["Content-Type"] == "text/html"
    assert int(second.headers["Content-Length"]) == len(second.body)
    assert httpd.log().count("reports: made x") == 1
    assert httpd.get("/reports/a?y").headers["X-Cache"] == "miss"
    assert httpd.get("/reports/a?x", {"Pragma": "no-cache"}).headers["X-Cache"] is None


@pytest.mark.usefixtures("_made")
def test_a_kept_page_and_conditions(httpd: Httpd) -> None:
    httpd.get("/reports/b")
    kept = httpd.get("/reports/b")
    for name, value in (("If-None-Match", kept.headers["ETag"]), ("If-Modified-Since", kept.headers["Last-Modified"])):
        answer = httpd.get("/reports/b", {name: value})
        assert (answer.status, answer.body) == (304, b"")
    assert httpd.get("/reports/b", {"If-None-Match": '"other"'}).body == kept.body
    assert httpd.get("/reports/b", {"If-Match": '"other"'}).status == 412
    part = httpd.get("/reports/b", {"Range": "bytes=6-11"})
    assert (part.status, part.body) == (200, kept.body)
    connection = http.client.HTTPConnection("localhost", httpd.port, timeout=10)
    for headers, status in (({}, 200), ({"If-None-Match": kept.headers["ETag"]}, 304), ({}, 200)):
        connection.request("GET", "/reports/b", headers=headers)
        response = connection.getresponse()
        assert (response.status, response.read()) == (status, kept.body if status == 200 else b"")
    connection.close()


@pytest.mark.usefixtures("_made")
def test_many_ask_for_a_page_at_once_and_one_makes_it(httpd: Httpd) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: httpd.get("/reports/c?slow"), range(8)))
    assert {answer.body for answer in answers} == {answers[0].body}
    assert [answer.headers["X-Cache"] for answer in answers].count("miss") == 1
    assert httpd.log().count("reports: made slow") == 1


@pytest.mark.usefixtures("_made")
def test_an_error_is_not_kept(httpd: Httpd) -> None:
    for _ in range(2):
        assert httpd.get("/reports/d?fail").status == 404
    assert [path.name for path in (httpd.state / "cache").iterdir() if "." not in path.name] == []


def test_an_application_of_wsgi(httpd: Httpd) -> None:
    answer = httpd.get("/app/env?a=b%20c", {"X-Name": "value", "Cookie": "c=d"})
    assert answer.headers.get_all("X-One") == ["1", "2"]
    env = dict(line.split("=", 1) for line in answer.text.splitlines() if "=" in line)
    for name, value in {
        "SCRIPT_NAME": "/app",
        "PATH_INFO": "/env",
        "QUERY_STRING": "a=b%20c",
        "REQUEST_METHOD": "GET",
        "HTTP_X_NAME": "value",
        "HTTP_COOKIE": "c=d",
        "SERVER_PORT": str(httpd.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": "(1, 0)",
        "wsgi.url_scheme": "http",
        "wsgi.multithread": str(httpd.mpm != "prefork"),
        "wsgi.multiprocess": "True",
    }.items():
        assert env[name] == value, name
    assert httpd.get("/app/none").text == "No page\n"
    moved = httpd.get("/app/moved")
    assert (moved.status, moved.headers.get_all("Set-Cookie")) == (302, ["a=1", "b=2"])
    assert "https" in httpd.get("/app/env", tls=True).text
    large = httpd.get("/app/large")
    assert (large.headers["Content-Length"], large.body) == ("300000", b"x" * 300_000)
    assert httpd.request("HEAD", "/app/large").headers["Content-Length"] == "300000"


def test_an_application_of_wsgi_that_reads(httpd: Httpd) -> None:
    assert httpd.request("POST", "/app/lines", b"one\ntwo\r\n\nthree").text == "4\n5\n1\n5\n"
    assert httpd.request("POST", "/app/lines", [b"on", b"e\ntw", b"o"]).text == "4\n3\n"
    assert httpd.request("POST", "/front/app/lines", [b"x" * 300_000, b"\n"]).text == "300001\n"
    assert httpd.request("POST", "/app/lines", b"").text == ""


def test_an_application_of_wsgi_that_fails(httpd: Httpd) -> None:
    httpd.expect("PythonHandler gateway .*ValueError: wrong")
    assert httpd.get("/app/fail").status == 500
    assert "about to fail" in httpd.log()
    late = httpd.get("/app/late")
    assert (late.status, late.text) == (500, "sorry\n")


def test_a_script_that_prints(httpd: Httpd) -> None:
    answer = httpd.get("/cgi/script?a=1")
    assert (answer.text, answer.headers["X-Method"]) == ("query a=1\n", "GET")
    assert httpd.request("POST", "/cgi/script?", b"x" * 300_000).text == "query \nread 300000\n"


def test_what_the_server_says_of_itself(httpd: Httpd) -> None:
    answer = httpd.get("/about/x.y?q=<b>", {"X-Script": "<script>"})
    text = answer.text
    cells = dict(re.findall("<tr><td>(.*?)</td><td>(.*?)</td></tr>", text))
    expected = {
        "MPM": "prefork" if httpd.mpm == "prefork" else "threaded, 2 x 16",
        "Root": str(httpd.folder),
        "Document root": str(httpd.htdocs),
        "the_request": "GET /about/x.y?q=&lt;b&gt; HTTP/1.1",
        "X-Script": "&lt;script&gt;",
        "proto_num": "1001",
        "handler": "python-program",
        "filename": str(httpd.htdocs / "about/x.y"),
        "main": "None",
        "status": "200",
        "range": "None",
        "user": "None",
        "greeting": "hello",
        "PythonDebug": "1",
        "path": "/about/x.y",
        "query": "q=&lt;b&gt;",
        "TODAY": time.strftime("%A"),
        "SERVER_PORT": str(httpd.port),
        "site": "the old one",
        "localhost": "timeout 60, keep-alive 1, port 0",
        "Handler": f"PythonHandler about {httpd.htdocs}/about/",
        "fname": str(httpd.htdocs / "about/x.y"),
        "filetype": "0",
        "size": "None",
    }
    assert {name: cells.get(name) for name in expected} == expected
    assert "<li>DocumentRoot " in text
    assert "<li>PythonHandler about</li>" in text
    assert "other.example.org (virtual, line " in text
    assert "timeout 42," in text
    head = httpd.request("HEAD", "/about/")
    assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", "text/html")


def test_all_programs_at_their_first_use_on_two_threads(httpd: Httpd) -> None:
    """On a server whose children are new."""
    httpd.graceful()
    paths = ["/about/", "/pages/guests", "/reports/e", "/app/env", "/files/"] * 2
    barrier = threading.Barrier(len(paths))

    def ask(path: str) -> int:
        barrier.wait()
        return httpd.get(path).status

    with ThreadPoolExecutor(len(paths)) as pool:
        assert list(pool.map(ask, paths)) == [200] * len(paths)
