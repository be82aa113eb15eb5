"""What is made of the text of a page, without httpd: `mod_python._psp`."""

import random
import re
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mod_python import testing  # noqa: F401 - it stands for httpd: first
from mod_python._psp import tracebacks
from mod_python._psp.errors import TemplateError
from mod_python._psp.generator import COMPILED, generate
from mod_python._psp.output import begin, end
from mod_python._psp.page import Page
from mod_python._psp.scanner import Kind, scan
from mod_python._psp.source import Source, decoded

NAME = "<page>"


class Written:
    """Stands for a request: what is written to it."""

    _page_pieces: list[str] | None = None

    def __init__(self) -> None:
        self.text = ""

    def write(self, data: str, flush: int = 1) -> None:  # noqa: ARG002
        """Append a text."""
        self.text += data

    def send(self, *args: object) -> None:
        """Stand for what no page of these tests calls."""
        raise AssertionError(args)

    flush = internal_redirect = sendfile = wsgi_start_response = send


def no_files(name: str) -> Source:
    raise FileNotFoundError(2, "No such file or directory", name)


def compiled(text: str, include: Callable[[str], Source] = no_files, autoescape: bool = False) -> Page:
    return Page(generate(Source(NAME, text), include, autoescape, COMPILED), [])


def run(text: str, include: Callable[[str], Source] = no_files, autoescape: bool = False, **names: Any) -> str:
    """What a page writes."""
    written: Any = Written()
    page = compiled(text, include, autoescape)
    names["req"] = written
    assert begin(written, names, page.names)
    try:
        exec(page.code, names)
    except Exception as error:
        tracebacks.name_included_files(error, page.generated)
        raise
    finally:
        end(written)
    return str(written.text)


TEXTS = st.text(st.sampled_from("ab \\\\\"'nrtxuN{}\r\n\t\0éß€😀%<>#:-=@\x0b\x0c\x1c\x85\u2028") | st.characters())
AWKWARD = [
    "\\",
    "\\n",
    '\\"',
    '"""',
    '\\\\"""\\',
    "\\x41\\u0041\\N{DASH}\\101",
    "%>",
    "< %",
    "a\rb\r\nc\n\r",
    "{x}%s",
    "\\\n",
]


@given(TEXTS.filter(lambda text: "<%" not in text))
@example("")
@example("".join(AWKWARD))
@settings(deadline=None)
def test_w127_text_comes_out_as_it_is(text: str) -> None:
    assert run(text) == text


@pytest.mark.parametrize("text", AWKWARD)
def test_w127_text_between_tags_comes_out_as_it_is(text: str) -> None:
    assert run(f"<%= 1 %>{text}<%\nx = 2\n%>{text}<%-- no --%>{text}<%= x %>{text}") == f"1{text}{text}{text}2{text}"


def test_surrogates_are_kept() -> None:
    assert run("a\udce9b\ud800") == "a\udce9b\ud800"


PIECES = st.one_of(
    TEXTS.filter(lambda text: "<" not in text and "%" not in text).map(lambda text: (text, text)),
    st.integers(-5, 99).map(lambda number: (f"<%= {number} %>", str(number))),
    st.integers(0, 9).map(lambda number: (f"<% x = {number} %><%= x %>", str(number))),
    st.integers(0, 9).map(lambda number: (f"<%\nx = {number}\n%><%=x%>", str(number))),
    st.sampled_from(
        ["<%-- c --%>", '<%-- <% a\r\nb %> " --%>', "<%@ some thing %>", "<% %>", "<%%>", "<% # note %>"]
    ).map(lambda tag: (tag, "")),
    st.integers(0, 3).map(
        lambda times: (
            f"<% for i in range({times}): %>a\n<%= i %>\\<% # end %>",
            "".join(f"a\n{number}\\" for number in range(times)),
        )
    ),
)


