"""PythonHandler mod_python.psp: how pages are compiled, kept, sent, and what is said of those that fail."""

import json
import os
import time
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
<Directory "${HTDOCS}">
    AddHandler mod_python .psp .psp_
    PythonHandler mod_python.psp
</Directory>
<Directory "${HTDOCS}/debug">
    PythonDebug On
    Options None
</Directory>
<Directory "${HTDOCS}/all">
    PythonDebug On
    Options None
    SetHandler mod_python
</Directory>
<Directory "${HTDOCS}/made_by_fixup">
    PythonFixupHandler psp_users::make
</Directory>
<Directory "${HTDOCS}/made_by_handler">
    PythonHandler psp_users::make mod_python.psp
</Directory>
<Directory "${HTDOCS}/made_by_user">
    PythonHandler psp_users::make_and_run
</Directory>
<Files "guarded.psp">
    Require all denied
</Files>
<Location "/call">
    SetHandler mod_python
    PythonHandler call_by_path
</Location>
"""
Put = Callable[..., None]


@pytest.fixture
def put(httpd: Httpd) -> Put:
    """Write a page."""

    def put(path: str, text: str | bytes) -> None:
        httpd.write(path, text)

    return put


def test_w132_a_change_of_a_page_or_of_an_include_shows_at_once(httpd: Httpd, put: Put) -> None:
    put("changing.psp", 'page 0 <%@ include file="changing.inc" %>')
    put("changing.inc", '<%@ include file="inner.inc" %>')
    for number in range(30):
        # Of one length, and soon one after the other.
        put("inner.inc", f"inner {number:2}")
        assert httpd.get("/changing.psp").text == f"page 0 inner {number:2}"
    put("changing.psp", "page 1")
    assert httpd.get("/changing.psp").text == "page 1"
    (httpd.htdocs / "changing.psp").unlink()
    assert httpd.get("/changing.psp").status == 404


def test_w132_a_change_by_other_code_of_the_request_shows_at_once(httpd: Httpd, put: Put) -> None:
    for folder in ("made_by_fixup", "made_by_handler", "made_by_user"):
        put(f"{folder}/page.psp", "nothing")
        (httpd.htdocs / folder).chmod(0o777)
        for number in range(4):
            assert httpd.get(f"/{folder}/page.psp?{number}").text == f"page {number}"


def test_w132_a_change_of_a_page_that_was_long_as_it_is_shows_at_once(httpd: Httpd, put: Put) -> None:
    for number in range(4):
        put("old/page.psp", f"page {number}")
        os.utime(httpd.htdocs / "old/page.psp", (1000 + number, 1000 + number))
        for _ in range(3):
            assert httpd.get("/old/page.psp").text == f"page {number}"


def test_a_failure_is_not_remembered(httpd: Httpd, put: Put) -> None:
    put("mended.psp", "<%= ( %>")
    httpd.expect("SyntaxError")
    for _ in range(2):
        assert httpd.get("/mended.psp").status == 500
    put("mended.psp", "<%\nimport not_yet_there\n%><%= not_yet_there.x %>")
    httpd.expect("No module named 'not_yet_there'")
    assert httpd.get("/mended.psp").status == 500
    httpd.write("not_yet_there.py", "x = 1")
    put("mended.psp", "<%\nimport not_yet_there\n%><%= not_yet_there.x %> ")
    assert httpd.get("/mended.psp").text == "1 "


def test_threads_that_come_first_compile_a_page_once(httpd: Httpd, put: Put) -> None:
    assert httpd.get("/call/psp_users/count").status == 200
    before = json.loads(httpd.get("/call/psp_users/counted").text)[0]
    put("once.psp", '<%= 1 %><%@ include file="once.inc" %>')
    put("once.inc", "2")
    with ThreadPoolExecutor(8) as pool:
        assert {answer.text for answer in pool.map(lambda _: httpd.get("/once.psp"), range(8))} == {"12"}
    assert json.loads(httpd.get("/call/psp_users/counted").text)[0] == before + 1


def test_tracebacks_name_the_lines_of_pages(httpd: Httpd, put: Put) -> None:
    put("trace/page.psp", 'one\n<%@ include file="part.inc" %>\n\n<%\nfor i in range(2):\n%>\n<b><%= half(i) %></b>\n')
    put("trace/part.inc", "\n<%\ndef half(n):\n    return 1 // n\n# end\n%>\n")
    put("trace/inner.psp", 'x\n<%@ include file="failing.inc" %>')
    put("trace/failing.inc", "a\nb\n<%= 1 / 0 %> c\n")
    httpd.expect(
        r'page\.psp", line 7, in <module>\\n    <b><%= half\(i\) %></b>\\n  File ".*part\.inc", line 4, in half'
        r"\\n    return 1 // n\\nZeroDivisionError",
        r'failing\.inc", line 3, in <module>\\n    <%= 1 / 0 %> c\\nZeroDivisionError',
    )
    assert httpd.get("/trace/page.psp").status == 500
    assert httpd.get("/trace/inner.psp").status == 500


def test_a_page_that_is_no_python_is_a_500_with_the_line(httpd: Httpd, put: Put) -> None:
    put("syntax.psp", "one\n\n<%= 1 + %>\n")
    put("indent.psp", "<%\nif True:\nx = 1\n%>\n")
    put("indent2.psp", 'a\n<%@ include file="indent.inc" %>')
    put("indent.inc", "b\n<%\nfor i in []:\ni\n%>")
    httpd.expect(
        r'syntax\.psp", line 3\\n    <%= 1 \+ %>\\nSyntaxError: .*cannot be compiled, because of its line 3',
        r'indent\.psp", line 3\\n    x = 1\\nIndentationError: .*text is indented as the last line of the code',
        r'indent\.inc", line 4\\n    i\\nIndentationError: .*The page .*indent2\.psp cannot be compiled',
    )
    for path in ("syntax", "indent", "indent2"):
        assert httpd.get(f"/{path}.psp").status == 500
    assert "in handler" not in httpd.log()  # our own function
    assert "generator.py" not in httpd.log()  # where it was found is of no use


def test_the_view_of_the_code(httpd: Httpd, put: Put) -> None:
    for folder in ("debug/", ""):
        put(f"{folder}view.psp", "<p><%= 1 < 2 %>\n<%\nif 1:\n%>yes")
    answer = httpd.get("/debug/view.psp_")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert (
        "<td><pre>req.write(&quot;&quot;&quot;&lt;p&gt;&quot;&quot;&quot;,0); req.write(str( 1 &lt; 2 ),0);"
        in answer.text
    )
    assert "</pre></td><td><pre>&lt;p&gt;&lt;%= 1 &lt; 2 %&gt;</pre></td>" in answer.text
    assert httpd.get("/view.psp_").status == 404
    put("debug/broken.psp", "<%= ( %>")
    assert "req.write(str( ( ),0)" in httpd.get("/debug/broken.psp_").text
    assert httpd.get("/debug/none.psp_").status == 404
    put("debug/real.psp_", "a page of that name")
    assert httpd.get("/debug/real.psp_").text == "a page of that name"


def test_the_view_shows_no_page_that_httpd_refuses(httpd: Httpd, put: Put) -> None:
    for folder in ("debug", "all"):
        put(f"{folder}/guarded.psp", "<% SECRET = 1 %>")
        put(f"{folder}/page.psp", "<% PUBLIC = 1 %>")
        put(f"{folder}/.hidden.psp", "<% SECRET = 1 %>")
        for name, target in {"link.psp": f"{httpd.htdocs}/{folder}/page.psp", "users.psp": "/etc/passwd"}.items():
            link = httpd.htdocs / folder / name
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        httpd.allow("AH01630|AH0003[27]")
        for name, status in {
            "guarded.psp_": 403,
            "guarded.psp_/x": 403,
            "./guarded%2epsp_?x=1": 403,
            "page.psp__": 404,
            ".hidden.psp_": 404,
            "link.psp_": 403,
            "users.psp_": 403,
            "_": 404,
        }.items():
            answer = httpd.get(f"/{folder}/{name}")
            assert answer.status in ((status, 404) if folder == "debug" else (status,)), (folder, name)
            assert "SECRET" not in answer.text
            assert "PUBLIC =" not in answer.text
            assert "root:" not in answer.text
        for name in ("page.psp_", "page.psp_/x?y=1", "page%2epsp%5f"):
            assert "PUBLIC = 1" in httpd.get(f"/{folder}/{name}").text
    put("all/.htaccess", "# SECRET")
    put("all/part.txt", "public")
    assert httpd.get("/all/.htaccess_").status == 404
    # Whatever the section makes a page of.
    assert "public" in httpd.get("/all/part.txt_").text
    put("debug/part.txt", "public")
    assert httpd.get("/debug/part.txt_").status == 404
    put("debug/über 1%.psp", "<% PUBLIC = 1 %>")
    assert "PUBLIC = 1" in httpd.get("/debug/%C3%BCber%201%25.psp_").text


def test_a_large_page_is_sent_while_it_is_made(httpd: Httpd, put: Put) -> None:
    put("large.psp", "<%\nfor i in range(96):\n%><%= 'x' * (1 << 20) %><%\n%>end")
    put("tiny.psp", "<%\nfor i in range(1000000):\n%>0123456789<%= i % 10 %><%\n%>end")
    put("warm.psp", "<%= 'x' * (1 << 20) %>")
    httpd.get("/warm.psp")
    (child,) = httpd.children()
    before = httpd.memory(child).peak
    for path, length in (("large", (96 << 20) + 3), ("tiny", 11_000_003)):
        assert len(httpd.get(f"/{path}.psp").body) == length
    assert httpd.memory(child).peak - before < 8 << 10


def test_flush(httpd: Httpd, put: Put) -> None:
    put(
        "slow.psp",
        "first<%\nreq.flush()\nimport time\nwhile not os.path.exists(req.filename + '.go'): time.sleep(0.01)\n%>last",
    )
    go = httpd.htdocs / "slow.psp.go"
    go.unlink(missing_ok=True)
    with httpd.connect() as connection:
        connection.sendall(b"GET /slow.psp HTTP/1.0\r\n\r\n")
        got = b""
        while b"first" not in got:
            got += connection.recv(4096)
        assert b"last" not in got
        httpd.write("slow.psp.go", "")
        deadline = time.monotonic() + 30
        while b"last" not in got and time.monotonic() < deadline:
            got += connection.recv(4096)
    assert got.endswith(b"firstlast")


def test_a_client_that_leaves_ends_a_page(httpd: Httpd, put: Put) -> None:
    put("endless.psp", "<%\nwhile True:\n%>and so on<%= '.' * 1000 %><%\n# end\n%>")
    httpd.allow("OSError", "ConnectionResetError")
    with httpd.connect() as connection:
        connection.sendall(b"GET /endless.psp HTTP/1.0\r\n\r\n")
        assert connection.recv(4096)
    httpd.wait_for_request("200 GET /endless.psp")
