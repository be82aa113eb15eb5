"""What becomes of each number that a handler, a filter or a page's code gives or raises: none passes for success."""

import pytest

import http1
from httpd import Httpd, Response
from versions import ask

MPMS = ("event", "prefork")
# Inside of httpd's range of statuses and outside of it, and apache.SUSPENDED.
UNKNOWN = (499, 418, 299, 599, 101, 103, 42, 0x7FFFFFFF, 600, -3, -102)
NO_BODY = (204, 304)
OTHERS = (201, 302, 403, 503)
PHASES = ("HeaderParser", "Access", "Authen", "Authz", "Type", "Fixup", "Init")
NEEDS_USER = "AuthType Basic\nAuthName x\nRequire valid-user"
SHAPES = ("plain", "stream")
CONF = (
    """
Protocols h2c http/1.1
PythonPostReadRequestHandler early_results::post
PythonTransHandler early_results::trans
PythonOutputFilter numbered_results::plain plain
PythonOutputFilter numbered_results::stream stream
PythonOutputFilter numbered_results::plain_late plain_late
PythonOutputFilter numbered_results::stream_late stream_late
PythonOutputFilter numbered_results::stream stream_pass on_error=pass
PythonInputFilter numbered_results::plain plain
PythonInputFilter numbered_results::stream stream
<Directory "${HTDOCS}">
    Options +Includes
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    SSIErrorMsg "[oops]"
</Directory>
<Directory "${HTDOCS}/buffered">
    AddOutputFilter INCLUDES;BUFFER .shtml
</Directory>
"""
    + "".join(
        f"""
<Location "/{phase}">
    Python{phase}Handler numbered_results::gives
    SetHandler mod_python
    PythonHandler numbered_results::page
    {NEEDS_USER if phase in ("Authen", "Authz") else ""}
    {"PythonAuthenHandler early_results::user" if phase == "Authz" else ""}
</Location>
"""
        for phase in PHASES
    )
    + "".join(
        f"""
<Location "/content/{name}">
    SetHandler mod_python
    PythonHandler numbered_results::{name}
</Location>
"""
        for name in ("gives", "raises", "gives_late", "raises_late")
    )
    + "".join(
        f"""
<Location "/out/{name}">
    SetHandler mod_python
    PythonHandler numbered_results::page
    SetOutputFilter {name}
</Location>
"""
        for name in ("plain", "stream", "plain_late", "stream_late", "stream_pass")
    )
    + "".join(
        f"""
<Location "/in/{shape}/{reader}">
    SetHandler mod_python
    PythonHandler numbered_results::{reader}
    SetInputFilter {shape}
</Location>
"""
        for shape in SHAPES
        for reader in ("reads", "discards")
    )
    + """
Listen 127.0.0.1:${ASKS_PORT}
<VirtualHost *:${ASKS_PORT}>
    PythonConnectionHandler early_results::asks
    <Location "/access">
        PythonAccessHandler numbered_results::gives
    </Location>
</VirtualHost>
<Location "/log">
    SetHandler mod_python
    PythonHandler numbered_results::page
    PythonLogHandler numbered_results::gives
</Location>
<Location "/plain">
    SetHandler mod_python
    PythonHandler numbered_results::page
</Location>
"""
)
PAGE = "the body;" * 3


@pytest.fixture(scope="module", autouse=True)
def _early(httpd: Httpd) -> None:
    httpd.handler(
        "early_results.py",
        "from mod_python import apache\n"
        "import numbered_results\n"
        "def post(req): return numbered_results.wanted(req) if '/post/' in req.uri else apache.DECLINED\n"
        "def trans(req): return numbered_results.wanted(req) if '/trans/' in req.uri else apache.DECLINED\n"
        "def user(req):\n"
        "    req.user = 'ann'\n"
        "    return apache.OK\n"
        "def asks(conn):\n"
        "    try:\n"
        "        conn.write(repr(conn.authorize('/access/' + conn.readline().decode().strip())))\n"
        "    except RuntimeError as error:\n"
        "        conn.write(str(error))\n"
        "    return apache.OK\n",
    )


def expect(httpd: Httpd, number: int, who: str) -> None:
    """Announce the line in the log for a result that is none."""
    httpd.expect(rf"python:error.*ValueError: {who} gave {number}, .*a handler returns apache\.OK, ")


