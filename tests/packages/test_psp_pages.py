"""PythonHandler mod_python.psp: pages that httpd serves."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
ServerLimit 1
<IfModule mpm_event_module>
    MaxRequestWorkers 16
</IfModule>
<IfModule mpm_prefork_module>
    MaxRequestWorkers 1
</IfModule>
PythonOption mod_python.session.database_directory ${HTDOCS}/kept
PythonOption mod_python.session.session_type DbmSession
<Directory "${HTDOCS}">
    AddHandler mod_python .psp .psp_
    PythonHandler mod_python.psp
</Directory>
<Directory "${HTDOCS}/debug">
    PythonDebug On
</Directory>
<Directory "${HTDOCS}/escaped">
    PythonOption mod_python.psp.autoescape On
</Directory>
<Directory "${HTDOCS}/latin">
    PythonOption mod_python.psp.encoding iso-8859-1
</Directory>
<Directory "${HTDOCS}/wrong">
    PythonOption mod_python.psp.autoescape perhaps
</Directory>
<Directory "${HTDOCS}/other">
    PythonInterpreter other
</Directory>
<Directory "${HTDOCS}/always">
    SetHandler mod_python
</Directory>
<Location "/call">
    SetHandler mod_python
    PythonHandler call_by_path
</Location>
"""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Put = Callable[..., None]


@pytest.fixture
def put(httpd: Httpd) -> Put:
    """Write a page."""

    def put(path: str, text: str | bytes) -> None:
        httpd.write(path, text)

    (httpd.htdocs / "kept").mkdir(exist_ok=True)
    (httpd.htdocs / "kept").chmod(0o777)
    return put


def test_a_page(httpd: Httpd, put: Put) -> None:
    put("a.psp", "<p>\n<%\nfor i in range(3):\n%>\n <%= i %>é\\n\n<%\n# end\n%>\n</p>\n")
    answer = httpd.get("/a.psp")
    assert answer.text == "<p>\n\n 0é\\n\n\n 1é\\n\n\n 2é\\n\n\n</p>\n"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert httpd.request("HEAD", "/a.psp").body == b""
    assert httpd.get("/a.psp/more?x").text == answer.text
    assert httpd.request("POST", "/a.psp", b"{}", {"Content-Type": "application/json"}).text == answer.text


def test_a_page_that_is_not_there(httpd: Httpd, put: Put) -> None:
    assert httpd.get("/none.psp").status == 404
    put("always/page.psp", "page")
    assert httpd.get("/always/page.psp").text == "page"
    assert httpd.get("/always/").status == 404
    assert httpd.get("/always/page.psp_").status == 404
    put("always/secret.psp", "secret")
    (httpd.htdocs / "always/secret.psp").chmod(0)
    answer = httpd.get("/always/secret.psp")
    if answer.status != 200:  # children that run as root read it
        httpd.expect("mod_python.psp: .*Permission denied: .*secret.psp")
        assert answer.status == 403


def test_a_page_sets_the_response(httpd: Httpd, put: Put) -> None:
    put("csv.psp", "<%\nreq.content_type = 'text/csv'\nreq.headers_out['X-Name'] = 'é'\nreq.status = 201\n%>a,b\n")
    answer = httpd.get("/csv.psp")
    assert (answer.status, answer.headers["Content-Type"], answer.text) == (201, "text/csv", "a,b\n")
    put("odd.psp", "<% req.status = 499 %>odd")
    assert (httpd.get("/odd.psp").status, httpd.get("/odd.psp").text) == (499, "odd")


