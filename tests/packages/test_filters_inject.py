"""mod_python.filters.inject on made up pages, cut everywhere, and on httpd's manual."""

import importlib
import re

import pytest

from httpd import Httpd
from mod_python import testing
from server import MANUAL

# isort: split
from mod_python.filters.inject import outputfilter

CONF = """
PythonOutputFilter mod_python.filters.inject INJECT
AddOutputFilterByType INJECT text/html text/event-stream
PythonOption inject "<p>injected</p>"
<Location "/head">
    PythonOption inject_before head
</Location>
Alias "/manual" "${MANUAL}"
<Directory "${MANUAL}">
    Require all granted
</Directory>
<Location "/events">
    SetHandler mod_python
    PythonHandler response_sources::events
</Location>
"""
PAGE = b"<html><HEAD>\n</Head ><body>\xc3\xa9 < / </bod </BODY\n></body></html>"


def test_the_cut_law() -> None:
    result = testing.run(outputfilter, PAGE, cuts="all", options={"inject": "<p>injected</p>"})
    assert result.body == PAGE.replace(b"</BODY", b"<p>injected</p></body", 1)


def test_the_cut_law_among_tags_that_begin_alike() -> None:
    page = b"<header>x</header><p>y</head"
    options = {"inject": "<p>injected</p>", "inject_before": "head"}
    for end in (b">", b" >", b"\n>", b"/>"):
        result = testing.run(outputfilter, page + end, cuts="all", options=options)
        assert (
            result.body
            == page.replace(b"</head", b"<p>injected</p></head").replace(b"<p>injected</p></header", b"</header") + end
        )
    assert testing.run(outputfilter, page, cuts="all", options=options).body == page


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("inject", "inject"),
        ("limit_upload", "limit_upload"),
        ("replace", "replace:TEXT"),
        ("tee", "tee"),
        ("throttle", "throttle"),
    ],
)
def test_a_missing_option_is_named(name: str, option: str) -> None:
    module = importlib.import_module(f"mod_python.filters.{name}")
    is_input = name == "limit_upload"
    result = testing.run(module.inputfilter if is_input else module.outputfilter, PAGE, input=is_input)
    assert any(f"ValueError: no option '{option}': write PythonOption" in line for line in result.log), result.log


def test_before_the_end_of_the_head(httpd: Httpd) -> None:
    httpd.write("head/a.html", PAGE)
    assert httpd.get("/head/a.html").body == PAGE.replace(b"</Head", b"<p>injected</p></head", 1)


def test_a_page_without_the_tag_and_what_is_no_page(httpd: Httpd) -> None:
    for name in ("a.html", "a.css"):
        body = b"<p>no end" if name == "a.html" else PAGE
        httpd.write(name, body)
        assert httpd.get(f"/{name}").body == body


def test_all_of_the_manual(httpd: Httpd) -> None:
    pages = sorted(MANUAL.glob("en/**/*.html"))
    assert len(pages) > 100
    tag = re.compile(rb"</body(?=[> \t\n\f\r/])", re.IGNORECASE)
    for page in pages:
        answer = httpd.get(f"/manual/{page.relative_to(MANUAL)}").body
        assert answer == tag.sub(b"<p>injected</p></body", page.read_bytes(), count=1), page


def test_events_one_by_one(httpd: Httpd) -> None:
    with httpd.connect() as connection:
        connection.sendall(b"GET /events HTTP/1.0\r\n\r\n")
        seen = b""
        while b"data: 0 SECRET" not in seen:
            seen += connection.recv(1000)
        assert b"data: 1" not in seen
