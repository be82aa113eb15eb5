"""Filters in the style of 2005, as they are: gzip, themes, line ends of request bodies, Python in pages."""

import gzip
import http.client
import zlib
from pathlib import Path

import pytest

from http1 import get, post, responses
from httpd import Httpd, Response

MPMS = ("event", "worker", "prefork")
CONF = """
PythonOutputFilter gzip_output GZIP
PythonOutputFilter theme THEME
PythonInputFilter body_filter::unix_lines UNIX
PythonInputFilter body_filter::no_tabs NO_TABS
Alias /themed ${HTDOCS}/site
<Location "/zip">
    SetOutputFilter GZIP
    PythonOption gzip.level 6
</Location>
<Location "/zip/made">
    SetHandler mod_python
    PythonHandler filtered_pages
</Location>
<Location "/site">
    SetOutputFilter THEME
    PythonTypeHandler theme
    PythonFixupHandler theme
    PythonOption theme.folder ${HTDOCS}/themes
</Location>
<Location "/themed">
    SetOutputFilter THEME;GZIP
    PythonFixupHandler theme
    PythonOption theme.folder ${HTDOCS}/themes
</Location>
<Location "/no-folder">
    PythonFixupHandler theme
</Location>
<Directory "${HTDOCS}/ssi">
    Options +Includes
    AddOutputFilter INCLUDES .shtml
    AddType text/html .shtml
    PythonFixupHandler ssi_code
</Directory>
<Location "/ssi">
    SetOutputFilter GZIP
</Location>
<Location "/front">
    ProxyPass http://127.0.0.1:${PORT}/zip disablereuse=on
    SetOutputFilter THEME
</Location>
<Location "/texts">
    SetHandler mod_python
    PythonHandler body_filter
    SetInputFilter UNIX
</Location>
<Location "/checked">
    SetHandler mod_python
    PythonHandler body_filter
    SetInputFilter NO_TABS
</Location>
<Location "/both">
    SetHandler mod_python
    PythonHandler body_filter
    SetInputFilter NO_TABS;UNIX
</Location>
"""
# What was compressed before goes on as it is, and the log says so once per filter and child.
ALLOW_LOG = ["filter (GZIP|THEME) steps aside: the body is coded with gzip"]
PAGE = b"<html><body class='x'>" + b"<p>Some text that is said again and again.</p>\n" * 6500 + b"</body></html>\n"
GZIP = {"Accept-Encoding": "deflate, gzip;q=1.0"}
SMALL = "<html><BODY>Hello</BODY></html>\n"


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    if (httpd.htdocs / "zip").exists():
        return
    httpd.write("zip/page.html", PAGE)
    httpd.write("zip/small.html", SMALL)
    httpd.write("zip/empty.html", "")
    httpd.write("zip/image.png", b"\x89PNG" * 10)
    for name in ("plain", "dark"):
        httpd.write(f"themes/{name}/header.html", f"<!-- {name} %(uri)s -->")
        httpd.write(f"themes/{name}/footer.html", f"<!-- end of {name} -->")
    httpd.write("site/small.html", SMALL)
    httpd.write("site/index.html", SMALL)
    httpd.write("site/page.html", PAGE)
    httpd.write("site/other.page", SMALL)
    httpd.write("site/small.txt", SMALL)
    httpd.write("ssi/part.shtml", '<!--#python eval="title"-->')
    httpd.write(
        "ssi/page.shtml",
        """<ul><!--#python exec="
for number in range(3):
    filter.write(page.item(number))
" --></ul><!--#python eval="page.year() > '2004'" --> <!--#python eval="title" --> <!--#python eval="None" -->
<!--#include virtual="part.shtml" --> <!--#python eval="filter.req.uri" -->
<!--#python exec="print('&lt;b&gt;', apache.OK, file=filter)" -->.
""",
    )


def unzipped(answer: Response) -> bytes:
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers.get_all("Vary") == ["Accept-Encoding"]
    return gzip.decompress(answer.body)


