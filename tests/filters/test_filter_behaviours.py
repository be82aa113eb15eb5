"""What mod_python 3.5 did with filters, W where it is done right now: the numbers of the fact sheet."""

import http.client

import pytest

from http1 import get, post, responses
from httpd import Httpd

NAMES = ["reads", "one_read", "nothing", "close", "raises", "forbids", "tells", "counts", "included", "modes"]
NAMES += ["ends", "disables"]
HANDLERS = ["flushes", "small", "reader"]
MPMS = ("event", "prefork")
CONF = (
    "".join(
        f"""
        PythonOutputFilter old_style_filters::{name} {name.upper()}
        PythonInputFilter old_style_filters::{name} {name.upper()}
        <LocationMatch "^/(out|flushes|small)/{name}">
            SetOutputFilter {name}
        </LocationMatch>
        <Location "/in/{name}">
            SetHandler mod_python
            PythonHandler old_style_filters::reader
            SetInputFilter {name}
        </Location>
        """
        for name in NAMES
    )
    + "".join(
        f"""
        <Location "/{name}">
            SetHandler mod_python
            PythonHandler old_style_filters::{name}
        </Location>
        """
        for name in HANDLERS
    )
    + """
    <Location "/tell">
        SetHandler mod_python
        PythonHandler old_style_filters::tell
    </Location>
    <Location "/small/tells/w76">
        PythonDebug On
    </Location>
    <Location "/debug">
        PythonDebug On
        SetOutputFilter RAISES
    </Location>
    <Location "/w72">
        PythonOutputFilter old_style_filters::tells W71
        SetOutputFilter W71
    </Location>
    <Location "/w71">
        SetOutputFilter W71
    </Location>
    <Location "/page">
        Options +Includes
        SetOutputFilter INCLUDES;INCLUDED
    </Location>
    """
)


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    for folder in ("debug", "w71", "w72", *(f"out/{name}" for name in NAMES)):
        httpd.write(f"{folder}/a.txt", "text")


def test_b55_b56_w57_a_call_for_each_flush_and_what_follows_it_in_the_next(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("each child has its own record of calls")
    assert httpd.get("/flushes/reads").body == b"onetwo"
    calls = eval(httpd.get("/tell?/flushes/reads").text)
    assert [data for call in calls for data in call if data] == [b"one", b"two"]
    # A FLUSH is b"", once; the end is None, once.
    assert calls[0][:2] == [b"one", b""]
    assert [data for call in calls for data in call].count(None) == 1


def test_w58_the_end_goes_on_by_itself(httpd: Httpd) -> None:
    assert httpd.raw(get("/out/reads/a.txt", "Connection: close")).endswith(b"\r\n\r\ntext")
    assert httpd.get("/out/close/a.txt").body == b"TEXT"


@pytest.mark.parametrize(("name", "body"), [("one_read", b"[t]ext"), ("nothing", b"text")])
def test_w59_what_is_not_read_goes_on(httpd: Httpd, name: str, body: bytes) -> None:
    assert httpd.get(f"/out/{name}/a.txt").body == body


def test_w60_no_flush_after_each_call(httpd: Httpd) -> None:
    for name in ("reads", "close", "nothing"):
        assert httpd.get(f"/small/{name}").headers["Content-Length"] == "5"


def test_w61_what_was_written_lives_until_it_is_sent(httpd: Httpd) -> None:
    httpd.write("out/close/large.txt", b"abcdefgh" * 100_000)
    assert httpd.get("/out/close/large.txt").body == b"ABCDEFGH" * 100_000


def test_w62_an_exception_is_a_500_or_a_cut_response(httpd: Httpd) -> None:
    httpd.expect("KeyError: 'in a filter'", "filter RAISES .* failed")
    assert httpd.get("/out/raises/a.txt").status == 500
    httpd.write("out/raises/large.txt", "x" * 300_000)
    assert httpd.get("/out/raises/large.txt").status == 500


def test_w63_with_debug_the_page_takes_the_place_of_the_response(httpd: Httpd) -> None:
    httpd.expect("KeyError: 'in a filter'", "filter RAISES .* failed")
    answer = httpd.get("/debug/a.txt")
    assert answer.status == 500
    assert "KeyError" in answer.text


def test_w64_readers_of_a_failed_body_get_an_error(httpd: Httpd) -> None:
    httpd.expect("KeyError: 'in a filter'", "filter RAISES .* failed")
    assert b"OSError" in httpd.raw(post("/in/raises", b"text"))


def test_w65_server_return_is_the_answer(httpd: Httpd) -> None:
    assert httpd.get("/out/forbids/a.txt").status == 403
    try:
        status = httpd.request("POST", "/in/forbids", b"text").status
    except http.client.HTTPException as error:
        raise AssertionError from error
    assert status == 403


def test_b66_what_follows_an_exception_is_another_request(httpd: Httpd) -> None:
    httpd.expect("KeyError: 'in a filter'", "filter RAISES .* failed")
    assert httpd.get("/out/raises/a.txt").status == 500
    assert httpd.get("/out/reads/a.txt").body == b"text"


def test_w67_an_input_filter_knows_how_it_is_read(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("each child has its own record of calls")
    assert b"text" in httpd.raw(post("/in/modes", b"text", "Connection: close"))
    mode, block, readbytes = eval(httpd.get("/tell?modes").text)[0]
    assert (mode, block) == ("bytes", True)
    assert readbytes > 0


@pytest.mark.parametrize(
    ("word", "body"),
    [("write", b"written text"), ("read", b"[te]xt"), ("pass", b"text"), ("close", b""), ("nothing", b"text")],
)
def test_a_filter_that_steps_out_may_still_write_read_and_close_in_that_call(
    httpd: Httpd, word: str, body: bytes
) -> None:
    assert httpd.get(f"/out/disables/a.txt?{word}").body == body
    data = post(f"/in/disables?{word}", b"text") + post(f"/in/disables?{word}", [b"te", b"xt"])
    answers = responses(httpd.raw(data + get("/out/reads/a.txt", "Connection: close")))
    assert [answer.body for answer in answers] == [body, body, b"text"]


def test_b68_closing_ends_the_body_and_the_rest_is_no_request(httpd: Httpd) -> None:
    data = httpd.raw(post("/in/ends", b"text") + get("/out/reads/a.txt", "Connection: close"))
    assert [answer.body for answer in responses(data)] == [b"te", b"text"]


def test_w69_the_name_is_as_it_was_declared(httpd: Httpd) -> None:
    assert eval(httpd.get("/small/tells").text)[0] == "TELLS"


def test_w71_w72_a_section_is_no_border_and_no_path(httpd: Httpd) -> None:
    assert eval(httpd.get("/w71/a.txt").text) == ("W71", None, None, [])
    assert eval(httpd.get("/w72/a.txt").text) == ("W71", None, None, [])


def test_w73_state_on_the_filter_lasts_as_long_as_the_body(httpd: Httpd) -> None:
    assert httpd.get("/flushes/counts").text == "onetwo 2"
    assert httpd.get("/flushes/counts").text == "onetwo 2"


def test_b74_subrequests_pass_through_it_too(httpd: Httpd) -> None:
    httpd.write("page/part.txt", "part")
    httpd.write("page/whole.txt", '<!--#include virtual="/page/part.txt" -->.')
    assert httpd.get("/page/whole.txt").text == "part(in).(main)"


def test_b76_b77_settings_and_phase(httpd: Httpd) -> None:
    assert eval(httpd.get("/small/tells/w76").text)[1:3] == ("PythonHandler", "1")
