"""What tests/bench/pages.py measures: pages that run under this module and under mod_python 3.5, as they are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page whose requests are measured."""

    name: str
    path: str
    files: dict[str, str]
    """What it consists of, by paths in the DocumentRoot."""
    conf: str = ""
    """What its configuration has besides CONF."""
    requests: int = 4000


_SHORT = """<html>
<body>
<h1>Hello, <%= req.connection.client_ip %></h1>
<p>You asked for <%= req.uri %>.</p>
</body>
</html>
"""
_TABLE = """<html>
<%@ include file="head.inc" %>
<body>
<table>
<%
rows = [(n, n * n, "row %d" % n) for n in range(100)]
for n, square, name in rows:
    kind = n % 2 and "odd" or "even"
%>
<tr class="<%= kind %>">
  <td><%= n %></td><td><%= square %></td>
<%
    if n % 10 == 0:
%>
  <td><b><%= name %></b></td>
<%
    else:
%>
  <td><%= name %></td>
<%
    # end if
%>
</tr>
<%
# end for
%>
</table>
</body>
</html>
"""
_FORM = """<html>
<body>
<%
name = form.getfirst("name", "nobody")
colours = form.getlist("colour")
%>
<p><%= name %> likes <%= len(colours) %> colours.</p>
</body>
</html>
"""
_LONG = "<html>\n" + "<p>The quick brown fox jumps over the lazy dog, again and again.</p>\n" * 150 + "</html>\n"
# Each connection has a session of its own, as each visitor has.
_SESSION = """
from mod_python import Session, apache

ids = {}


def handler(req):
    key = req.uri, req.connection.id
    session = Session.Session(req, ids.get(key, 0))
    ids[key] = session.id()
    session["pages"] = session.get("pages", 0) + 1
    session.save()
    req.content_type = "text/plain"
    req.write("page %07d\\n" % session["pages"], 0)
    return apache.OK
"""
_SESSION_CONF = """
<Location "/session/{0}">
    SetHandler mod_python
    PythonPath "sys.path + ['${{HTDOCS}}/session']"
    PythonHandler counted_visits
    PythonOption mod_python.location_shortcut On
    PythonOption mod_python.session.session_type {0}
    PythonOption mod_python.session.database_directory ${{STATE}}
</Location>
"""


def _session(what: str, kind: str) -> Page:
    files = {"session/counted_visits.py": _SESSION}
    return Page(f"session: {what}", f"/session/{kind}", files, _SESSION_CONF.format(kind), requests=2000)


_SITE = """class Shelf:
    def book(self, req, title):
        return "<html>%s</html>" % title


class Shop:
    def __init__(self):
        self.shelf = Shelf()


shop = Shop()


def index(req):
    return "Hello\\n"


def hello(req, name="nobody", size="1"):
    return "<html><body>Hello, %s</body></html>" % name
"""

# What a request costs httpd itself, whatever answers it: no module for Python can save that.
FLOOR = Page("without Python: a line, from C", "/bench-hello", {})
PAGES = (
    FLOOR,
    Page("without Python: a small file", "/psp/head.inc", {}),
    Page("publisher: a text", "/published/site", {"published/site.py": _SITE}),
    Page("publisher: two fields of a query", "/published/site/hello?name=Ada&size=3", {}),
    Page("publisher: a method of an object", "/published/site/shop/shelf/book?title=Emma", {}),
    Page("psp: two values", "/psp/short.psp", {"psp/short.psp": _SHORT}),
    Page(
        "psp: a table of 100 rows, an include",
        "/psp/table.psp",
        {"psp/table.psp": _TABLE, "psp/head.inc": "<head><title>Rows</title></head>\n"},
        requests=1000,
    ),
    Page("psp: 10 KB of text", "/psp/long.psp", {"psp/long.psp": _LONG}),
    _session("in memory", "MemorySession"),
    _session("one file for all", "DbmSession"),
    _session("a file for each", "FileSession"),
    Page("psp: a form", "/psp/form.psp?name=Ada&colour=red&colour=blue&size=3", {"psp/form.psp": _FORM}),
)
CONF = """
ServerLimit 1
MaxRequestWorkers 16
MaxKeepAliveRequests 0
LogLevel error
PythonOption an.option "as most sites have some"
<Directory "/">
    AllowOverride None
</Directory>
<Location /bench-hello>
    SetHandler bench-hello
</Location>
<Location /bench-count>
    SetHandler bench-count
</Location>
<Directory "${HTDOCS}/psp">
    AddHandler mod_python .psp
    PythonHandler mod_python.psp
</Directory>
<Directory "${HTDOCS}/published">
    SetHandler mod_python
    PythonHandler mod_python.publisher
</Directory>
""" + "".join(page.conf for page in PAGES)