@given(st.lists(PIECES, max_size=12))
@settings(deadline=None)
def test_pieces_of_all_kinds_in_any_order(pieces: list[tuple[str, str]]) -> None:
    page = "".join(written for written, _ in pieces)
    if page.count("<%") == sum(written.count("<%") for written, _ in pieces):
        assert run(page) == "".join(shown for _, shown in pieces)


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("<% for i in (1, 2): %>a<%     for j in (1, 2): %><%= i * j %><%     # end %>b<% # end %>c", "a12ba24bc"),
        ("<% for i in (0, 1): %>a<%     if i: %>b<%     else: %>c<%     # end %>d<% # end %>e", "acdabde"),
        ("<% if 1: %>a<%     if 1: %>b<%         if 1: %>c<%         # end %>d<%     # %>e<% # %>f", "abcdef"),
        ("<% for i in (0, 1): %>a<%= i %><% x = i %><%     if x: %>b<% # end %>c", "a0a1bc"),
        ("<% for i in (0, 1): %>a<%\n    # only a comment\n%>b<%\n    x = i\n%><%= x %><% # end %>c", "ab0ab1c"),
        ("<% for i in (0, 1): %>a<%\r\n  # first\r\n  x = i\r\n%>b<% # end %>c", "ababc"),
        ("<% if 1: %>a<%\tif 1: %>b<% # end %>c", "abc"),
        ("<%\nif 1:\n  if 1:\n%>a<%\n   if 1:\n%>b<%\n# end\n%>c", "abc"),
        ('<% if 1: %>a<%@ include file="x" %><%\tx = 1 %>b<% # end %>c', "aIbc"),
    ],
)
def test_a_block_in_a_block(page: str, shown: str) -> None:
    assert run(page, lambda name: Source(name, "I")) == shown


@pytest.mark.parametrize("page", ["<% if 1: %>\n<% # end %>\n<% else: %>", "<%\nif 1:\n%>a<%\n# end\n%>b<%\nelse:\n%>"])
def test_what_goes_on_with_a_block_that_has_ended_says_so(page: str) -> None:
    with pytest.raises(SyntaxError) as caught:
        run(page)
    assert "ends all blocks. Inside of one, write" in caught.value.__notes__[-1]


WORDS = """if_x: else: x_=_1 # " ' \\ ( ) : é include file="a" page autoescape="on" for_i_in_[]: return break def_f():
yield await nonlocal_x 1 pass = lambda: f'{ } @ raise import_x class_A: try: except: global_x del_x *a :=
<% %> <%= <%@ <%-- --%> \"\"\""""
FRAGMENTS = st.lists(
    st.sampled_from([word.replace("_", " ") for word in WORDS.split()])
    | st.sampled_from(["<%", "%>", "<%=", "%>", "\n", "\r\n", "\r", " ", "\t", "    ", "\0", "\ud800", "\x0c"])
    | st.text(max_size=3),
    max_size=20,
).map("".join)


@given(FRAGMENTS)
@settings(max_examples=500, deadline=None)
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_any_page_compiles_or_has_an_error_in_one_of_its_lines(text: str) -> None:
    try:
        compiled(text, lambda name: Source(f"<{name}>", "included"))
    except SyntaxError as error:
        assert error.filename in (NAME, "<a>")
        assert error.lineno is not None
        assert 1 <= error.lineno <= len(re.split("\r\n|\r|\n", text))
        assert error.msg


@given(FRAGMENTS)
@settings(deadline=None)
def test_tokens_are_the_whole_page(text: str) -> None:
    beginnings = {Kind.TEXT: ("", ""), Kind.COMMENT: ("<%--", "--%>")}
    page = ""
    for token in scan(text):
        begin, end = beginnings.get(token.kind, (token.kind.value, "%>"))
        page += begin
        assert token.start == len(page)
        page += token.text + (end if token.is_closed else "")
    assert page == text


