"""What clients see and the log says when Python fails."""

import http.client
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from httpd import Httpd

LISTS = [
    *("before", "late", "late_with_length", "late_status", "markup", "exits", "interrupted", "generator_exit"),
    *(
        "chained",
        "group",
        "without_text",
        "recursion",
        "os_error",
        "noted",
        "not_callable",
        "missing",
        "long",
        "wordy",
        "unreported",
    ),
]
CONF = """
SetHandler mod_python
""" + "\n".join(f"<Location /{name}>\nPythonHandler failing_handlers::{name}\n</Location>" for name in LISTS)
CONF += """
<Location /document>
    PythonHandler failing_handlers::before
    ErrorDocument 500 "sorry, says ErrorDocument"
</Location>
<Location /debug>
    PythonHandler failing_handlers::markup
    ErrorDocument 500 "sorry, says ErrorDocument"
    PythonDebug On
</Location>
<Location /debug-late>
    PythonHandler failing_handlers::late
    PythonDebug On
</Location>
<Location /no-argument>
    PythonHandler failing_handlers::Shop.handler
</Location>
<Location /no-module>
    PythonHandler not_there
</Location>
<Location /no-package>
    PythonHandler failing_handlers.inside::f
</Location>
<Location /syntax>
    PythonHandler wrong_syntax
</Location>
<Location /import>
    PythonHandler import_fails
</Location>
<Location /bad-path>
    PythonInterpreter bad_path
    PythonPath "[1 / 0]"
    PythonHandler failing_handlers::before
</Location>
<Location /no-list>
    PythonInterpreter no_list
    PythonPath "str(sys.path)"
    PythonHandler failing_handlers::before
</Location>
<Location /returned>
    LogLevel python:debug
    PythonHandler returning
</Location>
<Location /list>
    PythonHandler failing_handlers::before failing_handlers::late
</Location>
"""
PATH_LINE = r"\(\S+/fragment.conf:\d+\), which must give a list$"


def expect_failure(httpd: Httpd, handler: str, last: str) -> None:
    """The log must have one entry: handler, place in the configuration, request line, and the traceback."""
    httpd.expect(
        r"python:error.*\[(client|remote) 127\.0\.0\.1:\d+\] "
        rf"PythonHandler {handler} \({httpd.folder}/fragment.conf:\d+\) "
        rf'failed for "GET /\S+ HTTP/\S+"\\n(.*\\n)?{last}'
    )


def test_before_the_headers_it_is_a_clean_500(httpd: Httpd) -> None:
    expect_failure(httpd, "failing_handlers::before", "failing_handlers.ShopError: closed$")
    httpd.expect(r'\\n  File "\S+/handlers/failing_handlers.py", line \d+, in before\\n')
    answer = httpd.get("/before")
    assert answer.status == 500
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["X-Lost"] is None
    assert "not sent" not in answer.text
    assert "ShopError" not in answer.text


def test_w33_error_document_is_honoured(httpd: Httpd) -> None:
    expect_failure(httpd, "failing_handlers::before", "failing_handlers.ShopError: closed$")
    answer = httpd.get("/document")
    assert (answer.status, answer.text) == (500, "sorry, says ErrorDocument")


def test_w37_a_report_that_fails_still_says_what_was_raised(httpd: Httpd) -> None:
    httpd.expect(
        r'PythonHandler failing_handlers::unreported \S+ failed for "GET /unreported HTTP/1.1"\\n.*ShopError: hidden$'
    )
    assert httpd.get("/unreported").status == 500


def test_an_exception_ends_the_list(httpd: Httpd) -> None:
    expect_failure(httpd, "failing_handlers::before", "failing_handlers.ShopError: closed$")
    assert httpd.get("/list").status == 500
    assert "too late" not in httpd.log()


