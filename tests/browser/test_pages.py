"""Pages of mod_python's packages as a browser shows them."""

import pytest
from chromium import Browser

from httpd import Httpd

MODULES = ("deflate",)
CONF = """
Alias "/pub" "${HANDLERS}"
<Directory "${HANDLERS}">
    Require all granted
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Directory>
<Directory "${HTDOCS}">
    AddHandler mod_python .psp .psp_
    PythonHandler mod_python.psp
    PythonDebug On
</Directory>
<Directory "${HTDOCS}/escaped">
    PythonOption mod_python.psp.autoescape On
</Directory>
<Location "/test">
    SetHandler mod_python
    PythonHandler mod_python.testhandler
    PythonOption mod_python.testhandler On
</Location>
<Location "/louder">
    PythonOutputFilter louder_names LOUDER
    AddOutputFilterByType LOUDER;DEFLATE text/html
</Location>
"""
ATTACK = "<script>alert('shown')</script>"
FORM = """
from mod_python import Session
from xml.sax.saxutils import escape

_FORM = '<form method="post" action="greet"><input name="name"><textarea name="text"></textarea><button>Send</button>'

def index(req):
    req.content_type = "text/html; charset=utf-8"
    return _FORM

def greet(req, name, text=""):
    req.content_type = "text/html; charset=utf-8"
    lines = len(text.splitlines())
    return f"<h1>Hello, {escape(name)}</h1><p>{lines} lines</p>"

def plain(name):
    return f"Hello, {name}"

def visits(req):
    session = Session.Session(req)
    session["visits"] = session.get("visits", 0) + 1
    session.save()
    return {"visits": session["visits"]}
"""


def test_a_form_of_the_publisher(httpd: Httpd, browser: Browser) -> None:
    httpd.handler("visited.py", FORM)
    browser.open(httpd.url("/pub/visited/"))
    browser.type("input", f"Zoë & {ATTACK}")
    browser.type("textarea", "one\ntwo\nthree")
    browser.click("button")
    browser.wait_for(lambda: browser.all("h1"))
    assert browser.texts("h1, p") == [f"Hello, Zoë & {ATTACK}", "3 lines"]


def test_what_a_browser_may_take_for_a_page_is_text(httpd: Httpd, browser: Browser) -> None:
    httpd.handler("visited.py", FORM)
    browser.open(httpd.url(f"/pub/visited/plain?name={ATTACK}"))
    assert browser.texts("body") == [f"Hello, {ATTACK}"]


def test_a_session_counts_visits_of_each_browser(httpd: Httpd, browser: Browser) -> None:
    httpd.handler("visited.py", FORM)
    browser.open(httpd.url("/pub/visited/"))
    ask = "return (await (await fetch('visits', {headers: {Accept: 'application/json'}})).json()).visits"
    assert [browser.run(ask) for _ in range(3)] == [1, 2, 3]
    browser.driver.delete_all_cookies()
    assert browser.run(ask) == 1


@pytest.mark.parametrize("tls", [False, True])
def test_a_psp_page(httpd: Httpd, browser: Browser, tls: bool) -> None:
    httpd.write(
        "escaped/page.psp",
        "<!DOCTYPE html><meta charset=utf-8><title>ä</title>\n<ul>\n<%\nfor name in form.getlist('name'):\n%>"
        "<li><%= name %></li>\n<%\n# end\n%></ul>",
    )
    assert browser.open(httpd.url(f"/escaped/page.psp?name={ATTACK}&name=B%C3%BCcher", tls=tls)) == 200
    assert browser.texts("li") == [ATTACK, "Bücher"]
    assert browser.driver.title == "ä"


def test_a_psp_page_that_fails_shows_its_line_and_runs_no_script(httpd: Httpd, browser: Browser) -> None:
    httpd.expect("ValueError: <script>")
    httpd.write("fails.psp", f'<p>before</p>\n<%\nraise ValueError("{ATTACK}")\n%>')
    browser.open(httpd.url("/fails.psp"))
    (text,) = browser.texts("body")
    assert 'fails.psp", line 3' in text
    assert ATTACK in text


def test_the_page_about_the_server(httpd: Httpd, browser: Browser) -> None:
    assert browser.open(httpd.url(f"/test?x={ATTACK}")) == 200
    assert "mod_python" in browser.driver.title
    assert browser.all("table")
    assert not browser.all("script")


@pytest.mark.parametrize("tls", [False, True])
def test_a_filter_before_gzip_changes_what_is_seen(httpd: Httpd, browser: Browser, tls: bool) -> None:
    httpd.handler(
        "louder_names.py",
        "def outputfilter(filter):\n"
        "    while piece := filter.read():\n"
        "        filter.write(piece.replace(b'ann', b'ANN'))\n"
        "    if piece is None:\n"
        "        filter.close()\n",
    )
    httpd.write("louder/names.html", "<p>ann</p>" * 2000)
    browser.open(httpd.url("/louder/names.html", tls=tls))
    sizes = (
        "const [page] = performance.getEntriesByType('navigation'); return [page.encodedBodySize, page.decodedBodySize]"
    )
    coded, decoded = browser.run(sizes)
    assert (coded < 1000, decoded) == (True, 20_000)
    assert browser.run("return document.querySelectorAll('p').length") == 2000
    assert browser.run("return new Set(Array.from(document.querySelectorAll('p'), one => one.textContent)).size") == 1
    assert browser.all("p")[-1].text == "ANN"
