"""Requests over their phases, redirections, subrequests and ends; files that they send."""

import json
import re

import pytest

import http1
from httpd import Httpd
from probe import PROBE_CONF, passed

MPMS = ("event", "prefork")
CONF = (
    PROBE_CONF
    + """
<Location /life>
    PythonFixupHandler request_life
    SetHandler mod_python
</Location>
"""
    + "".join(
        f"""
<Location /life/{name}>
    PythonHandler request_life::{name}
</Location>
"""
        for name in (
            "marks redirect redirect_and_fail redirect_and_refuse redirect_with_body body nowhere headless "
            "cleanups at_exit"
        ).split()
    )
    + """
PythonPostReadRequestHandler request_life::posthandler
PythonTransHandler request_life::proxy
<Location /life/no>
    SetHandler none
</Location>
<Location /folder>
    PythonFixupHandler request_life
</Location>
<Files page.shtml>
    SetHandler mod_python
    PythonHandler request_life::marks
</Files>
DirectoryIndex disabled
DirectoryIndex page.shtml
<Location /sendfile>
    SetHandler mod_python
    PythonHandler request_life::sendfile
    SetOutputFilter PROBE
</Location>
<Location /mixed>
    SetHandler mod_python
    PythonHandler request_life::mixed
    SetOutputFilter PROBE
</Location>
<Location /call>
    SetHandler mod_python
    PythonHandler call_by_path
</Location>
"""
)
TEN = "0123456789"


def test_b28_one_object_over_all_phases(httpd: Httpd) -> None:
    seen = json.loads(httpd.get("/life/marks").text)
    assert seen == {"marks": ["post", "fixup"], "phase": "PythonHandler", "same": [True, True]}


def test_b28_b52_an_internal_redirect(httpd: Httpd) -> None:
    answer = httpd.get("/life/redirect")
    seen = json.loads(answer.text)
    assert seen["marks"] == ["redirected", "fixup"]
    assert seen["before"] == [["post", "fixup", "redirecting"], "/life/redirect", True, True]
    httpd.wait_for_log(r"life: after: /life/marks \['redirected', 'fixup'\] 4$")
    httpd.wait_for_log("life: queued: 13$")


def test_b52_a_redirect_leaves_the_connection_whole(httpd: Httpd) -> None:
    both = http1.get("/life/redirect") + http1.get("/life/redirect", "Connection: close")
    first, second = http1.responses(httpd.raw(both))
    assert first.text == second.text
    assert json.loads(first.text)["marks"] == ["redirected", "fixup"]


@pytest.mark.parametrize("name", ["redirect_and_fail", "redirect_and_refuse"])
def test_b52_what_fails_after_a_redirect_adds_nothing(httpd: Httpd, name: str) -> None:
    if name == "redirect_and_fail":
        httpd.expect("KeyError: 'after the redirection'")
    both = http1.get(f"/life/{name}") + http1.get("/life/marks", "Connection: close")
    first, second = http1.responses(httpd.raw(both))
    assert (first.status, second.status) == (200, 200)
    assert json.loads(first.text)["marks"] == ["redirected", "fixup"]
    assert json.loads(second.text)["marks"] == ["post", "fixup"]


def test_a_redirect_takes_the_body_along(httpd: Httpd) -> None:
    for body in (b"some text", [b"some ", b"text"]):
        assert httpd.request("POST", "/life/redirect_with_body", body).text == "some text"


def test_a_redirect_to_nothing_is_404(httpd: Httpd) -> None:
    assert httpd.get("/life/nowhere").status == 404


def test_b28_subrequests_know_their_main_request(httpd: Httpd) -> None:
    httpd.write("folder/page.shtml", "")
    seen = json.loads(httpd.get("/folder/").text)
    assert seen["marks"] == ["post", "fixup", "subrequest /folder/page.shtml True"]


def test_b54_nested_output(httpd: Httpd) -> None:
    httpd.write("plain.txt", "a file")
    answer = httpd.get("/life/headless")
    assert answer.headers["X-Outer"] == "1"
    assert answer.text.startswith("before ")


