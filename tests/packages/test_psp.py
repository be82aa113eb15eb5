"""mod_python.psp over httpd: the class PSP and the functions, as handlers use them."""

import json
from typing import Any

import pytest

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
"""
FILES = {
    "parts/greeting.txt": "<%= name %> in <%= place %>\n",
    "parts/part.inc": "part",
    "parts/including.txt": 'a<%@ include file="part.inc" %>b',
    "parts/missing.txt": '\n<%@ include file="none.inc" %>',
}


@pytest.fixture(autouse=True, scope="module")
def _files(httpd: Httpd) -> None:
    for path, text in FILES.items():
        httpd.write(path, text)


def call(httpd: Httpd, name: str) -> Any:
    answer = httpd.get(f"/call/psp_users/{name}")
    assert answer.status == 200
    return json.loads(answer.body)


def test_a_template_with_variables(httpd: Httpd) -> None:
    answer = httpd.get("/call/psp_users/template")
    assert answer.text == "Ada in nowhere\nAda in London\nBob in here\n"
    assert answer.headers["Content-Type"] == "text/plain"


def test_attributes(httpd: Httpd) -> None:
    path = str(httpd.htdocs / "parts/greeting.txt")
    assert call(httpd, "attributes") == [path, None, {"a": 1}, "code", True, None, "text", {}, True]


def test_pages_that_are_strings(httpd: Httpd) -> None:
    assert httpd.get("/call/psp_users/strings").text == "bytes: 1é\\n\nstr: 2é\\n\ninclude: part\n"


def test_a_program_that_replaces_write_gets_what_a_page_writes(httpd: Httpd) -> None:
    assert httpd.get("/call/psp_users/capture").text == "ABCDEFGhijk"


def test_str_of_a_page_runs_it(httpd: Httpd) -> None:
    answer = httpd.get("/call/psp_users/as_text")
    assert answer.text == "<b>é</b>'' text/html; charset=utf-8"


def test_w131_what_cannot_be_compiled_is_an_exception(httpd: Httpd) -> None:
    both, python, include = call(httpd, "refused")
    assert both == "ValueError: PSP() takes a filename or a string, not both"
    assert python.startswith("SyntaxError: ")
    assert python.endswith(" (<PSP string>, line 2)")
    assert include == "TemplateError: 'no' cannot be included: No such file or directory (<PSP string>, line 1)"


def test_a_template_that_is_missing_is_a_404(httpd: Httpd) -> None:
    httpd.expect(r"mod_python.psp: .*No such file or directory: '.*/parts/none.txt'")
    assert httpd.get("/call/psp_users/missing").status == 404


def test_display_code(httpd: Httpd) -> None:
    answer = httpd.get("/call/psp_users/display")
    assert "<td><pre>req.write(&quot;&quot;&quot;&lt;b&gt;</pre></td><td><pre>&lt;b&gt;</pre></td>" in answer.text
    assert "req.write(str( 1 &lt; 2 ),0);" in answer.text
    assert "<td><pre>&lt;%= name %&gt; in &lt;%= place %&gt;</pre></td>" in answer.text
    assert answer.text.count("<table>") == answer.text.count("</table>") == 2


def test_parse_and_parsestring(httpd: Httpd) -> None:
    *files, data, text, include, empty = call(httpd, "parsed")
    assert files == ['req.write("""apartb""",0)\n'] * 4
    assert data == 'req.write("""aé""",0); req.write(str( 1 ),0); req.write("""""",0)\n'
    assert text == 'req.write("""""",0); x = 1 ;req.write("""""",0)\n'
    assert include == 'req.write("""part""",0)\n'
    assert empty == ""


def test_w131_what_cannot_be_parsed_is_an_exception(httpd: Httpd) -> None:
    missing, include, nowhere, encoding = call(httpd, "unparsed")
    folder = httpd.htdocs / "parts"
    assert missing == f"FileNotFoundError: [Errno 2] No such file or directory: '{folder}/none.txt'"
    assert include == "TemplateError: 'none.inc' cannot be included: No such file or directory (missing.txt, line 2)"
    assert nowhere.startswith("TemplateError: 'part.inc' cannot be included: there is no folder to look in")
    assert encoding.startswith("TemplateError: byte 0xe9 is not utf-8")
    assert encoding.endswith("(<PSP string>, line 2)")


def test_a_page_that_is_kept_belongs_to_its_request(httpd: Httpd) -> None:
    assert httpd.get("/call/psp_users/keep").text == "kept"
    httpd.expect("RuntimeError: the request (is over|cannot be used now)")
    assert httpd.get("/call/psp_users/use_kept").status == 500