def whole(httpd: Httpd, path: str, body: bytes | None = None) -> Response:
    """Ask for a path and, behind it on the same connection, for /plain: the answers are whole and theirs."""
    one = http1.get(path) if body is None else http1.post(path, body)
    data = httpd.raw(one + http1.get("/plain/x", "Connection: close"))
    parsed = http1.responses(bodiless(data))
    # httpd closes a connection after some statuses.
    assert len(parsed) == 1 or (parsed[1].status, parsed[1].text) == (200, PAGE)
    return parsed[0]


def bodiless(data: bytes) -> bytes:
    """Give responses that have no body by their status the length of that, for `http1.responses`."""
    for line in (b"204 No Content", b"304 Not Modified"):
        data = data.replace(line + b"\r\n", line + b"\r\nContent-Length: 0\r\n")
    return data


def is_cut(httpd: Httpd, path: str) -> bool:
    """Whether a client can tell that what it got is not whole, on each version of HTTP."""
    codes = [httpd.curl(httpd.url(path)).returncode]
    if httpd.mpm == "event":
        codes.append(httpd.curl("--http2", httpd.url(path, tls=True)).returncode)
    return codes[0] == 18 and codes[-1] in (18, 92)


@pytest.mark.parametrize("number", UNKNOWN)
@pytest.mark.parametrize("name", ["gives", "raises"])
def test_an_unknown_result_of_a_content_handler_is_500(httpd: Httpd, name: str, number: int) -> None:
    expect(httpd, number, "numbered_results::gives" if name == "gives" else "SERVER_RETURN")
    assert whole(httpd, f"/content/{name}/{number}").status == 500


@pytest.mark.parametrize("number", [499, 204, 404, -3, 101])
@pytest.mark.parametrize("name", ["gives_late", "raises_late"])
def test_an_unknown_result_after_a_part_of_the_response_cuts_it(httpd: Httpd, name: str, number: int) -> None:
    if number in (204, 404):
        httpd.expect(
            rf"{number} after a part of the response was sent: it is cut, for .GET .*: to send .*set req.status"
        )
    else:
        expect(httpd, number, "numbered_results::gives_late" if name == "gives_late" else "SERVER_RETURN")
    assert is_cut(httpd, f"/content/{name}/{number}")


@pytest.mark.parametrize("number", [499, 42, 299, -3, 101, -102])
@pytest.mark.parametrize("phase", [*PHASES, "post", "trans"])
def test_an_unknown_result_is_500_in_every_phase(httpd: Httpd, phase: str, number: int) -> None:
    who = f"early_results::{phase}" if phase in ("post", "trans") else "numbered_results::gives"
    expect(httpd, number, who)
    assert whole(httpd, f"/{phase}/{number}").status == 500


@pytest.mark.parametrize("number", [499, -3, 42, 299])
def test_conn_authorize_lets_nobody_in_by_an_unknown_result(httpd: Httpd, number: int) -> None:
    expect(httpd, number, "numbered_results::gives")
    said = httpd.raw(b"%d\n" % number, port=httpd.port_of("ASKS_PORT")).decode()
    assert said == f"httpd could not decide about /access/{number} (status 500): its error log says why"


@pytest.mark.parametrize(("number", "said"), [(0, "''"), (204, "None"), (403, "None"), (-2, "None")])
def test_conn_authorize_goes_by_known_results(httpd: Httpd, number: int, said: str) -> None:
    assert httpd.raw(b"%d\n" % number, port=httpd.port_of("ASKS_PORT")).decode() == said


@pytest.mark.parametrize("number", [499, -3, 42])
def test_an_unknown_result_of_a_log_handler_is_only_logged(httpd: Httpd, number: int) -> None:
    expect(httpd, number, "numbered_results::gives")
    assert whole(httpd, f"/log/{number}").text == PAGE


@pytest.mark.parametrize("number", UNKNOWN)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_unknown_status_of_an_output_filter_is_500(httpd: Httpd, shape: str, number: int) -> None:
    expect(httpd, number, "SERVER_RETURN")
    answer = whole(httpd, f"/out/{shape}/{number}")
    assert answer.status == 500
    assert "the body" not in answer.text