@pytest.mark.parametrize("path", ["/late", "/late_with_length", "/debug-late"])
def test_w33_after_the_headers_the_response_is_cut(httpd: Httpd, path: str) -> None:
    expect_failure(httpd, "failing_handlers::late(_with_length)?", "failing_handlers.ShopError: too late$")
    with pytest.raises(http.client.IncompleteRead) as cut:
        httpd.get(path)
    assert cut.value.partial.startswith(b"first part")


def test_curl_tells_of_cut_responses(httpd: Httpd) -> None:
    expect_failure(httpd, "failing_handlers::late", "failing_handlers.ShopError: too late$")
    assert httpd.curl(httpd.url("/late")).returncode == 18
    assert httpd.curl("--http2", httpd.url("/late", tls=True)).returncode == 92


def test_an_http_status_after_the_headers_cuts_too(httpd: Httpd) -> None:
    httpd.expect("python:error.*404 after a part of the response was sent: it is cut")
    with pytest.raises(http.client.IncompleteRead):
        httpd.get("/late_status")


def test_b34_the_debug_page_is_escaped(httpd: Httpd) -> None:
    expect_failure(httpd, "failing_handlers::markup", "failing_handlers.ShopError: <script>")
    answer = httpd.get("/debug", {"Accept": "text/html,*/*;q=0.8"})
    assert answer.status == 500
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<script>" not in answer.text
    assert "ShopError: &lt;script&gt;alert('&amp;')&lt;/script&gt; &quot;quoted&quot;" in answer.text
    assert "PythonHandler failing_handlers::markup" in answer.text
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_w36_who_asks_for_no_html_sees_plain_text(httpd: Httpd) -> None:
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        expect_failure(httpd, "failing_handlers::markup", "failing_handlers.ShopError: <script>")
        answer = httpd.get("/debug", headers)
        assert (answer.status, answer.headers["Content-Type"]) == (500, "text/plain; charset=utf-8")
        assert answer.text.startswith(
            "mod_python error: PythonHandler failing_handlers::markup\n\nTraceback (most recent"
        )
        assert answer.text.endswith("failing_handlers.ShopError: <script>alert('&')</script> \"quoted\"\n")


def test_b32_concurrent_tracebacks_do_not_mix(httpd: Httpd) -> None:
    # One entry each, so one write of httpd each.
    httpd.expect("failing_handlers.ShopError: the effect$")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(httpd.get, ["/chained"] * 40))
    assert {answer.status for answer in answers} == {500}
    entries = [line for line in httpd.log().splitlines() if "python:error" in line]
    assert len(entries) == 40
    assert all(line.count("LookupError: the cause") == line.count("ShopError: the effect") == 1 for line in entries)


def test_b32_long_tracebacks_and_request_lines_leave_the_exception_readable(httpd: Httpd) -> None:
    httpd.expect(
        r'failed for "GET /long\?q+ \[\d+ bytes left out\]\\nTraceback '
        r".*lines left out\]\\n.*failing_handlers.ShopError: at depth 0$"
    )
    assert httpd.get("/long?" + "q" * 7000).status == 500
    httpd.expect(r"failing_handlers.ShopError: x+ \[\d+ bytes left out\]$")
    assert httpd.get("/wordy").status == 500


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("exits", "SystemExit: 3$"),
        ("interrupted", "KeyboardInterrupt$"),
        ("generator_exit", "GeneratorExit$"),
        ("chained", "failing_handlers.ShopError: the effect$"),
        ("group", r"  \| ExceptionGroup: several \(2 sub-exceptions\)\\n.*KeyError: 'two'\\n"),
        ("without_text", "failing_handlers.TextlessError: <exception str.. failed>$"),
        ("recursion", "RecursionError: maximum recursion depth exceeded"),
        ("os_error", "FileNotFoundError: .* '/nonexistent'$"),
        ("noted", "look under the counter$"),
        ("not_callable", "TypeError: 'int' object is not callable$"),
        ("missing", "AttributeError: module '/\\S+/handlers/failing_handlers.py' contains no 'missing'$"),
    ],
)
def test_every_exception_is_500_and_the_child_lives(httpd: Httpd, name: str, last: str) -> None:
    expect_failure(httpd, f"failing_handlers::{name}", last)
    children = httpd.children()
    assert httpd.get(f"/{name}").status == 500
    assert httpd.children() == children


