"""The code of pages is that of mod_python 3.5, whose scanner is asked here, but for its faults."""

import importlib.util
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neighbours
from mod_python import testing  # noqa: F401 - it stands for httpd: first
from mod_python._psp.generator import generate
from mod_python._psp.source import Source
from server import PROJECT

OLD = PROJECT / "target/mod_python-3.5/usr/lib/python3/dist-packages/mod_python"
SCANNER = OLD / "_psp.cpython-311-x86_64-linux-gnu.so"
neighbours.need(SCANNER, "libapache2-mod-python for Python 3.11")


def _old_parse(page: str) -> str:
    spec = importlib.util.spec_from_file_location("_psp", SCANNER)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.parsestring(page.encode()))


def new_parse(page: str) -> str:
    return generate(Source("<page>", page), lambda name: Source(name, "")).code


def is_python(code: str) -> bool:
    try:
        compile(code, "<page>", "exec")
    except SyntaxError:
        return False
    return True


@pytest.mark.parametrize(
    "page",
    [
        "hello",
        "",
        "<% x = 1 %>",
        "a\n<%\nx = 1\n%>\nb",
        "a\n<%\nif x:\n%>\nyes\n<%\nelse:\n%>\nno\n<%\n# end\n%>\nafter\n",
        "a<%= x %>b<%= x\n %>c<%=%>",
        "<%\nfor i in range(3):\n    y = i\n%>\n text <%= i %>\n<%\n# end\n%>\nx",
        "<%\n\tif 1:\n\t\tx=1\n%>t\n<%\n%>u",
        "<%\nif 1:\n%>a<% y=2 %>b<%= y %>c<%\n%>d",
        "<%\nif 1:\n  if 2:\n%>b<%\n  else:\n%>c<%\n#\n%>d",
        "<%\nif 1:\n  x=2\n  # foo\n%>t",
        "<%\nfor a in b:\n\n\n%>t",
        "<%\nif 1:\n  x=2\n\n%>t",
        "<%\nif 1:\n\tx\n\t%>b",
        "<%\nif 1:\n %>b",
        'a %> b < % > """ \'é€\'',
        "<% x = '<%' %>",
        "<%\r\nif 1:\r\n%>b",
    ],
)
def test_the_code_of_a_page_is_the_same(page: str) -> None:
    assert new_parse(page) == _old_parse(page)


TEXT = st.sampled_from(["text", "\n", "two\nlines", "<b>", "é"])
STATEMENTS = ["x = 1", "for i in range(2):", "if x:", "else:", "# a comment", "pass", "", "if y: z = 1"]
LINES = st.tuples(st.sampled_from(["", "\t", "    "]), st.sampled_from(STATEMENTS)).map("".join)
BLOCKS = st.lists(LINES, min_size=1, max_size=4).map(lambda lines: "<%\n" + "\n".join(lines) + "\n%>")
PAGES = st.lists(TEXT | BLOCKS | st.sampled_from(["<%= x %>", "<% x = 2 %>", "<%-- c --%>", "<%@ drop %>"]), max_size=8)


@given(PAGES.map("".join))
@settings(max_examples=400, deadline=None)
def test_what_was_python_is_the_same(page: str) -> None:
    old = _old_parse(page)
    if is_python(old):
        assert new_parse(page) == old


@pytest.mark.parametrize(("end", "indent"), [*product(["\n%>", "\n\n%>", "\n  %>", " \n%>"], ["", "    "])])
def test_how_far_text_is_indented(end: str, indent: str) -> None:
    for last in ("x = 1", "if x:", "# note", "pass # if x:"):
        page = f"<%\nif x:\n{indent}{last}{end}text\n"
        old = _old_parse(page)
        assert not is_python(old) or new_parse(page) == old