@given(st.integers(0, 40), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_line_of_an_exception(line: int, generator: random.Random) -> None:
    tags = [
        "text",
        "<%= 1 %>",
        "<%\nx = 1\n%>",
        "<%-- two\nlines --%>",
        '"""\\',
        "\r",
        "<%@ drop\nped %>",
        "<% # end %>é",
        "",
    ]
    before = "\n".join(generator.choice(tags) for _ in range(line))
    page = f"{before}\nλ<%= 1 %><%= 1 / 0 %>\nmore"
    expected = len(re.split("\r\n|\r|\n", page.partition("λ")[0]))
    with pytest.raises(ZeroDivisionError) as caught:
        run(page)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == expected


def test_the_line_of_an_exception_in_an_include() -> None:
    files = {"a": "A\n<%\ndef fail():\n    return 1 / 0\n# end\n%>", "b": "1\n2\n<%= fail() %>"}

    def include(name: str) -> Source:
        return Source(f"/{name}", files[name])

    with pytest.raises(ZeroDivisionError) as caught:
        run('x\n<%@ include file="a" %>\n\n\n<%@ include file="b" %>', include)
    places = [(one.filename, one.lineno, one.name) for one in traceback.extract_tb(caught.value.__traceback__)]
    assert places[-2:] == [("/b", 3, "<module>"), ("/a", 4, "fail")]
    with pytest.raises(ZeroDivisionError) as caught:
        run('x\n<%@ include file="a" %>\n\n\n<%= fail() %>', include)
    places = [(one.filename, one.lineno, one.name) for one in traceback.extract_tb(caught.value.__traceback__)]
    assert places[-2:] == [(NAME, 5, "<module>"), ("/a", 4, "fail")]


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("a\nb\n<% x = = 1 %>", 3),
        ("a\n<%\n\nif 1:\nx\n%>", 5),
        ("é\n\n<%= ( %>\n", 3),
        ("é\n\n<%= 1 + %>\n", 3),
        ("\n<%\nbreak\n%>", 3),
        ("\n\n<%\nx = '\n%>", 4),
        ("\r\n\r\n<%= a b %>", 3),
        ("<%-- 1\n2 --%>\n<%= a b %>", 3),
        ("\n\n<%= 1", 3),
        ("\n<%-- never ends", 2),
        ("\n\n\n<%@ include", 4),
        ("\n<% a\0b %>", 2),
        ('\n<%@ page autoescape="perhaps" %>', 2),
        ('\n<%@ page autoescape="" %>', 2),
        ("\n<%@ page autoescape=on %>", 2),
        ('\n<%@ page\nautoEscape="on" %>', 2),
        ('\n\n<%@ page language="python" auto-escape="on" %>', 3),
        ('\n<%@ page autoescape="on"encoding="utf-8" %>', 2),
        ("\n<%@ page on %>", 2),
        ('\n<%@ page; autoescape="on" %>', 2),
        ('\n<%@ Page autoescape="on" %>', 2),
        ("\n<%@PAGE%>", 2),
        ('\n<%@ page encoding="" %>', 2),
        ('\n<%@ page autoescape="on"', 2),
        ("\n<%@ include it %>", 2),
        ('\n\n<%@ include file="missing" %>', 3),
        ("<%\nif 1:\n%>\n<%\nx = 1\n  y\n%>", 6),
    ],
)
def test_the_line_of_an_error(page: str, line: int) -> None:
    with pytest.raises(SyntaxError) as caught:
        compiled(page)
    assert (caught.value.filename, caught.value.lineno) == (NAME, line)
    assert f"line {line}" in str(caught.value)


def test_w131_an_include_that_is_missing_is_an_error() -> None:
    with pytest.raises(TemplateError, match="'missing' cannot be included: No such file or directory") as caught:
        compiled('\n<%@ include file="missing" %>')
    assert caught.value.lineno == 2


def test_a_file_that_includes_itself_is_an_error() -> None:
    with pytest.raises(TemplateError, match="'a' includes itself"):
        compiled('<%@ include file="a" %>', lambda name: Source(f"/{name}", '<%@ include file="a" %>'))
    twice = '<%@ include file="b" %><%@ include file="b" %>'
    assert run(twice, lambda _: Source("/b", "B")) == "BB"