def test_what_a_page_writes_itself_keeps_its_place(httpd: Httpd, put: Put) -> None:
    page = "1<% req.write('2', 0) %>3<% req.write(b'4') %>5<%= req.write('6') or '' %>7<% req.flush() %>8"
    page += "<% req.sendfile(req.document_root() + '/nine.txt') %>0<% psp_write = req.write\npsp_write('a')\n%>b"
    page += "<% PSP(req, string='c<% req.write(\"d\") %' + '>e').run() %>f<%= PSP(req, string='g') %>h"
    put("nine.txt", "9")
    put("own.psp", page)
    assert httpd.get("/own.psp").text == "1234567890abcdefgh"
    put(
        "after.psp", "<% req.write('x') %><%= sorted(name for name in vars(req) if 'psp' in name or name == 'write') %>"
    )
    assert httpd.get("/after.psp").text == "x[]"


def test_w127_any_text(httpd: Httpd, put: Put) -> None:
    text = '\\ \\n \\x41 \\\\ \\"""" \'\'\' \\\n \r\n \r \0 \x0c é€😀 %> < % {x} %s \\N{DASH} \\'
    put("text.psp", text.encode())
    assert httpd.get("/text.psp").body == text.encode()
    put("text2.psp", f"{text}<%= 1 %>{text}<%\nx = 1\n%>{text}".encode())
    assert httpd.get("/text2.psp").body == f"{text}1{text}{text}".encode()


def test_w127_encodings(httpd: Httpd, put: Put) -> None:
    put("latin/page.psp", "é<%= 'ü' %><%@ include file=\"part.inc\" %>".encode("latin-1"))
    put("latin/part.inc", '<%@ page encoding="utf-8" %>€'.encode())
    assert httpd.get("/latin/page.psp").text == "éü€"
    put("declared.psp", '<%@ page encoding="iso-8859-15" %>¤ \xa4'.encode("latin-1"))
    assert httpd.get("/declared.psp").text == "€ €"
    put("marked.psp", b"\xef\xbb\xbfmarked \xc3\xa9")
    assert httpd.get("/marked.psp").text == "marked é"
    put("broken.psp", b"a\nb\xe9\n")
    httpd.expect("TemplateError: byte 0xe9 is not utf-8.*save it as UTF-8")
    assert httpd.get("/broken.psp").status == 500
    httpd.wait_for_log(r'broken\.psp", line 2')


def test_w128_a_redirection(httpd: Httpd, put: Put) -> None:
    put("away.psp", "before<% psp.redirect('/a b?\"') %>after")
    answer = httpd.get("/away.psp")
    assert (answer.status, answer.headers["Location"]) == (302, "/a%20b?%22")
    assert "after" not in answer.text
    assert "Traceback" not in answer.text
    put("ever.psp", "<% psp.redirect('/a', permanent=1) %>")
    assert httpd.get("/ever.psp").status == 301
    put("seen.psp", "<% psp.redirect('/a', status=303) %>")
    assert httpd.get("/seen.psp").status == 303


def test_w128_a_status_that_is_raised(httpd: Httpd, put: Put) -> None:
    put("forbidden.psp", "<%\nraise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)\n%>")
    assert httpd.get("/forbidden.psp").status == 403
    put("done.psp", "all<%\nraise apache.SERVER_RETURN(apache.DONE)\n%>more")
    assert (httpd.get("/done.psp").status, httpd.get("/done.psp").text) == (200, "all")


def test_b129_globals(httpd: Httpd, put: Put) -> None:
    text = "PSP PSPInterface Session apache dbm escape form marshal os parse parsestring psp req session sys tempfile"
    names = [*text.split(), "types", "util"]
    put("names.psp", f"<%= [{', '.join(f'type({name}).__name__' for name in names)}] %>")
    answer = httpd.get("/names.psp")
    assert answer.status == 200
    shown = dict(zip(names, re.findall(r"'(\w+)'", answer.text), strict=True))
    modules = {"Session", "apache", "dbm", "marshal", "os", "sys", "tempfile", "types", "util"}
    assert {name for name, kind in shown.items() if kind == "module"} == modules
    assert (shown["req"], shown["psp"], shown["form"]) == ("mp_request", "PSPInterface", "RequestForm")
    put("file.psp", "<%= __file__ == req.filename == psp.filename %> <%= form %> <%= session %> <%= psp.error_page %>")
    assert httpd.get("/file.psp").text.startswith("True FieldStorage([")


