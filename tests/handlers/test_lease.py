"""Objects of httpd that are used at the wrong time, or on the wrong thread: RuntimeError, never a crash."""

import json
import re
import time
from typing import Any

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
MaxConnectionsPerChild 0
<Location /call>
    SetHandler mod_python
    PythonHandler call_by_path
</Location>
<Location /keep-filter>
    PythonOutputFilter kept_objects::keep_filter KEEP
    SetOutputFilter KEEP
</Location>
<Location /nested>
    PythonOutputFilter kept_objects::look_after FIRST
    PythonOutputFilter kept_objects::keep_and_flush ABOVE
    PythonOutputFilter kept_objects::use_both BELOW
    SetOutputFilter FIRST;ABOVE;BELOW
</Location>

Listen 127.0.0.1:${LINE_PORT}
<VirtualHost *:${LINE_PORT}>
    PythonConnectionHandler kept_objects::keep_connection
</VirtualHost>
<IfModule mpm_prefork_module>
    # What one request keeps, the next one must find: one child.
    StartServers 1
    MaxRequestWorkers 1
    MaxSpareServers 1
</IfModule>
"""
OVER = "RuntimeError: the request is over"
NEITHER = r"RuntimeError: the (request|filter|connection) (is over|cannot be used now, but only while .*)"
BUSY = "RuntimeError: the request is in use by another thread"


def call(httpd: Httpd, name: str) -> Any:
    answer = httpd.get(f"/call/kept_objects/{name}")
    assert answer.status == 200
    return json.loads(answer.text or "null")


def used(httpd: Httpd) -> Any:
    """What kept_objects.used sees once httpd has let go of what was kept, which it does soon after its answer."""
    deadline = time.monotonic() + 5
    while True:
        seen = call(httpd, "used")
        said = set(seen["errors"].values())
        assert all(re.fullmatch(NEITHER, one) for one in said), said
        if all(one.endswith(" is over") for one in said) or time.monotonic() > deadline:
            return seen
        time.sleep(0.01)


def test_after_the_request(httpd: Httpd) -> None:
    httpd.get("/call/kept_objects/keep")
    seen = used(httpd)
    assert set(seen["errors"].values()) == {OVER}
    assert len(seen["errors"]) == 12
    # What is a copy, or the user's own, or the configuration's, is there as long as somebody keeps it.
    assert seen["lasting"] == ["stays", "localhost", None, True, True]


def test_between_two_requests_of_one_connection(httpd: Httpd) -> None:
    both = b"GET /call/kept_objects/keep HTTP/1.1\r\nHost: x\r\n\r\nGET /call/kept_objects/used HTTP/1.0\r\n\r\n"
    seen = json.loads(httpd.raw(both).rpartition(b"\r\n\r\n")[2])
    # httpd may still be sending the first response.
    assert all(re.fullmatch(NEITHER, said) for said in seen["errors"].values())


def test_in_another_thread(httpd: Httpd) -> None:
    seen = call(httpd, "in_thread")
    assert set(seen["errors"].values()) == {BUSY}
    assert seen["here"] == "/call/kept_objects/in_thread"


def test_a_thread_that_outlives_the_request(httpd: Httpd) -> None:
    httpd.get("/call/kept_objects/outlived")
    httpd.wait_for_log("the thread saw the end")


def test_a_filter(httpd: Httpd) -> None:
    httpd.write("keep-filter", "body")
    assert httpd.get("/keep-filter").text == "body"
    errors = used(httpd)["errors"]
    assert errors["filter"] == errors["read"] == "RuntimeError: the filter is over"
    assert errors["req"] == OVER
    assert errors["connection"] == "RuntimeError: the filter is over"


def test_a_request_that_two_filters_opened_closes_with_their_calls(httpd: Httpd) -> None:
    httpd.write("nested", "body")
    assert httpd.get("/nested").text == "body"
    own, seen = call(httpd, "seen")
    assert own == "/nested"
    assert seen.startswith("RuntimeError: the request cannot be used now")


def test_a_connection(httpd: Httpd) -> None:
    assert httpd.raw(b"", port=httpd.port_of("LINE_PORT"), half_close=True) == b"kept\n"
    errors = used(httpd)["errors"]
    assert set(errors) == {"connection", "table", "write"}
    assert set(errors.values()) == {"RuntimeError: the connection is over"}


def test_many_requests_are_kept_and_let_go(httpd: Httpd) -> None:
    for _ in range(50):
        httpd.get("/call/kept_objects/many")
    assert call(httpd, "count") == [50, 50]
