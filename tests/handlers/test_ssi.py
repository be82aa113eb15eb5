"""Python in pages: <!--#python eval="..." --> and <!--#python exec="..." --> (mod_include)."""

import re

import pytest

from httpd import Httpd, Response

MPMS = ("event", "prefork")
CONF = """
<Directory "${HTDOCS}">
    Options +Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    SSIErrorMsg "[oops]"
</Directory>
<Directory "${HTDOCS}/no-exec">
    Options IncludesNOEXEC
</Directory>
<Directory "${HTDOCS}/debug">
    PythonDebug On
</Directory>
<Directory "${HTDOCS}/buffered">
    AddOutputFilter INCLUDES;BUFFER .shtml
</Directory>
<Directory "${HTDOCS}/shop">
    PythonInterpreter shop
</Directory>
<Location "/page">
    SetHandler mod_python
    PythonHandler ssi_pages
    SetOutputFilter INCLUDES
</Location>
"""


def page(httpd: Httpd, text: str, path: str = "/page.shtml") -> Response:
    httpd.write(path.removeprefix("/"), text)
    return httpd.get(path)


def expect_failure(httpd: Httpd, last: str, path: str = "/page.shtml") -> None:
    what = rf'SSI element of {httpd.htdocs}{path} failed for "GET {path} HTTP/1.1"'
    httpd.expect(rf"python:error.*{what}\\n(.*\\n)?{last}")


def test_b81_eval_writes_a_value(httpd: Httpd) -> None:
    answer = page(httpd, 'a<!--#python eval="6 * 7" -->b<!--#python eval="None" -->c<!--#python eval="\'é\'" -->')
    assert (answer.status, answer.text) == (200, "a42bcé")


def test_b81_exec_writes_through_filter(httpd: Httpd) -> None:
    code = "\r\nfor n in range(3):\r\n    filter.write(str(n))\r\nprint('!', end='', file=filter)   \r\n"
    assert page(httpd, f'a<!--#python exec="{code}" -->b').text == "a012!b"


def test_b79_entities_are_decoded_and_variables_are_not_set_in(httpd: Httpd) -> None:
    text = '<!--#set var="x" value="1" --><!--#python eval="1 &lt; 2 and &quot;${x}&quot;" -->'
    assert page(httpd, text).text == "${x}"


def test_b80_names_last_for_a_page(httpd: Httpd) -> None:
    text = """<!--#python exec="
import os
n = 5
def twice(): return 2 * n
" -->, <!--#python eval="twice()" -->, <!--#python eval="os.path.basename(__file__)" -->"""
    assert page(httpd, text).text == ", 10, page.shtml"
    names = "<!--#python eval=\"sorted(k for k in globals() if k[0] != '_')\" -->"
    assert page(httpd, names).text == "['filter']"


def test_b80_the_names_are_the_requests(httpd: Httpd) -> None:
    text = """<!--#python exec="
filter.req.ssi_globals['extra'] = filter.req.uri
old = filter
" --><!--#python eval="extra" --> <!--#python exec="
try:
    old.write('x')
except RuntimeError as error:
    filter.write(str(error))
" -->"""
    assert page(httpd, text).text == "/page.shtml the SSI element is over"


def test_w84_only_writing_is_there(httpd: Httpd) -> None:
    names = "[name for name in dir(filter) if name[0] != '_']"
    assert page(httpd, f'<!--#python eval="{names}" -->').text == "['flush', 'req', 'write']"


def test_b82_an_included_page_has_its_own_names(httpd: Httpd) -> None:
    httpd.write("inner.shtml", '<!--#python eval="\'x\' in globals()" -->,<!--#python exec="x = 2" -->')
    text = '<!--#python exec="x = 1" --><!--#include virtual="inner.shtml" --><!--#python eval="x" -->'
    assert page(httpd, text).text == "False,1"


def test_b78_false_branches_are_skipped(httpd: Httpd) -> None:
    text = '<!--#if expr="false" --><!--#python exec="1 / 0" --><!--#else -->b<!--#endif -->'
    assert page(httpd, text).text == "b"


def test_b78_includesnoexec(httpd: Httpd) -> None:
    httpd.expect(r"<!--#python --> in \S+/no-exec/a.shtml may not run: the page's Options has IncludesNOEXEC")
    assert page(httpd, 'a<!--#python eval="1" -->b', "/no-exec/a.shtml").text == "a[oops]b"


@pytest.mark.parametrize(
    ("element", "complaint"),
    [
        ("", "has no parameter: write eval="),
        ('print="1"', "has no parameter 'print': write eval="),
        ('eval="1" eval="2"', "has one parameter, not several: write eval="),
        ('eval="1" exec="2"', "has one parameter, not several: write eval="),
        ('eval=""', "has no eval: write eval="),
        ("exec", "has no exec: write eval="),
    ],
)
def test_w86_malformed_elements(httpd: Httpd, element: str, complaint: str) -> None:
    children = httpd.children()
    for _ in range(3):
        httpd.expect(rf"python:error.*<!--#python --> in \S+/page.shtml {re.escape(complaint)}")
        text = f'a<!--#python {element} -->b<!--#python eval="3" -->'
        assert page(httpd, text).text == "a[oops]b3"
    assert httpd.children() == children


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero$"),
        ("1 +", "SyntaxError: invalid syntax$"),
        ("missing", "NameError: name 'missing' is not defined$"),
        ("filter.close()", "AttributeError: .* has no attribute 'close'$"),
        ("filter.write(3)", r"TypeError: write\(\) takes bytes, str or a buffer, not int$"),
        ("__import__('sys').exit(3)", "SystemExit: 3$"),
    ],
)
@pytest.mark.parametrize("kind", ["eval", "exec"])
def test_w85_exceptions(httpd: Httpd, kind: str, code: str, last: str) -> None:
    children = httpd.children()
    for _ in range(3):
        expect_failure(httpd, last)
        text = f'a<!--#python {kind}="{code}" -->b<!--#python eval="3" -->'
        assert page(httpd, text).text == "a[oops]b3"
    assert httpd.children() == children