def test_code_that_is_too_deep_for_python() -> None:
    for code in ("(" * 10_000, "-" * 100_000 + "1", "+".join("1" * 100_000)):
        try:
            compiled(f"\n<%= {code} %>")
        except SyntaxError as error:
            assert error.lineno is not None


def test_a_value_may_be_anything() -> None:
    assert run("<%= None %>|<%= b'x' %>|<%= 'é' %>|<%=%>|<%= 1 # one\n %>|<%= '#' %>") == "None|b'x'|é||1|#"


def test_values_are_escaped_where_that_is_on() -> None:
    class Html:
        def __html__(self) -> str:
            return "<i>"

    page = '<p title="<%= x %>"><%= Html() %><b>'
    shown = '<p title="&lt;a href=&quot;&#x27;&amp;"><i><b>'
    assert run(page, autoescape=True, x="<a href=\"'&", Html=Html) == shown
    assert run('<%@ page autoescape="on" %>' + page, x="<a href=\"'&", Html=Html) == shown
    assert run("<%@ page autoescape='off' %><%= x %>", autoescape=True, x="<&>") == "<&>"


def test_directives_of_a_page_as_they_may_be_written() -> None:
    for text in (
        "<%@page autoescape='on'%>",
        '<%@\tpage\n autoescape = "ON"\n encoding="utf-8" %>',
        '<%@ page language="python" autoescape="true" %>',
        '<%@ page autoescape="off" %><%@ page autoescape="on" %>',
        '<%@ page autoescape="on" %><%@ page %><%@page%><%@ pages autoescape=off %><%@ %><%@ x Page %>',
    ):
        assert run(text + "<%= x %>", x="<").strip() == "&lt;", text


def test_each_file_says_whether_it_is_escaped() -> None:
    files = {
        "on": '<%@ page autoescape="on" %><%= x %>',
        "off": '<%@ page autoescape="off" %><%= x %>',
        "none": "<%= x %>",
    }

    def include(name: str) -> Source:
        return Source(f"/{name}", files[name])

    page = '<%= x %><%@ include file="on" %><%@ include file="off" %><%@ include file="none" %><%= x %>'
    assert run(page, include, x="<") == "<&lt;<<<"
    assert run(page, include, autoescape=True, x="<") == "&lt;&lt;<&lt;&lt;"


def test_encodings() -> None:
    assert decoded(b"\xef\xbb\xbfa\xc3\xa9", NAME, "utf-8") == "aé"
    assert decoded(b'<%@ page encoding="iso-8859-15" %>\xa4', NAME, "utf-8")[-1] == "€"
    assert decoded(b"<%@ page x\n encoding='latin-1' %>\xe9", NAME, "utf-8")[-1] == "é"
    assert decoded("a€".encode("utf-16"), NAME, "utf-16") == "a€"
    with pytest.raises(TemplateError, match=r"byte 0xe9 is not utf-8: .*line 3"):
        decoded(b"\n\r\n\xe9", NAME, "utf-8")
    with pytest.raises(TemplateError, match=r"there is no encoding 'latin-none'.*line 2"):
        decoded(b'\n<%@ page encoding="latin-none" %>', NAME, "utf-8")


def test_which_globals_a_page_reads() -> None:
    for code, reads in {
        "<%= form %>": True,
        "<%= form.x %>": True,
        "<% x = req.form %>": True,
        "<%\ndef f(): return form\n%>": True,
        "<% form = form %>": True,
        "<% form = 1 %><%= form %>": False,
        "<% req.form = 1 %><%= req.form %>": False,
        "<%\nfrom forms import form\n%><%= form %>": False,
        "<%\ndef f(form): return form\n%>": False,
        "<%= x.form %>": False,
        "form": False,
    }.items():
        assert compiled(code).uses_form is reads, code
    assert compiled("<%= session %>").uses_session