def test_gzip_with_and_without_accept_encoding(httpd: Httpd) -> None:
    for path, body in (("page", PAGE), ("small", SMALL.encode()), ("empty", b"")):
        answer = httpd.get(f"/zip/{path}.html", GZIP)
        assert unzipped(answer) == body
        plain = httpd.get(f"/zip/{path}.html")
        assert (plain.body, plain.headers["Content-Encoding"]) == (body, None)
    assert len(httpd.get("/zip/page.html", GZIP).body) < 10_000
    assert httpd.get("/zip/page.html", {"Accept-Encoding": "br"}).body == PAGE
    image = httpd.get("/zip/image.png", GZIP)
    assert (image.body, image.headers["Content-Encoding"]) == (b"\x89PNG" * 10, None)


def test_gzip_of_what_a_handler_writes_in_many_pieces(httpd: Httpd) -> None:
    for path in ("pieces", "flushed", "file"):
        answer = httpd.get(f"/zip/made/{path}", GZIP)
        assert unzipped(answer) == httpd.get(f"/zip/made/{path}").body
        assert len(unzipped(answer)) == 300_000
    assert unzipped(httpd.get("/zip/made/nothing", GZIP)) == b""
    assert httpd.get("/zip/made/nothing").body == b""
    # A body that was compressed before.
    assert gzip.decompress(httpd.get("/zip/made/coded", GZIP).body) == b"coded"


def test_gzip_on_a_kept_connection_with_head(httpd: Httpd) -> None:
    requests = [
        get("/zip/page.html", "Accept-Encoding: gzip"),
        get("/zip/small.html"),
        get("/zip/made/pieces", "Accept-Encoding: gzip"),
        get("/zip/page.html", "Accept-Encoding: gzip", "Connection: close"),
    ]
    answers = responses(httpd.raw(b"".join(requests)))
    assert [answer.status for answer in answers] == [200] * 4
    assert unzipped(answers[0]) == unzipped(answers[3]) == PAGE
    assert answers[1].text == SMALL
    for path in ("page.html", "made/pieces"):
        for line in ("Accept-Encoding: gzip", "X: y"):
            connection = http.client.HTTPConnection("localhost", httpd.port, timeout=10)
            name, value = line.split(": ")
            for _ in range(2):
                connection.request("HEAD", f"/zip/{path}", headers={name: value})
                answer = connection.getresponse()
                assert (answer.status, answer.read()) == (200, b"")
                assert answer.getheader("Content-Encoding") == ("gzip" if value == "gzip" else None)
                assert answer.getheader("Content-Length") != str(len(PAGE)) or value == "y"
            connection.request("GET", "/zip/small.html")
            assert connection.getresponse().read() == SMALL.encode()
            connection.close()