def test_a_trans_handler_makes_a_proxy(httpd: Httpd) -> None:
    httpd.write("plain.txt", "a file")
    assert httpd.get("/proxied/x").text == "a file"


def test_w39_cleanups(httpd: Httpd) -> None:
    httpd.expect("cleanup fails.*ValueError: in a cleanup", "cleanup fails.*Traceback|Traceback")
    answer = httpd.get("/life/cleanups")
    assert answer.text == "ValueError: register_cleanup() takes a function to call, not int"
    httpd.wait_for_log("life: cleanup 'first'")
    said = re.findall(r"\[client 127\.0\.0\.1:\d+\] life: (.*)", httpd.log())
    assert said[0] == "cleanup 'keyword'"
    assert said[1] == "cleanup 'registered by a cleanup'"
    assert said[2] == f"sees /life/cleanups own 200 None localhost:{httpd.port}"
    refused = [line.partition(": ") for line in said[3:11]]
    assert [name for name, *_ in refused] == (
        "write flush read readline readlines sendfile internal_redirect discard_request_body"
    ).split()
    assert {text for *_, text in refused} == {
        "RuntimeError: the request has ended: a cleanup can look at it, but neither read its body nor answer it"
    }
    assert said[11:] == ["cleanup None", "cleanup (1, 2)", "cleanup 'first'"]


def test_the_end_of_a_child(httpd: Httpd) -> None:
    wrong = json.loads(httpd.get("/life/at_exit").text)
    assert wrong[0].startswith("ValueError: server.register_cleanup() takes a request first")
    assert wrong[1] == "ValueError: register_cleanup() takes a function to call, not int"
    httpd.expect("ValueError: in a cleanup", "Traceback")
    httpd.graceful()
    httpd.wait_for_log("life: cleanup 'of the child, first'")
    assert re.findall("life: cleanup 'of the child, (.*)'", httpd.log()) == ["last", "first"]


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("", TEN),
        (",0,-1", TEN),
        (",4", "456789"),
        (",4,3", "456"),
        (",4,100", "456789"),
        (",10", ""),
        (",11", ""),
        (",1000,5", ""),
        (",,3", "012"),
        (f",9,{1 << 62}", "9"),
        (f",{1 << 62},9", ""),
    ],
)
def test_w51_a_part_of_a_file_is_what_lies_within_it(httpd: Httpd, part: str, text: str) -> None:
    httpd.write("ten", TEN)
    assert httpd.get(f"/sendfile?ten{part}").text == text
    httpd.wait_for_log(f"life: sent {len(text)} queued {len(text)}$")


def test_w51_a_file_goes_as_a_file(httpd: Httpd) -> None:
    data = bytes(range(256)) * 40000
    httpd.write("big", data)
    answer = httpd.get("/sendfile?big")
    assert answer.body == data
    assert passed(httpd) == [f"FILE={len(data)}", "EOS"]
    assert httpd.get("/sendfile?big", tls=True).body == data


def test_w51_files_between_texts(httpd: Httpd) -> None:
    httpd.write("ten", TEN)
    assert httpd.get("/mixed").text == "<234|89>"


def test_w51_head_gets_no_file(httpd: Httpd) -> None:
    httpd.write("ten", TEN)
    assert httpd.request("HEAD", "/sendfile?ten").body == b""


def test_w51_what_is_no_file(httpd: Httpd) -> None:
    httpd.write("ten", TEN)
    seen = json.loads(httpd.get("/call/request_life/refused").text)
    assert seen["missing"].startswith("FileNotFoundError: [Errno 2] No such file or directory: '/")
    assert seen["folder"].startswith("IsADirectoryError: [Errno 21] Is a directory: '/")
    assert seen["device"] == "OSError: sendfile() sends regular files only, no pipes or devices"
    assert seen["through a file"].startswith("NotADirectoryError: [Errno 20] ")
    assert seen["negative"] == "ValueError: sendfile() takes an offset of 0 bytes or more"
    assert seen["number"].startswith("TypeError: ")
    assert seen["nul"].startswith("ValueError: ")