def test_w85_what_was_written_before_stays(httpd: Httpd) -> None:
    expect_failure(httpd, "ZeroDivisionError: division by zero$")
    assert page(httpd, "a<!--#python exec=\"filter.write('before'); 1 / 0\" -->b").text == "abefore[oops]b"


def test_w85_in_an_included_page(httpd: Httpd) -> None:
    httpd.write("inner.shtml", 'i<!--#python eval="1 / 0" -->j')
    httpd.expect(r"SSI element of \S+/inner.shtml failed for .*ZeroDivisionError: division by zero$")
    assert page(httpd, 'a<!--#include virtual="inner.shtml" -->b').text == "ai[oops]jb"


def test_w85_with_pythondebug(httpd: Httpd) -> None:
    expect_failure(httpd, "ValueError: <b>$", "/debug/a.shtml")
    text = page(httpd, "a<!--#python exec=\"raise ValueError('<b>')\" -->b", "/debug/a.shtml").text
    assert text.startswith("a\n<pre>\nmod_python error: SSI element of ")
    assert text.endswith("\nValueError: &lt;b&gt;\n</pre>\n[oops]b")


@pytest.mark.parametrize("result", ["apache.OK", "apache.DECLINED", "apache.DONE"])
def test_server_return_ends_an_element(httpd: Httpd, result: str) -> None:
    code = f"from mod_python import apache; filter.write('w'); raise apache.SERVER_RETURN({result})"
    assert page(httpd, f'a<!--#python exec="{code}" -->b').text == "awb"


def test_server_return_of_an_error_before_anything_is_sent(httpd: Httpd) -> None:
    # mod_include alone sends the headers before it runs an element.
    code = "from mod_python import apache; raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)"
    answer = page(httpd, f'a<!--#python exec="{code}" -->b', "/buffered/a.shtml")
    assert answer.status == 403
    assert "Forbidden" in answer.text


def test_server_return_of_an_error_after_the_headers_cuts(httpd: Httpd) -> None:
    for _ in range(2):
        httpd.expect("SSI element of .*/page.shtml: 403 after a part of the response was sent: it is cut$")
    code = "from mod_python import apache; raise apache.SERVER_RETURN(apache.HTTP_FORBIDDEN)"
    httpd.write("page.shtml", f'a<!--#python exec="{code}" -->b')
    assert httpd.curl(httpd.url("/page.shtml")).returncode == 18
    assert httpd.curl("--http2", httpd.url("/page.shtml", tls=True)).returncode in (18, 92)


def test_flush_sends_the_page_so_far(httpd: Httpd) -> None:
    code = "filter.write('b'); filter.flush(); import time; time.sleep(1)"
    httpd.write("page.shtml", f'a<!--#python exec="{code}" -->c')
    with httpd.connect() as client:
        client.settimeout(0.9)
        client.sendall(b"GET /page.shtml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        seen = b""
        while b"1\r\nb" not in seen:
            seen += client.recv(1000)
        client.settimeout(5)
        while data := client.recv(1000):
            seen += data
    assert seen.endswith(b"c\r\n0\r\n\r\n")


def test_w61_the_text_behind_an_element_stays_as_it_is(httpd: Httpd) -> None:
    # All of the page is in one buffer, and what is written must not go into it.
    text = "".join(f"{n}:<!--#python exec=\"filter.write('w' * {n})\" -->;" for n in range(100))
    assert page(httpd, text).text == "".join(f"{n}:{'w' * n};" for n in range(100))


def test_large_output_goes_out_as_it_comes(httpd: Httpd) -> None:
    body = page(httpd, 'a<!--#python exec="for n in range(2000): filter.write(bytes([n % 256]) * 50000)" -->b').body
    assert len(body) == 100_000_002
    assert body[1 + 50000 * 300] == 300 % 256
    assert all(httpd.memory(pid).peak < 100_000 for pid in httpd.children())


def test_w87_code_is_compiled_once(httpd: Httpd) -> None:
    text = """<!--#python exec="
from mod_python import _ssi
filter.write(str(_ssi._compiled.cache_info().misses))
" -->"""
    first = int(page(httpd, text).text)
    if httpd.mpm == "event":
        assert [int(page(httpd, text).text) for _ in range(3)] == [first] * 3
    assert int(page(httpd, text.replace("str", " str")).text) >= 1


def test_b88_interpreters(httpd: Httpd) -> None:
    element = '<!--#python eval="filter.req.interpreter" -->'
    assert page(httpd, element).text == "main_interpreter"
    assert page(httpd, element, "/shop/a.shtml").text == "shop"


def test_a_handlers_own_page(httpd: Httpd) -> None:
    assert httpd.get("/page?6*7").text == "[42]"
    httpd.expect(r"SSI element of .* failed for .*ZeroDivisionError")
    assert httpd.get("/page?1/0").text == "[[oops]]"


def test_over_tls_and_http2(httpd: Httpd) -> None:
    httpd.write("page.shtml", 'a<!--#python eval="filter.req.protocol" -->b')
    answer = httpd.curl("--http2", httpd.url("/page.shtml", tls=True))
    assert answer.stdout == (b"aHTTP/1.1b" if httpd.mpm == "prefork" else b"aHTTP/2.0b")