def test_gzip_and_conditions(httpd: Httpd) -> None:
    answer = httpd.get("/zip/page.html", GZIP)
    again = httpd.get("/zip/page.html", {**GZIP, "If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body, again.headers["Content-Encoding"]) == (304, b"", None)
    again = httpd.get("/zip/page.html", {**GZIP, "If-Modified-Since": answer.headers["Last-Modified"]})
    assert (again.status, again.body) == (304, b"")
    missing = httpd.get("/zip/missing.html", GZIP)
    assert (missing.status, missing.headers["Content-Encoding"]) == (404, None)
    assert b"not found" in missing.body.lower()


def test_gzip_of_a_part_that_is_asked_for(httpd: Httpd) -> None:
    answer = httpd.get("/zip/page.html", {**GZIP, "Range": "bytes=0-9"})
    assert answer.status in (200, 206)
    if answer.status == 200:
        assert unzipped(answer) == PAGE
    plain = httpd.get("/zip/page.html", {"Range": "bytes=0-9"})
    assert plain.body in (PAGE, PAGE[:10])


def test_gzip_for_curl(httpd: Httpd, tmp_path: Path) -> None:
    done = httpd.curl("--compressed", "-o", tmp_path / "page", httpd.url("/zip/page.html"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page").read_bytes() == PAGE
    done = httpd.curl("--compressed", "-o", tmp_path / "page", httpd.url("/zip/made/flushed", tls=True))
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "page").read_bytes()) == 300_000


def test_gzip_comes_piece_by_piece(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        connection.sendall(get("/zip/made/waits", "Accept-Encoding: gzip"))
        data = b""
        while b"\r\n\r\n" not in data or not data.endswith(b"\r\n"):
            data += connection.recv(65536)
        assert b"Content-Encoding: gzip" in data


def test_a_theme_is_put_around_pages(httpd: Httpd) -> None:
    answer = httpd.get("/site/small.html")
    assert answer.text == ("<html><BODY><!-- plain /site/small.html -->Hello<!-- end of plain --></BODY></html>\n")
    assert httpd.get("/site/small.txt").text == SMALL
    page = httpd.get("/site/page.html")
    assert len(page.body) == len(PAGE) + len("<!-- plain /site/page.html --><!-- end of plain -->")
    assert page.body.count(b"<!-- ") == 2
    assert httpd.get("/site/other.page").headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<!-- plain /site/other.page -->" in httpd.get("/site/other.page").text
    assert "plain" in httpd.get("/site/").text


def test_a_theme_is_chosen_and_kept(httpd: Httpd) -> None:
    chosen = httpd.get("/site/small.html?theme=dark")
    assert "<!-- dark /site/small.html -->" in chosen.text
    assert chosen.headers["Set-Cookie"] == "theme=dark; path=/"
    kept = httpd.get("/site/small.html", {"Cookie": "a=b; theme=dark"})
    assert "<!-- dark" in kept.text
    assert kept.headers["Set-Cookie"] is None
    assert httpd.get("/site/small.html?theme=none").status == 404
    httpd.expect("PythonOption theme.folder is missing")
    assert httpd.get("/no-folder/").status == 500


def test_a_theme_with_gzip_behind_it(httpd: Httpd) -> None:
    themed = httpd.get("/themed/small.html").body
    assert themed.count(b"<!-- ") == 2
    assert unzipped(httpd.get("/themed/small.html", GZIP)) == themed


def test_a_theme_in_front_of_a_server_that_compresses(httpd: Httpd) -> None:
    plain = httpd.get("/front/small.html")
    assert plain.text == SMALL
    zipped = httpd.get("/front/small.html", GZIP)
    assert unzipped(zipped) == SMALL.encode()


def test_python_in_pages(httpd: Httpd) -> None:
    expected = "<ul><li>0</li><li>1</li><li>2</li></ul>True a=1 \nnone /ssi/page.shtml\n<b> 0\n.\n"
    assert httpd.get("/ssi/page.shtml?a=1").text == expected
    assert unzipped(httpd.get("/ssi/page.shtml?a=1", GZIP)).decode() == expected


@pytest.mark.parametrize(
    "body", [b"one\r\ntwo\n\r\nthree", b"", b"\r\n" * 1000, b"x\r" * 9 + b"\n", b"a" * 300_000 + b"\r\n"]
)
def test_line_ends_of_a_body(httpd: Httpd, body: bytes) -> None:
    expected = body.replace(b"\r\n", b"\n")
    assert httpd.request("POST", "/texts", body).body == expected
    assert httpd.request("POST", "/texts", [body[at : at + 7000] for at in range(0, len(body), 7000)]).body == expected


def test_a_body_that_is_checked(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/checked", b"a\tscript " * 30_000)
    assert answer.body == b"a script " * 30_000
    assert answer.headers["X-Bytes-In"] == str(9 * 30_000)
    answer = httpd.request("PUT", "/checked", b"a\tscript ")
    assert (answer.body, answer.headers["X-Bytes-In"]) == (b"a\tscript ", "none")
    assert httpd.request("POST", "/both", b"\t\r\n" * 3).body == b" \n" * 3


def test_bodies_on_a_kept_connection_in_tiny_pieces(httpd: Httpd) -> None:
    tiny = [bytes([byte]) for byte in b"one\r\ntwo\r\n\t\r\r\n"]
    data = (
        post("/texts", tiny) + post("/both", tiny) + post("/texts", b"\r\n") + post("/texts", tiny, "Connection: close")
    )
    with httpd.connect() as connection:
        for at in range(0, len(data), 3):
            connection.sendall(data[at : at + 3])
        answer = b""
        while part := connection.recv(65536):
            answer += part
    bodies = [one.body for one in responses(answer)]
    text = b"one\ntwo\n\t\r\n"
    assert bodies == [text, text.replace(b"\t", b" "), b"\n", text]


def test_gzip_is_not_begun_for_who_hangs_up(httpd: Httpd) -> None:
    for _ in range(3):
        with httpd.connect() as connection:
            connection.sendall(get("/zip/made/flushed", "Accept-Encoding: gzip"))
            connection.recv(100)
    assert zlib.decompress(httpd.get("/zip/small.html", GZIP).body, 31) == SMALL.encode()