def test_globals_of_a_page_are_not_those_of_the_next(httpd: Httpd, put: Put) -> None:
    put("globals.psp", "<%= 'x' in globals() %><% x = 1 %><% apache = None %>")
    for _ in range(3):
        assert httpd.get("/globals.psp").text == "False"
    put("locals.psp", "<% name = 'Ada' %><%= 'hello %(name)s' % locals() %>")
    assert httpd.get("/locals.psp").text == "hello Ada"


def test_w130_comments_and_unknown_directives_are_dropped(httpd: Httpd, put: Put) -> None:
    put("quiet.psp", 'a<%-- quiet <% one %> --%>b<%@ quiet two %>c<%@ page language="quiet" %>d')
    before = httpd.error_log.read_text()
    assert httpd.get("/quiet.psp").text == "abcd"
    assert "quiet" not in httpd.error_log.read_text()[len(before) :]


def test_w131_an_include_that_is_missing(httpd: Httpd, put: Put) -> None:
    put("missing.psp", 'x\n<%@ include file="nowhere.inc" %>')
    httpd.expect("TemplateError: 'nowhere.inc' cannot be included: No such file or directory")
    assert httpd.get("/missing.psp").status == 500
    httpd.wait_for_log(r'missing\.psp", line 2')
    put("nowhere.inc", "there now")
    assert httpd.get("/missing.psp").text == "x\nthere now"


def test_includes(httpd: Httpd, put: Put) -> None:
    put(
        "inc/page.psp",
        f'<%@ include file="parts/a.inc" %>|<%@include  file = "b.inc"%>|<%@ include file="{httpd.htdocs}/c" %>',
    )
    put("inc/parts/a.inc", 'a(<%@ include file="b.inc" %>)')
    put("inc/b.inc", "<%= b %>")
    put("inc/parts/b.inc", "another")
    put("c", "<%\nif True:\n%>")
    put("inc/set.psp", '<% b = 1 %><%@ include file="parts/a.inc" %><%@ include file="../c" %>in<%\n%>out')
    httpd.expect("NameError: name 'b' is not defined")
    assert httpd.get("/inc/page.psp").status == 500
    assert httpd.get("/inc/set.psp").text == "a(1)inout"


def test_modules_beside_pages(httpd: Httpd, put: Put) -> None:
    for name in ("one", "two"):
        put(f"{name}/beside.py", f"name = '{name}'\n")
        put(f"{name}/page.psp", "<% import beside %><%= beside.name %> <%= apache.import_module('beside').name %>")
    for name in ("one", "two"):
        assert httpd.get(f"/{name}/page.psp").text == f"{name} {name}"


def test_two_interpreters(httpd: Httpd, put: Put) -> None:
    page = "<% import beside %><%= apache.interpreter %> <%= beside.name %>"
    for name in ("other", "one"):
        put(f"{name}/beside.py", f"name = '{name}'\n")
        put(f"{name}/where.psp", page)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: httpd.get(f"/{name}/where.psp").text, ["other", "one"] * 8))
    assert set(answers) == {"other other", "main_interpreter one"}


