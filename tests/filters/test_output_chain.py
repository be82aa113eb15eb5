"""Output filters among others: names, sections, mod_filter, subrequests, redirects, error documents."""

import pytest

from httpd import Httpd
from probe import PROBE_CONF, passed

CONF = (
    PROBE_CONF
    + """
PythonOutputFilter output_chain::tell One
PythonOutputFilter output_chain::tell Two
PythonOutputFilter output_chain::sub SUB
PythonOutputFilter output_chain::fail_in_subrequest FAIL_SUB
PythonOutputFilter output_filters::frame FRAME
PythonOutputFilter output_filters::disable DISABLE

<Location "/both">
    SetOutputFilter One;Two
</Location>
<Location "/case">
    SetOutputFilter oNE
</Location>
<Location "/by_type">
    AddOutputFilterByType One;Two text/html
</Location>
<Location "/provider">
    FilterDeclare first
    FilterDeclare second
    FilterProvider first One "%{CONTENT_TYPE} =~ m#^text/#"
    FilterProvider second Two "%{CONTENT_TYPE} == 'text/html'"
    FilterChain first second
</Location>
<Location "/ext">
    AddOutputFilter One .html
    RemoveOutputFilter .txt
</Location>

<Location "/about">
    PythonOption option set
    PythonOutputFilter output_chain::about About
    SetOutputFilter about
</Location>
<Location "/handled">
    SetHandler mod_python
    PythonHandler output_sources::slow
    PythonOption option other
    SetOutputFilter about
</Location>
<Location "/location">
    PythonOutputFilter output_chain::first PLACE
    SetOutputFilter PLACE
</Location>
<Location "/location/inner">
    PythonOutputFilter output_chain::here PLACE
</Location>
<Location "/elsewhere">
    SetOutputFilter PLACE
</Location>

<Location "/ssi">
    Options +Includes
    SetOutputFilter INCLUDES;SUB;PROBE_WIRE
</Location>
<Location "/part">
    SetOutputFilter SUB
</Location>
<Location "/failing">
    SetOutputFilter FAIL_SUB
</Location>

<Location "/errors">
    SetOutputFilter FRAME
</Location>
<Location "/errors/own">
    ErrorDocument 404 /errors/sorry.txt
</Location>
<Location "/errors/gone">
    ErrorDocument 404 /plain.txt
</Location>
<Location "/dir">
    SetOutputFilter FRAME
</Location>
Redirect "/dir/away" "/plain.txt"
<Location "/wire">
    SetOutputFilter FRAME;PROBE_WIRE
    ErrorDocument 404 /wire/sorry.txt
</Location>

<Location "/steps">
    SetOutputFilter DISABLE;PROBE
</Location>
"""
)


def test_w69_names_are_told_as_registered(httpd: Httpd) -> None:
    httpd.write("both/a.html", "x")
    assert httpd.get("/both/a.html").text == "(Two (One x 1) 1)"


def test_o32_names_ignore_case(httpd: Httpd) -> None:
    httpd.write("case/a.html", "x")
    assert httpd.get("/case/a.html").text == "(One x 1)"


@pytest.mark.parametrize("path", ["by_type", "provider"])
def test_o30_two_filters_under_mod_filter(httpd: Httpd, path: str) -> None:
    httpd.write(f"{path}/a.html", "x" * 200_000)
    assert httpd.get(f"/{path}/a.html").text.startswith("(Two (One xxx")
    httpd.write(f"{path}/a.txt", "x")
    assert httpd.get(f"/{path}/a.txt").text == ("(One x 1)" if path == "provider" else "x")
    httpd.write(f"{path}/a.bin", "x")
    assert httpd.get(f"/{path}/a.bin").text == "x"


def test_o30_by_extension(httpd: Httpd) -> None:
    httpd.write("ext/a.html", "x")
    assert httpd.get("/ext/a.html").text == "(One x 1)"


def test_o31_state_is_made_for_each_response(httpd: Httpd) -> None:
    httpd.write("both/a.html", "x")
    one = b"GET /both/a.html HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = httpd.raw(one * 3, half_close=True)
    assert answer.count(b"(Two (One x 1) 1)") == 3


