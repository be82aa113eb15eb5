"""mod_python.psp: a page that is kept from its first request on answers as at the first, whatever has changed."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from httpd import Httpd

MPMS = ("event",)
CONF = """
ServerLimit 1
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 8
PythonOption mod_python.session.session_type MemorySession
AddHandler mod_python .psp .psp_
PythonHandler mod_python.psp
<Directory "${HTDOCS}/debug">
    PythonDebug On
</Directory>
<LocationMatch "/wrapped/">
    SetHandler mod_python
    PythonHandler wrapped_requests::page
</LocationMatch>
<LocationMatch "/handling/">
    SetHandler mod_python
    PythonHandler handling_of_psp
</LocationMatch>
<LocationMatch "/escaped/">
    PythonOption mod_python.psp.autoescape On
</LocationMatch>
<LocationMatch "/before/">
    PythonFixupHandler set_before_page
</LocationMatch>
ErrorDocument 404 /missing.psp
"""
SET_BEFORE_PAGE = """
from mod_python import apache


def fixuphandler(req):
    if req.args == "type":
        req.content_type = "text/x-before"
    elif req.args == "session":
        req.session = Session()
    elif req.args == "write":
        write = req.write
        req.write = lambda text, flush=True: write(text.upper(), flush)
    return apache.OK


class Session:
    def save(self):
        req_text.append("saved")