def test_autoescape(httpd: Httpd, put: Put) -> None:
    page = "<b><%= form['x'] %><%= Markup('<i>') %><%= escape('<') %><% req.write('<u>', 0) %>"
    put("escaped/page.psp", page)
    put("page.psp", page)
    put("escaped/off.psp", '<%@ page autoescape="off" %>' + page)
    put("declared.psp", '<%@ page autoescape="on" %>' + page)
    query = "?x=%3Cscript%3E%22%27"
    shown, as_it_is = "<b>&lt;script&gt;&quot;&#x27;<i>&lt;<u>", "<b><script>\"'<i>&lt;<u>"
    for path, text in {"escaped/page": shown, "page": as_it_is, "escaped/off": as_it_is, "declared": shown}.items():
        assert httpd.get(f"/{path}.psp{query}").text == text
    put("unquoted.psp", f"\n<%@ page autoescape=on %>{page}")
    httpd.expect(r'unquoted\.psp", line 2.*TemplateError: .* is written as NAME="VALUE", not as autoescape=on$')
    assert httpd.get("/unquoted.psp").status == 500
    put("wrong/page.psp", "")
    httpd.expect("ValueError: PythonOption mod_python.psp.autoescape is 'perhaps': write on or off")
    assert httpd.get("/wrong/page.psp").status == 500


def test_forms(httpd: Httpd, put: Put) -> None:
    put("form.psp", "<%= form.getfirst('a', '-') %> <%= form.getlist('b') %> <%= form is req.form is psp.form %>")
    assert httpd.get("/form.psp?a=%C3%A9&b=&b=2").text == "é ['', '2'] True"
    assert httpd.request("POST", "/form.psp?a=q", b"a=body&b=1", FORM).text == "q ['1'] True"
    assert httpd.request("POST", "/form.psp", b"{}", {"Content-Type": "application/xml"}).status == 501
    put("own_form.psp", "<% form = util.FieldStorage(req) %><%= form.getfirst('a') %>")
    assert httpd.request("POST", "/own_form.psp", b"a=body", FORM).text == "body"


def test_apply_data(httpd: Httpd, put: Put) -> None:
    page = "<%\nimport psp_users\n%><%= psp.apply_data(psp_users.greet) %>|"
    page += "<%= psp.apply_data(psp_users.greet, mark='!') %>"
    put("apply.psp", page)
    assert httpd.get("/apply.psp?name=Ada&other=1&mark=?").text == "hello Ada? GET|hello Ada! GET"
    assert httpd.request("POST", "/apply.psp", b"name=B&greeting=bye", FORM).text == "bye B POST|bye B! POST"
    assert httpd.get("/apply.psp?greeting=hi").status == 400


def cookie_of(text: str) -> str:
    return text.partition(";")[0]


def test_b139_a_page_saves_its_session(httpd: Httpd, put: Put) -> None:
    put("count.psp", "<% session['n'] = session.get('n', 0) + 1 %><%= session['n'] %> <%= session.is_new() %>")
    answer = httpd.get("/count.psp")
    assert answer.text == "1 True"
    cookie = {"Cookie": cookie_of(answer.headers["Set-Cookie"])}
    assert [httpd.get("/count.psp", cookie).text for _ in range(3)] == ["2 False", "3 False", "4 False"]
    put("no_session.psp", "<%= 'session' in globals() %> <%= hasattr(req, 'session') %> <%\nx = 'session'\n%>")
    answer = httpd.get("/no_session.psp", cookie)
    assert (answer.text, answer.headers["Set-Cookie"]) == ("True False ", None)
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(lambda _: httpd.get("/count.psp", cookie).text, range(12)))
    assert sorted(int(text.split()[0]) for text in told) == list(range(5, 17))


def test_a_session_is_saved_by_a_redirection_and_not_by_a_failure(httpd: Httpd, put: Put) -> None:
    put("login.psp", "<% session['user'] = form['user'] %><% psp.redirect('/who.psp', status=303) %>")
    put("who.psp", "<%= session.get('user') %>")
    put("fails.psp", "<% session['user'] = 'nobody' %><%= 1 / 0 %>")
    answer = httpd.request("POST", "/login.psp", b"user=Ada", FORM)
    assert answer.status == 303
    cookie = {"Cookie": cookie_of(answer.headers["Set-Cookie"])}
    assert httpd.get("/who.psp", cookie).text == "Ada"
    httpd.expect("ZeroDivisionError")
    assert httpd.get("/fails.psp", cookie).status == 500
    assert httpd.get("/who.psp", cookie).text == "Ada"


