"""`async def` handlers under `PythonHandler`: what they await, what they return, and how they fail.

Each case runs on each MPM, in clear text and over HTTP/2.
"""

import re
from pathlib import Path

import pytest

from http1 import get, post, responses
from httpd import Httpd

MPMS = ("event", "worker", "prefork")
NAMES = """
    hello sleeps loop reads counts echoes large not_awaited files form awaited_form session gives fails
    foreign redirects moved plain wrong
"""
LOCATION = """
<Location "/async/@">
    SetHandler mod_python
    PythonHandler async_requests::@
</Location>
"""
CONF = "".join(LOCATION.replace("@", name) for name in NAMES.split())
CONF += """
<IfModule mpm_event_module>
    AsyncRequestWorkerFactor 20
    PythonMaxWaitingRequests 100
</IfModule>
PythonInputFilter async_filters::upper UPPER
PythonOutputFilter async_filters::mark MARK
<Location "/async">
    PythonLogHandler async_requests::logs
    PythonCleanupHandler async_requests::cleans
</Location>
<Location "/async/list">
    SetHandler mod_python
    PythonHandler async_requests::first async_requests::second async_requests::third
</Location>
<Location "/async/filtered">
    SetHandler mod_python
    PythonHandler async_requests::echoes
    SetInputFilter UPPER
    SetOutputFilter MARK
</Location>
<Location "/async/deflated">
    SetHandler mod_python
    PythonHandler async_requests::large
    SetOutputFilter DEFLATE
</Location>
<Location "/async/page">
    SetHandler mod_python
    PythonHandler async_requests::hello
</Location>
<Location "/async/missing">
    SetHandler mod_python
    PythonHandler async_requests::gives
    ErrorDocument 404 /async/page
</Location>
<Location "/async/debug">
    SetHandler mod_python
    PythonHandler async_requests::fails
    PythonDebug On
</Location>
<Location "/async/closed">
    SetHandler mod_python
    PythonHandler async_requests::hello
    Require all denied
</Location>
"""
CONF += """
<Location "/async/limited">
    SetHandler mod_python
    PythonHandler async_requests::counts
    LimitRequestBody 1000
</Location>
"""
for _name in ("AccessHandler", "FixupHandler", "HeaderParserHandler", "LogHandler", "TypeHandler"):
    CONF += f'<Location "/other/{_name}">\n    Python{_name} async_requests::elsewhere\n</Location>\n'


@pytest.fixture(params=["http1", "http2"])
def curl(request: pytest.FixtureRequest, httpd: Httpd) -> "Curl":
    if request.param == "http2" and httpd.mpm == "prefork":
        pytest.skip("mod_http2 wants threads")
    return Curl(httpd, request.param == "http2")


class Curl:
    """Asks over HTTP/1.1, or over HTTP/2 with TLS."""

    def __init__(self, httpd: Httpd, h2: bool) -> None:
        self.httpd, self.h2 = httpd, h2

    def __call__(self, path: str, *arguments: str | Path) -> tuple[int, str, str]:
        """The status, the headers and the body."""
        ways = ["--http2"] if self.h2 else ["--http1.1"]
        done = self.httpd.curl("-i", *ways, *arguments, self.httpd.url(path, tls=self.h2))
        assert done.returncode == 0, done.stderr
        text = done.stdout.decode()
        head, _, body = text.partition("\r\n\r\n")
        while head.split()[1] == "100":
            head, _, body = body.partition("\r\n\r\n")
        assert head.startswith("HTTP/2" if self.h2 else "HTTP/1.1")
        return int(head.split()[1]), head.lower(), body

    def fails(self, path: str) -> bytes:
        """What comes of a response that is cut."""
        done = self.httpd.curl("--http2" if self.h2 else "--http1.1", self.httpd.url(path, tls=self.h2))
        assert done.returncode != 0
        return done.stdout


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("hello", "hello"),
        ("sleeps?0.1", "before after"),
        ("loop", "from the loop"),
        ("large", "x" * 65536 * 64),
        ("not_awaited", "one two three"),
        ("files", "file: 23456 5 no file"),
        ("list", "first second set b'' third"),
        ("filtered", ""),
        ("deflated", "x" * 65536 * 64),
        ("redirects", "hello"),
        ("redirects?/async/sleeps", "before after"),
        ("gives?status", "made"),
        ("gives?done", "done"),
    ],
)
def test_responses(curl: Curl, path: str, body: str) -> None:
    status, headers, text = curl(f"/async/{path}", "--compressed")
    assert (status, text) == (201 if path == "gives?status" else 200, body)
    assert ("gzip" in headers) == (path == "deflated")