def facts(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_what_a_filter_knows(httpd: Httpd) -> None:
    httpd.write("about/a.txt", "x")
    assert facts(httpd.get("/about/a.txt").text) == {
        "name": "About",
        "handler": "output_chain::about",
        "is_input": "0",
        "closed": "0",
        "uri": "/about/a.txt",
        "phase": "None",
        "main": "False",
        "same": "True",
        "ip": "127.0.0.1",
        "mode": "None",
        "option": "set",
        "path": "[]",  # 72: never the location's path
    }


def test_b77_the_phase_is_that_of_the_running_handler(httpd: Httpd) -> None:
    told = facts(httpd.get("/handled?0").text)
    assert told["phase"] == "PythonHandler"
    assert told["option"] == "other"


def test_w71_where_nothing_is_declared_the_first_declaration_holds(httpd: Httpd) -> None:
    for path in ("location", "location/inner", "elsewhere"):
        httpd.write(f"{path}/a.txt", "x")
    assert httpd.get("/location/a.txt").text == "x first"
    assert httpd.get("/location/inner/a.txt").text == "x here"
    assert httpd.get("/elsewhere/a.txt").text == "x first"


def test_b74_o27_subrequests_have_filters_and_state_of_their_own(httpd: Httpd) -> None:
    httpd.write("part/a.txt", "part")
    httpd.write("part/b.txt", "other")
    page = '1<!--#include virtual="/part/a.txt" -->2<!--#include virtual="/part/b.txt" -->3'
    httpd.write("ssi/a.html", page)
    assert httpd.get("/ssi/a.html").text == "<1{part}2{other}3>"
    assert "".join(passed(httpd, "probe_wire")).count("EOS") == 1


def test_o27_a_filter_that_fails_in_a_subrequest(httpd: Httpd) -> None:
    httpd.expect("ValueError: in a subrequest", "unable to include")
    httpd.allow("filter FAIL_SUB")
    httpd.write("failing/a.txt", "part")
    httpd.write("part/b.txt", "other")
    page = '1<!--#include virtual="/failing/a.txt" -->2<!--#include virtual="/part/b.txt" -->3'
    httpd.write("ssi/failing.html", page)
    assert httpd.get("/ssi/failing.html").text == "<1[an error occurred while processing this directive]2{other}3>"


def test_o25_error_pages_of_httpd_are_not_filtered(httpd: Httpd) -> None:
    response = httpd.get("/errors/missing")
    assert response.status == 404
    assert response.text.startswith("<!DOCTYPE")
    assert response.headers["Content-Length"] == str(len(response.body))


def test_o25_error_documents_are_filtered_where_they_are(httpd: Httpd) -> None:
    httpd.write("errors/sorry.txt", "sorry")
    httpd.write("plain.txt", "plain")
    own = httpd.get("/errors/own/missing")
    assert (own.status, own.text, own.headers["Content-Length"]) == (404, "<sorry>", "7")
    gone = httpd.get("/errors/gone/missing")
    assert (gone.status, gone.text) == (404, "plain")


def test_o28_directory_index(httpd: Httpd) -> None:
    httpd.write("dir/index.html", "index")
    response = httpd.get("/dir/")
    assert (response.status, response.text, response.headers["Content-Length"]) == (200, "<index>", "7")
    # httpd's redirects have pages, too.
    assert httpd.get("/dir/away").text.startswith("<!DOCTYPE")


@pytest.mark.parametrize("tls", [False, True])
def test_o10_one_end_for_each_kind_of_response(httpd: Httpd, tls: bool) -> None:
    httpd.write("wire/index.html", "index")
    httpd.write("wire/sorry.txt", "sorry")
    page = httpd.get("/wire/index.html", tls=tls)
    for method, path, headers, status in (
        ("GET", "/wire/index.html", {}, 200),
        ("HEAD", "/wire/index.html", {}, 200),
        ("GET", "/wire/", {}, 200),
        ("GET", "/wire/index.html", {"If-None-Match": page.headers["ETag"]}, 304),
        ("GET", "/wire/index.html", {"If-Match": '"other"'}, 412),
        ("GET", "/wire/missing", {}, 404),
        ("DELETE", "/wire/index.html", {}, 405),
    ):
        httpd.check_log()
        assert httpd.request(method, path, headers=headers, tls=tls).status == status
        # An error document is a second request, whose probe stands beside that of the first.
        seen = " ".join(passed(httpd, "probe_wire"))
        assert seen.count("EOS") == (2 if status == 404 else 1), (path, seen)


@pytest.mark.parametrize("size", [100, 3_000_000])
def test_o35_a_file_stays_a_file_for_sendfile(httpd: Httpd, size: int) -> None:
    httpd.write("steps/a.bin", b"x" * size)
    assert len(httpd.get("/steps/a.bin").body) == size
    assert passed(httpd) == [f"FILE={size} EOS"]
