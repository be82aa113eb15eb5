"""Two sites for mod_python.publisher in the style of 2005, as they are: a journal, and a tracker of tickets."""

import re
import shutil
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest

from httpd import Httpd, Response

MPMS = ("event", "worker", "prefork")
CONF = """
StartServers 1
ServerLimit 1
<IfModule mpm_prefork_module>
    MaxRequestWorkers 1
    MaxSpareServers 1
</IfModule>
<IfModule !mpm_prefork_module>
    MaxRequestWorkers 16
</IfModule>
<Directory "${HTDOCS}/journal">
    AddHandler mod_python .py .html
    SetHandler mod_python
    PythonHandler mod_python.publisher
    PythonOption journal.folder ${STATE}
</Directory>
<Directory "${HTDOCS}/tools">
    SetHandler python-program
    PythonHandler mod_python.publisher
</Directory>
"""
URL_ENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _sites(httpd: Httpd) -> None:
    if (httpd.htdocs / "journal").exists():
        return
    for folder, names in {"journal": ("journal.py", "cgi_escape.py"), "tools": ("tracker.py",)}.items():
        httpd.write(f"{folder}/.keep", "")
        for name in names:
            shutil.copy(httpd.handlers / name, httpd.htdocs / folder / name)


def login(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


AUTHOR = login("author", "ink")


def post(httpd: Httpd, path: str, body: str, headers: dict[str, str] | None = None) -> Response:
    return httpd.request("POST", path, body.encode(), {**URL_ENCODED, **(headers or {})})


def test_the_journal(httpd: Httpd) -> None:
    for path in ("/journal/journal", "/journal/journal.py", "/journal/journal.html", "/journal/journal/index"):
        answer = httpd.get(path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "<h1>Journal</h1>" in answer.text
    answer = httpd.get("/journal/journal/office")
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="The office"')
    assert "action=office" in httpd.get("/journal/journal/office", AUTHOR).text
    assert "<!-- x=&lt;1 -->" in httpd.get("/journal/journal/office?x=%3C1", AUTHOR).text
    written = post(httpd, "/journal/journal/office", "title=F%C3%BCnf+%3C+6&text=Hello", AUTHOR)
    assert (written.status, written.headers["Location"]) == (302, "../journal")
    assert '<a href="journal/read?entry=0">Fünf &lt; 6</a>' in httpd.get("/journal/journal").text
    assert "<p>Hello</p>" in httpd.get("/journal/journal/read?entry=0").text
    assert httpd.get("/journal/journal/read?entry=7").status == 404


def test_comments_and_a_cookie(httpd: Httpd) -> None:
    post(httpd, "/journal/journal/office", "title=one&text=two", AUTHOR)
    assert "You are new here." in httpd.get("/journal/journal").text
    answer = post(httpd, "/journal/journal/comment", "entry=0&text=%3Cb%3E&name=Ann")
    assert (answer.status, answer.headers["Location"]) == (302, "read?entry=0")
    cookie = re.match(r"journal_name=known; expires=\w{3}, ", answer.headers["Set-Cookie"])
    assert cookie is not None
    page = httpd.get("/journal/journal/read?entry=0", {"Cookie": "journal_name=known"}).text
    assert "<blockquote>Ann: &lt;b&gt;</blockquote>" in page
    assert "Welcome back." in page
    assert post(httpd, "/journal/journal/comment", "text=x").status == 400
    assert post(httpd, "/journal/journal/comment", "entry=0&text=x&spam=1&ham=2").text == "what is ham, spam?"
    assert httpd.get("/journal/journal/comment?entry=0&text=x").text == "405"


def test_a_picture(httpd: Httpd) -> None:
    done = httpd.curl("-F", f"file=@{httpd.certificate};filename=C:\\<x>.png", httpd.url("/journal/journal/picture"))
    size = httpd.certificate.stat().st_size
    assert done.stdout.decode() == f"<html><p>{size} bytes of C:\\&lt;x&gt;.png</p></html>"
    answer = httpd.get("/journal/journal/picture")
    assert (answer.body, answer.headers["Content-Type"]) == (httpd.certificate.read_bytes(), "image/png")


def test_what_is_nobodys_business(httpd: Httpd) -> None:
    for path in (
        "source",
        "_load",
        "_save",
        "Cookie",
        "apache/OK",
        "util/redirect",
        "os/system",
        "PAGE/format",
        "read/x",
    ):
        for headers in ({}, AUTHOR):
            answer = httpd.get(f"/journal/journal/{path}", headers)
            assert answer.status == 403, path
            assert "journal.folder" not in answer.text
    assert httpd.get("/journal/journal/nothing").status == 404


def test_the_tracker(httpd: Httpd) -> None:
    ann, bob = login("ann", "a1"), login("bob", "b2")
    assert httpd.get("/tools/tracker").headers["WWW-Authenticate"] == 'Basic realm="Tools"'
    assert httpd.get("/tools/tracker", login("ann", "b2")).status == 401
    assert httpd.get("/tools/tracker", login("eve", "e3")).status == 403
    assert httpd.get("/tools/tracker?form=x", bob).text == "<html><body>0 tickets, form x</body></html>"
    made = post(httpd, "/tools/tracker/tickets/new", "title=a+leak", bob)
    assert (made.status, made.text) == (201, "#1 a leak (open)")
    assert httpd.get("/tools/tracker/tickets", bob).text == "#1 a leak (open)"
    assert httpd.get("/tools/tracker/tickets/index", bob).text == "#1 a leak (open)"
    noted = post(httpd, "/tools/tracker/tickets/note", "number=1&note=wet&note=very+wet", bob)
    assert noted.text == "#1 a leak (open) - wet - very wet"
    assert httpd.get("/tools/tracker/tickets/show?number=1", bob).text == noted.text
    assert httpd.get("/tools/tracker/tickets/closed", bob).text == "none"
    assert httpd.get("/tools/tracker/tickets/close?number=1", bob).status == 403
    closed = httpd.get("/tools/tracker/tickets/close?number=1", ann)
    assert (closed.status, closed.headers["Location"], closed.text) == (302, "closed", "closed\n")
    assert httpd.get("/tools/tracker/tickets/closed", bob).text == "#1 a leak (closed) - wet - very wet"
    assert httpd.get("/tools/tracker/tickets/closed/count", bob).text == "1"
    export = httpd.get("/tools/tracker/export", bob)
    assert (export.text, export.headers["Content-Type"]) == ("1,a leak\n", "text/csv")
    assert export.headers["Content-Disposition"] == "attachment; filename=tickets.csv"
    shown = httpd.get("/tools/tracker/environment", {**bob, "User-Agent": "Lynx"})
    assert shown.text == "{'user': 'bob', 'agent': 'Lynx'}"
    for path in ("Ticket", "Tickets/new", "lock", "tickets/_all", "tickets/new/x", "threading", "apache"):
        expected = 200 if path == "lock" else 403
        assert httpd.get(f"/tools/tracker/{path}", ann).status == expected, path


def test_many_at_once(httpd: Httpd) -> None:
    ann = login("ann", "a1")
    before = int(re.findall(r"(\d+) tickets", httpd.get("/tools/tracker", ann).text)[0])
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: post(httpd, "/tools/tracker/tickets/new", f"title=t{n}", ann).status, range(40)))
    assert made == [201] * 40
    assert f"{before + 40} tickets" in httpd.get("/tools/tracker", ann).text
