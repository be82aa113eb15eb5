"""All of the core API, from the tables of core_api: there, of its type, writable or not, and over when it must be."""

import json
import re
import time
from typing import Any

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
ServerAdmin admin@example.org
# A request is over when its thread says so: one child, so that all meet in it.
MaxConnectionsPerChild 0
PythonOutputFilter core_api WALKS
<Location /file.txt>
    SetHandler none
    SetOutputFilter WALKS
</Location>
<VirtualHost *:${OTHER_PORT}>
</VirtualHost>
Listen 127.0.0.1:${OTHER_PORT}
"""
OVER = "RuntimeError: the request is over"
BUSY = "RuntimeError: the request is in use by another thread"
# The servers live as long as the child: they are no leases.
SERVERS = ("req.server", "connection.base_server")


def call(httpd: Httpd, name: str, path: str = "/here.txt?a=b") -> Any:
    answer = httpd.get(f"/call/core_api/{name}{path}")
    assert answer.status == 200
    return json.loads(answer.text or "null")


def test_every_attribute_and_method_is_as_the_table_says(httpd: Httpd) -> None:
    httpd.write("call", "a file that the path is mapped to")
    assert call(httpd, "walk") == []


def test_every_attribute_and_method_of_a_filter_is_as_the_table_says(httpd: Httpd) -> None:
    httpd.write("file.txt", "a line\nand more\n")
    text = httpd.get("/file.txt").text
    assert text == "x[]"


def test_w30_all_of_a_filter_is_over_after_its_request(httpd: Httpd) -> None:
    httpd.write("file.txt", "a line\nand more\n")
    httpd.get("/file.txt?keep")
    said = {name: one for name, one in call(httpd, "after").items() if name.startswith("filter.")}
    assert len(said) == 22
    assert all(one.startswith("RuntimeError: ") for one in said.values()), said


def test_objects_keep_their_identity(httpd: Httpd) -> None:
    assert call(httpd, "identity") == []


def test_w30_all_of_it_is_over_after_the_request(httpd: Httpd) -> None:
    httpd.get("/call/core_api/keep")
    deadline = time.monotonic() + 5
    while True:  # httpd lets go of a request soon after its answer
        said = call(httpd, "after")
        for server in SERVERS:
            said.pop(server)
        if set(said.values()) == {OVER} or time.monotonic() > deadline:
            break
        assert all(re.match(r"RuntimeError: the request (is over|cannot be used now)", one) for one in said.values()), (
            said
        )
    assert {name: one for name, one in said.items() if one != OVER} == {}
    assert len(said) > 130


def test_w30_none_of_it_works_in_another_thread(httpd: Httpd) -> None:
    said = call(httpd, "in_thread")
    assert {name: one for name, one in said.items() if one != BUSY} == dict.fromkeys(SERVERS, "no error")
    assert len(said) > 130


def test_finfo(httpd: Httpd) -> None:
    httpd.write("call", "12345")
    seen = call(httpd, "finfo")
    assert (seen["tuple"], seen["last"], seen["repr"]) == (True, True, True)
    assert seen["outside"] == ["IndexError: a FileInfo has the items 0 to 12: use apache.FINFO_*"] * 2
    assert seen["unknown"].startswith("AttributeError: ")
    assert seen["protection"] == "0x644"
    assert call(httpd, "another_finfo", "") == []
    (httpd.htdocs / "call").unlink()
    assert call(httpd, "no_file") == [True, *[None] * 10]
    assert call(httpd, "another_finfo", "?put") == [True, 5, str(httpd.htdocs / "call")]
    httpd.write("call", "a file that the path is mapped to")