def test_a_session_of_the_handler_is_used_and_left(httpd: Httpd, put: Put) -> None:
    page = "<%\nfrom mod_python import Session\nreq.session = own = Session.Session(req)\nreq.session['n'] = 1\n%>"
    page += (
        "<%= req.session is own %><% PSP(req, string='<%= session[\"n\"] %' + '>').run() %><%= req.session is own %>"
    )
    put("own_session.psp", page)
    assert httpd.get("/own_session.psp").text == "True1True"


def test_an_error_page(httpd: Httpd, put: Put) -> None:
    put(
        "err/page.psp", "before <% psp.set_error_page('error.psp') %>mid <%\nreq.status = 500\n%><%= {}['key'] %> after"
    )
    put("err/error.psp", "sorry: <%= exception[0].__name__ %> <%= exception[1] %> <%= exception[2].tb_lineno > 0 %>")
    httpd.expect(r"page\.psp failed, its error page answers.*KeyError: 'key'")
    answer = httpd.get("/err/page.psp")
    assert (answer.status, answer.text) == (500, "before mid sorry: KeyError 'key' True")
    put("err/root.psp", "<% psp.set_error_page('/err/plain.psp') %><%= 1 / 0 %>")
    put("err/plain.psp", "plain <%= psp.error_page %>")
    httpd.expect(r"root\.psp failed, its error page answers.*ZeroDivisionError")
    answer = httpd.get("/err/root.psp")
    assert (answer.status, answer.text) == (200, "plain None")


def test_expressions_with_commas(httpd: Httpd, put: Put) -> None:
    put("tuple.psp", "<%= 1, 2 %> <%= (3) %> <%= 4 # four %> <%= *(5, 6), %>")
    assert httpd.get("/tuple.psp").text == "(1, 2) 3 4 (5, 6)"
    put("assigned.psp", "a\n<%= x = 1 %>")
    httpd.expect(r"SyntaxError: invalid syntax. Maybe you meant '==' or ':=' instead of '='\?")
    assert httpd.get("/assigned.psp").status == 500
    httpd.wait_for_log(r'assigned\.psp", line 2')


def test_what_pages_of_jsp_say_is_dropped(httpd: Httpd, put: Put) -> None:
    put("jsp.psp", '<%@ page contentType="text/html" import="java.util.*, x" language="java" %>fine')
    assert httpd.get("/jsp.psp").text == "fine"
    put("misspelt.psp", '<%@ page autoscape="on" %>')
    httpd.expect("TemplateError: a page has no attribute 'autoscape'")
    assert httpd.get("/misspelt.psp").status == 500


def test_an_error_page_that_fails_or_is_missing(httpd: Httpd, put: Put) -> None:
    put("err/twice.psp", "<% psp.set_error_page('itself.psp') %><%= 1 / 0 %>")
    put("err/itself.psp", "<% psp.set_error_page('itself.psp') %><%= undefined %>")
    httpd.expect(r"twice\.psp failed", "NameError: name 'undefined' is not defined")
    assert httpd.get("/err/twice.psp").status == 500
    put("err/none.psp", "<% psp.set_error_page('none_at_all.psp') %>written<%= 1 // int(form.getfirst('n')) %>")
    httpd.expect("No such file or directory: '.*/err/none_at_all.psp'", "ZeroDivisionError")
    httpd.allow("none_at_all.psp")
    assert httpd.get("/err/none.psp?n=1").text == "written1"
    assert httpd.get("/err/none.psp?n=0").status == 500
    put("err/plain.psp", "plain")
    put("err/redirect.psp", "<% psp.set_error_page('plain.psp') %><% psp.redirect('/x') %>")
    assert httpd.get("/err/redirect.psp").status == 302
