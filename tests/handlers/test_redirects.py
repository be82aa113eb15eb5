"""internal_redirect(): an answered request is done for all later phases; refused where nothing can take its place."""

import pytest

import http1
from httpd import Httpd, Response
from versions import ask

MPMS = ("event", "prefork")
MODULES = ["access_compat"]
EARLY = ("PostReadRequest", "Trans")
PHASES = ("HeaderParser", "Init", "Access", "Authen", "Authz", "Type", "Fixup")
NEEDS_USER = "AuthType Basic\nAuthName x\nRequire valid-user"
ENDINGS = ("0", "-1", "-2", "404", "204", "403", "raises", "cut", "writes")
CONF = (
    """
PythonPostReadRequestHandler redirects::early
PythonTransHandler redirects::early
PythonOutputFilter redirects OUT
PythonInputFilter redirects IN
"""
    + "".join(
        f"""
<Location "/{phase}">
    Python{phase}Handler redirects::redirect redirects::next_one
    {NEEDS_USER if phase in ("Authen", "Authz") else ""}
    {"PythonAuthenHandler redirects::user" if phase == "Authz" else ""}
</Location>
"""
        for phase in PHASES
    )
    + """
<Location "/any">
    PythonAccessHandler redirects::redirect
    Require all denied
    Satisfy Any
</Location>
<Location "/cut-any">
    PythonAccessHandler redirects::cut
    Require all denied
    Satisfy Any
</Location>
<Location "/filtered">
    SetOutputFilter OUT
</Location>
<Directory "${HTDOCS}">
    Options +Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
</Directory>
<Directory "${HTDOCS}/folder">
    DirectoryIndex index.html
    PythonFixupHandler redirects::index
</Directory>
Listen 127.0.0.1:${LOGS_PORT}
<VirtualHost *:${LOGS_PORT}>
    RequestReadTimeout header=1
    PythonLogHandler redirects::log_writes
</VirtualHost>
Listen 127.0.0.1:${ASKS_PORT}
<VirtualHost *:${ASKS_PORT}>
    PythonConnectionHandler redirects::asks
    <Location "/Access">
        PythonAccessHandler redirects::redirect
    </Location>
</VirtualHost>
"""
    + "".join(
        f"""
<Location "/{path}">
    SetHandler mod_python
    PythonHandler {handlers}
    {more}
</Location>
"""
        for path, handlers, more in (
            ("Content", "redirects::redirect redirects::next_one", ""),
            ("late", "redirects::late", ""),
            ("unsent", "redirects::unsent", ""),
            ("log", "redirects::page", "PythonLogHandler redirects::log"),
            ("page", "redirects::page", ""),
            ("in-filter", "redirects::page", "SetOutputFilter OUT"),
            ("in-input", "redirects::reads", "SetInputFilter IN"),
            ("in-page", "redirects::element_page", "SetOutputFilter INCLUDES"),
            ("included", "redirects::included", ""),
            ("includes", "redirects::includes", "SetOutputFilter INCLUDES"),
            ("redirects-main", "redirects::redirects_main", ""),
            ("includes-main", "redirects::includes_main", "SetOutputFilter INCLUDES"),
        )
    )
)
TARGET = "the target's text"


@pytest.fixture(scope="module", autouse=True)
def _files(httpd: Httpd) -> None:
    httpd.write("target.txt", TARGET)
    for path in (*EARLY, *PHASES, "Content", "any"):
        httpd.write(f"{path}/x.txt", "the body of the file that was asked for")
    httpd.write("plain.txt", "the second response")


def both(httpd: Httpd, one: bytes, *, closes: bool = False) -> Response:
    """Send a request and another one behind it: what comes is their responses and not a byte more."""
    data = httpd.raw(one + http1.get("/plain.txt", "Connection: close"))
    first, *second = http1.responses(data)
    assert [answer.text for answer in second] == ([] if closes and not second else ["the second response"])
    return first


def expect(httpd: Httpd, ending: str) -> None:
    if ending == "raises":
        httpd.expect("KeyError: 'after the redirection'")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("phase", [*EARLY, *PHASES, "Content"])
def test_nothing_follows_the_page_that_a_handler_redirected_to(httpd: Httpd, phase: str, ending: str) -> None:
    expect(httpd, ending)
    # After what ends in that phase httpd reads no further request.
    answer = both(httpd, http1.get(f"/{phase}/x.txt?{ending}"), closes=phase == "PostReadRequest")
    assert (answer.status, answer.text) == (200, TARGET)
    assert "the next handler" not in httpd.log()