@pytest.mark.parametrize("number", [499, 42, 299, 599])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_unknown_status_of_an_output_filter_is_500_on_http2(httpd: Httpd, shape: str, number: int) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("mod_http2 does not like prefork")
    expect(httpd, number, "SERVER_RETURN")
    answer = ask(httpd, "2", f"/out/{shape}/{number}")
    assert answer.status == 500
    assert "the body" not in answer.text


@pytest.mark.parametrize("number", [*UNKNOWN[:4], 204, 304, 403])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_filters_status_after_a_part_of_the_response_cuts_it(httpd: Httpd, shape: str, number: int) -> None:
    if number in UNKNOWN:
        expect(httpd, number, "SERVER_RETURN")
    else:
        httpd.expect(rf"filter {shape}_late .*: {number} after a part of the response was sent: it is cut")
    assert is_cut(httpd, f"/out/{shape}_late/{number}")


@pytest.mark.parametrize("number", [*NO_BODY, *OTHERS])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_output_filter_can_answer_with_any_final_status(httpd: Httpd, shape: str, number: int) -> None:
    answer = whole(httpd, f"/out/{shape}/{number}")
    assert answer.status == number
    assert "the body" not in answer.text
    assert (answer.body == b"") == (number in NO_BODY)
    if httpd.mpm == "event":
        answer2 = ask(httpd, "2", f"/out/{shape}/{number}")
        assert (answer2.status, answer2.code) == (number, 0)
        assert "the body" not in answer2.text


@pytest.mark.parametrize("number", [0, -1, -2, 200])
@pytest.mark.parametrize("shape", SHAPES)
def test_ok_declined_done_and_200_end_a_filter_without_an_error(httpd: Httpd, shape: str, number: int) -> None:
    if number == 200:
        httpd.expect("python:warn.*SERVER_RETURN: 200 is no result for a handler: return apache.OK")
    answer = whole(httpd, f"/out/{shape}/{number}")
    assert (answer.status, answer.text) == (200, "")


def test_on_error_pass_takes_an_unknown_status_for_a_failure(httpd: Httpd) -> None:
    expect(httpd, 499, "SERVER_RETURN")
    assert whole(httpd, "/out/stream_pass/499").text == PAGE
    assert whole(httpd, "/out/stream_pass/403").status == 403


@pytest.mark.parametrize("reader", ["reads", "discards"])
@pytest.mark.parametrize("number", UNKNOWN)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_unknown_status_of_an_input_filter_is_500(httpd: Httpd, shape: str, number: int, reader: str) -> None:
    expect(httpd, number, "SERVER_RETURN")
    httpd.allow("numbered_results::reads")
    answer = whole(httpd, f"/in/{shape}/{reader}/{number}", b"a body")
    assert answer.status == 500
    assert "read b" not in answer.text


@pytest.mark.parametrize("reader", ["reads", "discards"])
@pytest.mark.parametrize("number", [*NO_BODY, *OTHERS])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_input_filters_status_is_the_answer(httpd: Httpd, shape: str, number: int, reader: str) -> None:
    answer = whole(httpd, f"/in/{shape}/{reader}/{number}", b"a body")
    assert (answer.status, "read b" in answer.text) == (number, False)


@pytest.mark.parametrize("number", [499, 42, 299, 101, -3])
def test_an_unknown_status_in_an_ssi_page_ends_the_response(httpd: Httpd, number: int) -> None:
    code = f"from mod_python import apache; raise apache.SERVER_RETURN({number})"
    text = f'a<!--#python exec="{code}" -->b'
    httpd.write("page.shtml", text)
    httpd.write("buffered/page.shtml", text)
    for _ in range(2):
        expect(httpd, number, "SERVER_RETURN")
    assert whole(httpd, "/buffered/page.shtml").status == 500
    assert is_cut(httpd, "/page.shtml")


def test_an_ssi_page_can_answer_without_a_body(httpd: Httpd) -> None:
    code = "from mod_python import apache; raise apache.SERVER_RETURN(204)"
    httpd.write("buffered/page.shtml", f'a<!--#python exec="{code}" -->b')
    assert whole(httpd, "/buffered/page.shtml").status == 204