req_text = []
"""
# Pages, and what they answer: the status and the body.
PAGES = {
    "<p><%= req.uri.rpartition('/')[2] %></p>": (200, "<p>page.psp</p>"),
    "<%= req.content_type %>": (200, "text/html; charset=utf-8"),
    "<%\nreq.content_type = 'text/x-own'\n%>own": (200, "own"),
    "<%= 'page' in __name__ %> <%= __file__ == req.filename %>": (200, "True True"),
    "<%= form %>": (200, "FieldStorage([('name', 'Ada'), ('name', '')])"),
    "<%= form.getfirst('name') %> <%= form.getlist('name') %> <%= req.form is form %>": (200, "Ada ['Ada', ''] True"),
    "<%= globals()['session'] %> <%= psp.filename == req.filename %>": (200, "None True"),
    "<%= type(Session).__name__ %>": (200, "module"),
    "<%\nreq.write('b')\n%>c<%\nreq.flush()\n%>d<%= 'x' * 5000 %>": (200, "bcd" + "x" * 5000),
    "<% for n in range(600): %><%= n %>,<% # end %>": (200, ",".join(map(str, range(600))) + ","),
    "a<% psp.redirect('/elsewhere') %>": (302, None),
    "<%\nraise apache.SERVER_RETURN(apache.HTTP_GONE)\n%>": (410, None),
    "<%\npsp.set_error_page('error.psp')\n%>a<%= 1 / 0 %>": (200, "aerror ZeroDivisionError True"),
    "<%\npsp.set_error_page('worse.psp')\n%>a<%= 1 / 0 %>": (500, None),
    "<%\npsp.set_error_page('looks.psp')\n%>a<%= {}['k'] %>": (200, "alooks <module> KeyError: 'k' True"),
    "<%\npsp.set_error_page('again.psp')\n%>a<%= {}['again'] %>": (500, None),
    "a<%= 1 / 0 %>": (500, None),
    "<%\nimport sys\nsys.exit('page')\n%>": (500, None),
    "a<%\nother = PSP(req, 'inner.psp', vars={'n': 3})\nother.run()\n%>b": (200, "ainner 3b"),
    "<%@ include file='part.inc' %>b": (200, "included b"),
    "caf\u00e9 <%= '\u20ac' %>": (200, "caf\u00e9 \u20ac"),
    "<%\nglobal seen\nseen = 1\n%><%= 'rows' in globals() %>": (200, "False"),
    "<%\nrows = 1\n%><%= sorted(n for n in globals() if n.islower() and n[0] != '_') %>": (
        200,
        "['apache', 'escape', 'form', 'os', 'parse', 'parsestring', 'psp', 'req', 'rows', 'session', 'sys', 'util']",
    ),
    "<%\nimport helper_of_page\n%><%= helper_of_page.NAME %>": (200, "beside"),
}
ERRORS = {
    "a<%= 1 / 0 %>": ("ZeroDivisionError: division by zero",),
    "<%\nimport sys\nsys.exit('page')\n%>": ("SystemExit: page",),
    "<%\npsp.set_error_page('error.psp')\n%>a<%= 1 / 0 %>": (r"its error page answers\\nTraceback.*page\.psp.*line 3",),
    "<%\npsp.set_error_page('looks.psp')\n%>a<%= {}['k'] %>": ("its error page answers",),
    "<%\npsp.set_error_page('again.psp')\n%>a<%= {}['again'] %>": ("its error page answers", "KeyError: 'again'"),
    "<%\npsp.set_error_page('worse.psp')\n%>a<%= 1 / 0 %>": (
        "its error page answers",
        "ZeroDivisionError.*During handling of the above exception, another exception.*KeyError: 'worse'",
    ),
}


@pytest.fixture
def folder(httpd: Httpd, request: pytest.FixtureRequest) -> Path:
    """A folder that no other test uses."""
    name = f"of_{request.node.name.partition('[')[0]}_{abs(hash(request.node.name))}"
    httpd.handler("set_before_page.py", SET_BEFORE_PAGE)
    for file, text in {
        "error.psp": "error <%= exception[0].__name__ %> <%= exception[1].__traceback__ is exception[2] and "
        "exception[2].tb_next.tb_frame.f_code.co_filename == __file__ and sys.exc_info()[1] is exception[1] %>",
        "looks.psp": "<%\nimport traceback\n%>looks <%= traceback.extract_tb(exception[2])[-1].name %> "
        "<%= traceback.format_exc().splitlines()[-1] %> <%= sys.exc_info() == exception %>",
        "again.psp": "<%\nraise\n%>",
        "worse.psp": "<%\nraise KeyError('worse')\n%>",
        "inner.psp": "inner <%= n %>",
        "part.inc": "included ",
        "helper_of_page.py": "NAME = 'beside'\n",
    }.items():
        httpd.write(f"{name}/{file}", text)
    return httpd.htdocs / name


def put(httpd: Httpd, folder: Path, name: str, text: str, age: float = 100) -> str:
    """Write a page that seems to be this old, in seconds: one that is new is read again and again. Return its path."""
    path = f"{folder.name}/{name}"
    httpd.write(path, text)
    then = time.time() - age
    os.utime(httpd.htdocs / path, (then, then))
    return f"/{path}"


@pytest.mark.parametrize("page", PAGES)
def test_each_request_is_answered_as_the_first(httpd: Httpd, folder: Path, page: str) -> None:
    status, body = PAGES[page]
    httpd.expect(*ERRORS.get(page, ()))
    path = put(httpd, folder, "page.psp", page)
    for _ in range(4):
        response = httpd.get(f"{path}?name=Ada&name=")
        assert response.status == status
        if body is not None:
            assert response.body.decode() == body
            assert response.headers["Content-Type"] == ("text/x-own" if body == "own" else "text/html; charset=utf-8")
        elif status == 302:
            assert response.headers["Location"] == "/elsewhere"


def test_what_is_kept_runs_without_our_python(httpd: Httpd, folder: Path) -> None:
    page = "<%\nimport traceback\n%><%= [one.name for one in traceback.extract_stack()].count('_run') %>"
    path = put(httpd, folder, "page.psp", page)
    assert [httpd.get(path).text for _ in range(4)] == ["1", "0", "0", "0"]


def test_a_page_that_changes_is_read_again(httpd: Httpd, folder: Path) -> None:
    for number in range(4):
        path = put(httpd, folder, "page.psp", f"version {number}", age=100 - number)
        for _ in range(3):
            assert httpd.get(path).text == f"version {number}"
    put(httpd, folder, "page.psp", "the same time 1", age=50)
    assert httpd.get(path).text == "the same time 1"
    put(httpd, folder, "page.psp", "the same time 2", age=50)
    assert httpd.get(path).text == "the same time 2"
    (folder / "page.psp").unlink()
    put(httpd, folder, "missing.psp", "unused")
    httpd.write("missing.psp", "no <%= req.prev.uri %> <%= req.prev.status %>")
    for _ in range(3):
        response = httpd.get(path)
        assert (response.status, response.text) == (404, f"no {path} 404")


def test_the_view_of_the_code_is_no_page(httpd: Httpd) -> None:
    folder = httpd.htdocs / "debug"
    path = put(httpd, folder, "page.psp", "<p><%= 1 %></p>")
    for _ in range(3):
        assert httpd.get(path).text == "<p>1</p>"
        assert "req.write" in httpd.get(f"{path}_").text


@pytest.mark.parametrize(
    ("query", "kind", "body"),
    [
        ("", "text/html; charset=utf-8", "a b"),
        ("type", "text/x-before", "a b"),
        ("write", "text/html; charset=utf-8", "A B"),
    ],
)
def test_what_an_earlier_handler_has_set_holds(httpd: Httpd, folder: Path, query: str, kind: str, body: str) -> None:
    path = put(httpd, folder, "before/page.psp", "a <%= 'b' %>")
    for _ in range(2):
        for before in ("", query, query):
            response = httpd.get(f"{path}?{before}")
            wanted = (kind, body) if before else ("text/html; charset=utf-8", "a b")
            assert (response.headers["Content-Type"], response.text) == wanted


def test_a_session_of_an_earlier_handler_is_saved(httpd: Httpd, folder: Path) -> None:
    page = "<%\nimport set_before_page\n%><%= len(set_before_page.req_text) %> <%= session is not None %>"
    path = put(httpd, folder, "before/page.psp", page)
    assert [httpd.get(f"{path}?session").text for _ in range(4)] == ["0 True", "1 True", "2 True", "3 True"]


def test_a_session_that_a_page_makes_is_saved(httpd: Httpd, folder: Path) -> None:
    page = "<%\nfrom mod_python import Session as S\nreq.session = S.Session(req)\nreq.session['n'] = 1\n%>made"
    path = put(httpd, folder, "page.psp", page)
    for _ in range(3):
        response = httpd.get(path)
        cookie = response.headers["Set-Cookie"].partition(";")[0]
        look = put(httpd, folder, "look.psp", "<%= session.get('n') %>")
        assert httpd.get(look, headers={"Cookie": cookie}).text == "1"


def test_a_request_that_a_program_has_wrapped_is_served(httpd: Httpd, folder: Path) -> None:
    path = put(httpd, folder, "wrapped/page.psp", "<%= form.getfirst('n') %> <%= type(req).__name__ %>")
    for number in range(3):
        assert httpd.get(f"{path}?n={number}").text == f"{number} Wrapped"


def test_an_error_page_finds_the_context_of_the_exception(httpd: Httpd, folder: Path) -> None:
    httpd.handler(
        "handling_of_psp.py",
        "from mod_python import psp\n\n\ndef handler(req):\n    try:\n        raise OSError('outer')\n"
        "    except OSError:\n        return psp.handler(req)\n",
    )
    httpd.expect("OSError.*ZeroDivisionError.*KeyError")
    put(httpd, folder, "handling/context.psp", "<%= type(exception[1].__context__).__name__ %>")
    page = "<%\npsp.set_error_page('context.psp')\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    {}['k']\n%>"
    path = put(httpd, folder, "handling/page.psp", page)
    assert [httpd.get(path).text for _ in range(3)] == ["ZeroDivisionError"] * 3


def test_options_hold_for_a_page_that_is_kept_without_them(httpd: Httpd, folder: Path) -> None:
    path = put(httpd, folder, "page.psp", "<%= '<b>' %>")
    escaped = httpd.htdocs / folder.name / "escaped"
    escaped.symlink_to(folder)
    for _ in range(3):
        assert httpd.get(path).text == "<b>"
        assert httpd.get(path.replace("page.psp", "escaped/page.psp")).text == "&lt;b&gt;"


def test_other_methods_and_a_posted_form(httpd: Httpd, folder: Path) -> None:
    path = put(httpd, folder, "page.psp", "<%= form.getlist('name') %> <%= req.method %>")
    for _ in range(3):
        assert httpd.get(f"{path}?name=a").text == "['a'] GET"
        head = httpd.request("HEAD", f"{path}?name=a")
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "10")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert httpd.request("POST", f"{path}?name=a", b"name=b", headers=form).text == "['a', 'b'] POST"
        assert httpd.request("POST", path, b"{}", headers={"Content-Type": "text/x"}).status == 501


def test_many_threads_and_many_pages(httpd: Httpd, folder: Path) -> None:
    paths = [put(httpd, folder, f"page{number}.psp", f"{number} <%= form.getfirst('n') %>") for number in range(600)]
    with ThreadPoolExecutor(8) as pool:
        for turn in range(3):
            texts = pool.map(lambda path: httpd.get(f"{path}?n={turn}").text, paths)  # noqa: B023
            assert list(texts) == [f"{number} {turn}" for number in range(600)]