@pytest.mark.parametrize("ending", ["0", "-1", "404", "raises"])
@pytest.mark.parametrize("phase", [*EARLY, *PHASES, "Content"])
def test_nothing_follows_the_page_of_a_redirect_on_http2(httpd: Httpd, phase: str, ending: str) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("mod_http2 does not like prefork")
    expect(httpd, ending)
    answer = ask(httpd, "2", f"/{phase}/x.txt?{ending}")
    assert (answer.status, answer.text, answer.code) == (200, TARGET, 0)


@pytest.mark.parametrize("ending", ["0", "-1", "404"])
def test_nothing_follows_the_page_of_a_redirect_under_satisfy_any(httpd: Httpd, ending: str) -> None:
    httpd.allow("AH01797|AH01630")  # what httpd would say of a client that it denies
    answer = both(httpd, http1.get(f"/any/x.txt?{ending}"))
    assert (answer.status, answer.text) == (200, TARGET)


def test_a_response_that_an_access_handler_cut_stays_cut_under_satisfy_any(httpd: Httpd) -> None:
    httpd.expect("KeyError: 'in the middle'")
    httpd.allow("AH01797|AH01630")
    data = httpd.raw(http1.get("/cut-any/x") + http1.get("/plain.txt"))
    assert data.endswith(b"\r\n\r\n7\r\na part;\r\n")


def test_a_post_is_redirected_with_its_body(httpd: Httpd) -> None:
    for body in (b"some text", [b"some ", b"text"]):
        assert both(httpd, http1.post("/Fixup/x.txt?0", body)).text in (TARGET, "")


def test_a_redirect_drops_what_was_written_and_not_sent(httpd: Httpd) -> None:
    assert both(httpd, http1.get("/unsent/x")).text == TARGET


@pytest.mark.parametrize("phase", ["Fixup", "Content"])
def test_a_second_redirect_is_refused(httpd: Httpd, phase: str) -> None:
    assert both(httpd, http1.get(f"/{phase}/x.txt?twice")).text == TARGET
    httpd.wait_for_log(
        r"RuntimeError: internal_redirect\(\) cannot be called here: the request was redirected already$"
    )


def test_what_was_sent_before_a_redirect_stands_in_front_of_its_page(httpd: Httpd) -> None:
    assert both(httpd, http1.get("/late/x")).text == "a part;" + TARGET


def test_a_log_handler_cannot_redirect(httpd: Httpd) -> None:
    assert both(httpd, http1.get("/log/x")).text == "the page;"
    httpd.wait_for_log(r"RuntimeError: internal_redirect\(\) cannot be called here: the request is answered; a log ")


def test_what_a_log_handler_writes_is_lost(httpd: Httpd) -> None:
    port = httpd.port_of("LOGS_PORT")
    data = httpd.raw(http1.get("/plain.txt") + http1.get("/plain.txt", "Connection: close"), port=port)
    assert [answer.text for answer in http1.responses(data)] == ["the second response"] * 2
    # A request that does not come in time is logged, and not answered.
    assert httpd.raw(b"GET", port=port) == b""
    httpd.wait_for_log("logged with status 408")


def test_a_subrequest_that_is_only_looked_up_cannot_be_redirected(httpd: Httpd) -> None:
    httpd.write("folder/index.html", "the index")
    assert both(httpd, http1.get("/folder/")).text == "the index"
    httpd.wait_for_log(r"RuntimeError: internal_redirect\(\) cannot be called here: this is a subrequest")


def test_a_subrequest_that_runs_can_be_redirected(httpd: Httpd) -> None:
    assert both(httpd, http1.get("/includes/x")).text == f"a{TARGET}b"


@pytest.mark.parametrize("path", ["/filtered/x.txt", "/in-filter/x"])
def test_an_output_filter_cannot_redirect(httpd: Httpd, path: str) -> None:
    httpd.write("filtered/x.txt", "x")
    assert both(httpd, http1.get(path)).text.startswith("<RuntimeError: ")


def test_an_input_filter_cannot_redirect(httpd: Httpd) -> None:
    assert both(httpd, http1.post("/in-input/x", b"body")).text.startswith("read b'<RuntimeError: ")


def test_an_ssi_page_cannot_redirect(httpd: Httpd) -> None:
    httpd.write("page.shtml", 'a<!--#python exec="import redirects; redirects.tries(filter)" -->b')
    for path in ("/page.shtml", "/in-page/x"):
        assert both(httpd, http1.get(path)).text.startswith("a<RuntimeError: ")


def test_a_subrequest_cannot_redirect_its_main_request(httpd: Httpd) -> None:
    assert both(httpd, http1.get("/includes-main/x")).text.startswith("a[RuntimeError: ")


def test_a_redirect_while_conn_authorize_asks_lets_nobody_in(httpd: Httpd) -> None:
    before = len(httpd.requests())
    assert httpd.raw(b"x\n", port=httpd.port_of("ASKS_PORT")) == b"None"
    assert httpd.requests()[before:] == []
