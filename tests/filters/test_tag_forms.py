"""The form of a tag, strong or weak, is known to all children, and to every phase that answers a condition."""

import http.client
from contextlib import ExitStack, closing

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CHANGES = {"yes": "SetOutputFilter UPPER", "by_type": "AddOutputFilterByType UPPER text/html"}
KEEPS = {"steps": "SetOutputFilter STEP", "by_other": "AddOutputFilterByType UPPER text/plain"}
SECTIONS = CHANGES | KEEPS
CONF = """
KeepAliveTimeout 60
StartServers 4
PythonOutputFilter output_filters::upper UPPER
PythonOutputFilter output_filters::disable STEP
""" + "".join(
    f"""
        <Location "/{name}">
            {line}
            SetHandler mod_python
            PythonHandler tag_children
        </Location>
        <Location "/{name}/early">
            PythonFixupHandler tag_children
        </Location>
        <Location "/{name}/script">
            SetHandler cgi-script
        </Location>
        ScriptAlias "/{name}/script" "${{CGI_BIN}}/tagged"
        """
    for name, line in SECTIONS.items()
)
SCRIPT = """#!/bin/sh
printf 'Content-Type: text/html\\nETag: "strong"\\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\\n\\nbody'
"""
DATE = {"If-Modified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"}


@pytest.mark.parametrize("source", ["handler", "early", "script"])
@pytest.mark.parametrize("name", SECTIONS)
def test_o24_whoever_answers_the_condition(httpd: Httpd, name: str, source: str) -> None:
    httpd.cgi("tagged", SCRIPT)
    tag = httpd.get(f"/{name}/{source}").headers["ETag"]
    assert tag.startswith("W/") == (name in CHANGES)
    for condition in (DATE, {"If-None-Match": "*"}, {"If-None-Match": tag}):
        same = httpd.get(f"/{name}/{source}", condition)
        assert (same.status, same.headers["ETag"]) == (304, tag)


@pytest.mark.parametrize("name", SECTIONS)
def test_o24_each_child_knows_what_one_has_sent(httpd: Httpd, name: str) -> None:
    with ExitStack() as held:
        children = []
        for number in range(4):
            connection = http.client.HTTPConnection("localhost", httpd.port, timeout=30)
            held.enter_context(closing(connection))
            connection.request("GET", f"/{name}/{httpd.mpm}", headers=DATE if number else {})
            response = connection.getresponse()
            assert response.status == (304 if number else 200)
            assert response.headers["ETag"] == ('W/"strong"' if name in CHANGES else '"strong"')
            response.read()
            children.append(response.headers["X-Child"])
        if httpd.mpm == "prefork":
            assert len(set(children)) == 4


def test_o24_a_new_configuration_begins_anew(httpd: Httpd) -> None:
    def tags() -> list[str]:
        return [httpd.get("/steps/restart", header).headers["ETag"] for header in (DATE, {}, DATE)]

    assert tags() == ['W/"strong"', '"strong"', '"strong"']
    httpd.graceful()
    assert tags() == ['W/"strong"', '"strong"', '"strong"']