def test_a_session(curl: Curl) -> None:
    assert curl("/async/session")[2] == "1"


def test_what_is_not_awaited_is_sent_before_the_handler_waits(httpd: Httpd, curl: Curl) -> None:
    curl("/async/not_awaited")
    httpd.wait_for_log("life: 8 sent$")


def test_head(curl: Curl) -> None:
    status, headers, body = curl("/async/sleeps?0.01", "--head")
    assert (status, body) == (200, "")
    assert "http/" in headers


BODY = b"abcde\nfghij\nk\nlm\nrest and\nmore"
READ = [b"abc", b"de\n", b"fg", b"hij\n", b"k\nlm\nrest and\nmore", b"", b""]


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies(curl: Curl, chunked: bool, tmp_path: Path) -> None:
    headers = ["-H", "Transfer-Encoding: chunked"] if chunked and not curl.h2 else []
    assert curl("/async/reads", "--data-binary", BODY.decode(), *headers)[2] == repr(READ)
    (tmp_path / "body").write_bytes(b"x" * 3_000_000)
    assert curl("/async/counts", "--data-binary", f"@{tmp_path / 'body'}", *headers)[2] == "3000000 0"
    assert curl("/async/filtered", "--data-binary", "echo", *headers)[2] == "<ECHO>"
    assert curl("/async/counts")[2] == "0 0"


def test_forms(curl: Curl) -> None:
    assert curl("/async/form?query=q", "-d", "name=value")[2] == "value q"
    assert curl("/async/form?query=q", "-F", "name=part")[2] == "part q"
    assert curl("/async/awaited_form?name=q")[2] == "q True 0"
    assert curl("/async/awaited_form", "-d", "name=value")[2] == "value True 10"
    assert curl("/async/awaited_form", "-F", "name=part")[2].startswith("part True ")


def test_a_body_beyond_its_limit_is_413(httpd: Httpd) -> None:
    # Over HTTP/2, httpd resets a stream whose body nobody reads, whatever answers.
    httpd.allow("AH0158[78]")
    assert httpd.request("POST", "/async/limited", b"x" * 2000).status == 413
    assert httpd.request("POST", "/async/limited", [b"x" * 800] * 2).status == 413


@pytest.mark.parametrize(("what", "status"), [("404", 404), ("raised", 404), ("204", 204), ("304", 304), ("503", 503)])
def test_results(curl: Curl, what: str, status: int) -> None:
    assert curl(f"/async/gives?{what}")[0] == status


def test_an_error_document_may_be_async_and_follow_an_async_handler(curl: Curl) -> None:
    assert curl("/async/missing?404")[::2] == (404, "hello")


def test_a_redirection_for_the_client(curl: Curl) -> None:
    status, headers, _ = curl("/async/moved")
    assert status == 302
    assert re.search("location: [^\n]*/elsewhere", headers)


@pytest.mark.parametrize(("what", "text"), [("none", "gave NoneType"), ("text", "gave str"), ("7", "gave 7")])
def test_wrong_results_are_500_with_a_sentence(httpd: Httpd, curl: Curl, what: str, text: str) -> None:
    httpd.expect(f"Error: async_requests::gives {text}")
    httpd.allow("PythonHandler async_requests::gives")
    assert curl(f"/async/gives?{what}")[0] == 500


def test_an_exception_before_the_headers_is_a_500(httpd: Httpd, curl: Curl) -> None:
    httpd.expect("PythonHandler async_requests::fails.*KeyError: 'fails'")
    httpd.allow("PythonHandler async_requests::fails")
    assert curl("/async/fails")[0] == 500
    status, _, body = curl("/async/debug")
    assert status == 500
    assert "KeyError" in body