def test_a_chain_is_logged_with_its_cause(httpd: Httpd) -> None:
    effect = r"failing_handlers.ShopError: the effect$"
    expect_failure(
        httpd, "failing_handlers::chained", rf"LookupError: the cause\\n\\nThe above exception .*\\n{effect}"
    )
    httpd.get("/chained")


@pytest.mark.parametrize(
    ("path", "handler", "last"),
    [
        ("/no-module", "not_there", "ModuleNotFoundError: No module named 'not_there'\\\\nlooked for in: .*/handlers"),
        (
            "/no-argument",
            "failing_handlers::Shop.handler",
            r"TypeError: .*takes no arguments\\nShop.handler: the class is called first, as Shop\(req\)$",
        ),
        ("/no-package", "failing_handlers.inside::f", "ModuleNotFoundError: .*'failing_handlers' is not a package$"),
        (
            "/bad-path",
            "failing_handlers::before",
            rf'ZeroDivisionError: division by zero\\nthis is PythonPath "\[1 / 0\]" {PATH_LINE}',
        ),
        (
            "/no-list",
            "failing_handlers::before",
            rf"TypeError: 'str' .*\\nthis is PythonPath \"str.sys.path.\" {PATH_LINE}",
        ),
    ],
)
def test_what_cannot_be_loaded_is_500(httpd: Httpd, path: str, handler: str, last: str) -> None:
    for _ in range(2):
        expect_failure(httpd, handler, last)
        assert httpd.get(path).status == 500


def test_a_server_return_is_logged_at_debug_with_its_status_and_place(httpd: Httpd) -> None:
    httpd.handler(
        "returning.py",
        "from mod_python import apache\n\n\ndef leave(status):\n    raise apache.SERVER_RETURN(status, 418)\n\n\n"
        "def handler(req):\n    leave(apache.HTTP_FORBIDDEN)\n",
    )
    assert httpd.get("/returned").status == 403
    [line] = [line for line in httpd.error_text().splitlines() if "SERVER_RETURN" in line]
    place = rf"{httpd.handlers}/returning\.py:5"
    assert re.search(rf"python:debug.* SERVER_RETURN 403, status 418, raised by leave\(\) at {place}$", line)


def test_syntax_errors_are_shown_and_can_be_mended(httpd: Httpd) -> None:
    httpd.handler("wrong_syntax.py", "def handler(req):\n    return (\n")
    expect_failure(httpd, "wrong_syntax", "SyntaxError: '\\(' was never closed$")
    httpd.expect(r'\\n  File "\S+/handlers/wrong_syntax.py", line 2\\n')
    assert httpd.get("/syntax").status == 500
    httpd.handler("wrong_syntax.py", "def handler(req):\n    req.write('mended')\n    return 0\n")
    assert httpd.get("/syntax").text == "mended"


def test_a_module_that_fails_is_tried_again(httpd: Httpd) -> None:
    httpd.handler("import_fails.py", "raise OSError('the database sleeps')\n")
    expect_failure(httpd, "import_fails", "OSError: the database sleeps$")
    assert httpd.get("/import").status == 500
    httpd.handler("import_fails.py", "def handler(req):\n    req.write('awake')\n    return 0\n")
    assert httpd.get("/import").text == "awake"


def test_failures_are_in_the_access_log(httpd: Httpd) -> None:
    expect_failure(httpd, "failing_handlers::before", "failing_handlers.ShopError: closed$")
    httpd.get("/before")
    httpd.wait_for_request("500 GET /before HTTP/1.1")
