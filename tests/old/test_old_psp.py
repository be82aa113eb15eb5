"""Pages in the style of 2005, as they are, in tests/old/htdocs: a catalogue with a form, a guest book of sessions."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from httpd import Httpd, Response

MPMS = ("event", "worker", "prefork")
CONF = """
PythonOption mod_python.session.database_directory ${STATE}/sessions
<Directory "${HTDOCS}">
    AddHandler mod_python .psp
    PythonHandler mod_python.psp
    PythonOption mod_python.session.session_type FileSession
    PythonDebug On
</Directory>
"""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True, scope="module")
def _pages(httpd: Httpd) -> None:
    for path in (Path(__file__).parent / "htdocs").iterdir():
        httpd.write(path.name, path.read_bytes())
    (httpd.state / "sessions").mkdir()
    (httpd.state / "sessions").chmod(0o777)


def lines(answer: Response) -> list[str]:
    """The lines that are not empty."""
    return [line.strip() for line in answer.text.splitlines() if line.strip()]


def test_the_catalogue(httpd: Httpd) -> None:
    answer = httpd.get("/catalogue.psp")
    assert answer.headers["X-Goods"] == "3"
    shown = lines(answer)
    assert shown[:3] == ["<html><head><title>Goods</title></head>", "<body bgcolor=white>", "<h1>Goods</h1>"]
    assert shown[shown.index('<tr bgcolor="#eeeeee">') :][:10] == [
        '<tr bgcolor="#eeeeee">',
        "<td><b>Tea</b>, hot &amp; green</td>",
        "<td align=right>&euro; 2.50</td>",
        "<td>12</td>",
        "</tr>",
        '<tr bgcolor="#ffffff">',
        "<td><b>Coffee</b>, black</td>",
        "<td align=right>&euro; 3.10</td>",
        "<td><font color=red>sold out</font></td>",
        "</tr>",
    ]
    assert "<td><b>Cake</b>, with &quot;cream&quot;</td>" in shown
    assert '<script>var path = "C:\\new\\table", re = /\\d+\\.\\d\\d/;</script>' in shown
    assert shown[-5:] == ["<p>%(total)s of them: 3 goods, 3 rows</p>", "[A]", "[B]", "[C]", "</body></html>"]
    assert not [line for line in shown if line.startswith("<p>Nothing")]


def test_the_catalogue_is_searched(httpd: Httpd) -> None:
    shown = lines(httpd.get("/catalogue.psp?q=CA"))
    assert [line for line in shown if line.startswith("<td><b>")] == ["<td><b>Cake</b>, with &quot;cream&quot;</td>"]
    answer = httpd.get("/catalogue.psp?" + urlencode({"q": '<é"'}))
    assert answer.headers["X-Goods"] == "0"
    assert "<p>Nothing is called <i>&lt;é&quot;</i>.</p>" in lines(answer)
    assert '<input type="text" name="q" value="&lt;é&quot;">' in lines(answer)


def post(httpd: Httpd, cookie: str = "", **fields: str) -> Response:
    headers = {**FORM, **({"Cookie": cookie} if cookie else {})}
    return httpd.request("POST", "/guests.psp", urlencode(fields).encode(), headers)


def log_in(httpd: Httpd, user: str) -> str:
    answer = post(httpd, user=user, password=user[::-1])
    assert (answer.status, answer.headers["Location"]) == (302, "guests.psp")
    return str(answer.headers["Set-Cookie"]).partition(";")[0]


def test_the_guest_book(httpd: Httpd) -> None:
    assert "<form method=post><input name=user><input type=password name=password><input type=submit></form>" in lines(
        httpd.get("/guests.psp")
    )
    answer = post(httpd, user="ann", password="wrong")
    assert "<p><font color=red>Wrong name or password.</font></p>" in lines(answer)
    cookie = log_in(httpd, "ann")
    shown = lines(httpd.get("/guests.psp", {"Cookie": cookie}))
    assert "<p>Hello ann, you are known since True.</p>" in shown
    assert "<ul>" in shown
    post(httpd, cookie, text="first <b>")
    shown = lines(post(httpd, cookie, text="sécond"))
    assert [line for line in shown if line.startswith("<li>")] == ["<li>1: first &lt;b&gt;", "<li>2: sécond"]
    answer = httpd.get("/guests.psp?logout=1", {"Cookie": cookie})
    assert (answer.status, answer.headers["Location"]) == (302, "guests.psp")
    assert "<ul>" not in lines(httpd.get("/guests.psp", {"Cookie": cookie}))


def test_guests_at_once(httpd: Httpd) -> None:
    cookies = [log_in(httpd, user) for user in ("bob", "eve")]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: post(httpd, cookies[n % 2], text=f"text {n}"), range(16)))
    for n, cookie in enumerate(cookies):
        shown = lines(httpd.get("/guests.psp", {"Cookie": cookie}))
        texts = {int(line.rpartition(" ")[2]) for line in shown if line.startswith("<li>")}
        assert texts == set(range(n, 16, 2))


def test_the_error_page(httpd: Httpd) -> None:
    assert "<p>25</p>" in httpd.get("/guests.psp?divide=4").text
    httpd.expect("guests.psp failed, its error page answers.*invalid literal for int")
    answer = httpd.get("/guests.psp?divide=<x>")
    assert answer.status == 200
    assert "<p><b>Trouble:</b> ValueError: invalid literal for int() with base 10: &#x27;&lt;x&gt;&#x27;</p>" in lines(
        answer
    )
    assert re.search(r"guests\.psp&quot;, line 64", answer.text)