def test_an_exception_after_the_headers_cuts_the_response(httpd: Httpd, curl: Curl) -> None:
    httpd.expect("PythonHandler async_requests::fails.*KeyError: 'fails'")
    httpd.allow("PythonHandler async_requests::fails", "AH0")
    # The end of a stream may overtake what came before it.
    assert curl.fails("/async/fails?late").startswith(b"" if curl.h2 else b"a part")


def test_what_is_asyncios_own_is_refused_with_a_sentence(httpd: Httpd, curl: Curl) -> None:
    httpd.expect(r"RuntimeError: (no running event loop|this is not for a handler)", "await apache.aio")
    httpd.allow("PythonHandler async_requests::foreign")
    assert curl("/async/foreign")[0] == 500


def test_wrong_waits(curl: Curl) -> None:
    told = curl("/async/wrong")[2]
    refused = "the request is in use by another thread"
    if told.endswith("handler or filter for it"):  # it waits without a thread already
        refused = "the request cannot be used now, but only while httpd calls a handler or filter for it"
    assert told == f"ValueError ValueError TypeError {refused}"


def test_plain_handlers_are_told_what_is_for_async_ones(httpd: Httpd) -> None:
    sleep, piece, closing = httpd.get("/async/plain").text.splitlines()
    assert sleep == "only an 'async def' PythonHandler can await this: a plain one calls time.sleep()"
    assert piece.endswith("a plain one reads with req.read(), or with 'for line in req'")
    assert closing == "False"


def test_access_control_is_that_of_plain_handlers(httpd: Httpd, curl: Curl) -> None:
    httpd.allow("AH01630")
    assert curl("/async/closed")[0] == 403


def test_log_and_cleanup_phases(httpd: Httpd, curl: Curl) -> None:
    curl("/async/hello")
    httpd.wait_for_log("(?s)life: logged 200 5$.*life: (cleaned up|cleanup /async/hello)$")
    httpd.wait_for_log("life: cleaned up$")
    httpd.wait_for_log("life: cleanup /async/hello$")


@pytest.mark.parametrize("phase", ["AccessHandler", "FixupHandler", "HeaderParserHandler", "TypeHandler"])
def test_other_phases_refuse_it_with_a_sentence(httpd: Httpd, phase: str) -> None:
    httpd.expect("TypeError: async_requests::elsewhere is an 'async def', which only a PythonHandler, connection ")
    httpd.allow(f"Python{phase} async_requests::elsewhere")
    assert httpd.get(f"/other/{phase}").status == 500
    assert "never awaited" not in httpd.log()


def test_the_log_phase_refuses_it_too(httpd: Httpd) -> None:
    httpd.expect("TypeError: async_requests::elsewhere is an 'async def', which only a PythonHandler, connection ")
    httpd.allow("PythonLogHandler async_requests::elsewhere")
    assert httpd.get("/other/LogHandler").status == 404


def test_p20_pipelined_async_requests_are_answered_in_order(httpd: Httpd) -> None:
    paths = ["/async/sleeps?0.02", "/async/list", "/async/plain", "/async/gives?404"]
    asked = [paths[number % len(paths)] for number in range(40)]
    data = b"".join(get(path) for path in asked)
    data += post("/async/echoes", b"length") + post("/async/echoes", [b"chu", b"nks"])
    answers = responses(httpd.raw(data + get("/async/hello", "Connection: close")))
    statuses = [404 if "404" in path else 200 for path in asked]
    assert [answer.status for answer in answers] == [*statuses, 200, 200, 200]
    assert [answer.text for answer in answers[-3:]] == ["length", "chunks", "hello"]
    assert answers[0].text == "before after"


def test_a_body_that_is_not_read_is_no_request(httpd: Httpd) -> None:
    smuggled = get("/async/fails")
    data = post("/async/hello", smuggled) + post("/async/sleeps?0.05", [smuggled])
    answers = responses(httpd.raw(data + get("/async/hello", "Connection: close")))
    assert [answer.text for answer in answers] == ["hello", "before after", "hello"]


def test_a_body_in_malformed_chunks_is_refused(httpd: Httpd) -> None:
    httpd.allow("AH0159", "AH01590")
    head = b"POST /async/counts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    answers = responses(httpd.raw(head + b"zz\r\n" + get("/async/fails")))
    assert [answer.status for answer in answers] == [400]
