"""Nothing enters a chain of filters that is in the middle of a call: it is refused with a sentence."""

import pytest

from httpd import Httpd
from versions import VERSIONS, ask

MPMS = ("event", "prefork")
CONF = """
PythonOutputFilter reentry WRITES
PythonOutputFilter reentry::streaming STREAMS
PythonOutputFilter reentry::uses_the_element KEEPS
PythonInputFilter reentry READS
<Directory "${HTDOCS}">
    Options +Includes
</Directory>
<LocationMatch "^/typed">
    AddOutputFilterByType WRITES text/html
</LocationMatch>
<LocationMatch "^/streams">
    AddOutputFilterByType STREAMS;DEFLATE text/html
</LocationMatch>
<LocationMatch "^/plain">
    SetOutputFilter WRITES;SUBSTITUTE
</LocationMatch>
<LocationMatch "^/page">
    AddOutputFilterByType INCLUDES;KEEPS text/html
</LocationMatch>
<Location "/part">
    SetHandler mod_python
    PythonHandler reentry::part
</Location>
<Location "/reads">
    SetHandler mod_python
    PythonHandler reentry::reads
    SetInputFilter READS
</Location>
<Location "/many">
    SetHandler mod_python
    PythonHandler reentry::many
</Location>
<Location "/bucket.bin">
    SetHandler mod_python
    PythonHandler reentry::shared_bucket
</Location>
Listen 127.0.0.1:${PLAIN_PORT}
<VirtualHost *:${PLAIN_PORT}>
    PythonConnectionHandler reentry::plain_connection
    PythonOutputFilter reentry::connection_output OUT kind=connection
    PythonInputFilter reentry::connection_input IN kind=connection
</VirtualHost>
Listen 127.0.0.1:${ASYNC_PORT}
<VirtualHost *:${ASYNC_PORT}>
    PythonConnectionHandler reentry::async_connection
    PythonOutputFilter reentry::connection_output OUT2 kind=connection
    PythonInputFilter reentry::connection_input IN2 kind=connection
</VirtualHost>
"""
REFUSED = "".join(f"RuntimeError req.{name}() True;" for name in ("write", "flush", "sendfile", "internal_redirect"))
OTHER = "".join(f"RuntimeError {name}() True;" for name in ("write", "flush", "sendfile", "internal_redirect"))


def texts(httpd: Httpd, path: str) -> set[str]:
    """Return what a path answers on each version of HTTP that the MPM has."""
    versions = VERSIONS[:1] if httpd.mpm == "prefork" else VERSIONS
    return {ask(httpd, version, path).text for version in versions}


BYTES = "RuntimeError the bytes of a connection True;"


@pytest.mark.parametrize("name", ["typed", "streams", "plain"])
def test_writing_to_the_request_in_its_output_filter_is_refused(httpd: Httpd, name: str) -> None:
    httpd.write(f"{name}.html", "text ")
    for _ in range(3):
        assert texts(httpd, f"/{name}.html") == {f"text {REFUSED}"}


def test_writing_to_the_request_in_an_ssi_element_is_refused(httpd: Httpd) -> None:
    httpd.write("page.html", '<!--#python exec="import reentry; filter.write(reentry.writes(filter.req))" -->')
    assert texts(httpd, "/page.html") == {REFUSED}


def test_writing_to_the_main_request_in_a_subrequest_is_refused(httpd: Httpd) -> None:
    httpd.write("page.html", '[<!--#include virtual="/part" -->]')
    assert texts(httpd, "/page.html") == {f"[({OTHER})]"}


def test_an_element_is_not_written_to_in_a_filter_that_its_page_passes(httpd: Httpd) -> None:
    code = "import reentry; reentry.KEPT['element'] = filter; filter.write('a'); filter.flush()"
    end = "reentry.KEPT.clear()"
    httpd.write("page.html", f'<!--#python exec="{code}; {end}" -->')
    assert texts(httpd, "/page.html") == {"a" + 2 * "RuntimeError an SSI element True;"}


def test_reading_the_body_in_its_input_filter_is_refused(httpd: Httpd) -> None:
    refused = "".join(
        f"RuntimeError req.{name}() True;" for name in ("read", "readline", "readlines", "discard_request_body")
    )
    assert httpd.request("POST", "/reads", b"body").text == f"BODY{refused}"


def test_thirty_filters_that_write_to_the_request(httpd: Httpd) -> None:
    assert texts(httpd, "/many") == {"body" + 30 * "R"}


@pytest.mark.parametrize(("name", "calls"), [("PLAIN_PORT", 3), ("ASYNC_PORT", 4)])
def test_the_bytes_of_a_connection_are_not_touched_in_its_filters(httpd: Httpd, name: str, calls: int) -> None:
    answer = httpd.raw(b"line\n", port=httpd.port_of(name), half_close=True).decode()
    assert answer == f"<{calls * BYTES}line\n>{calls * BYTES}"


def test_a_bucket_used_by_threads_is_refused_to_all_but_one(httpd: Httpd) -> None:
    httpd.write("bucket.bin", "x" * 50_000)
    lines = httpd.get("/bucket.bin").text.splitlines()
    assert lines in ([], ["RuntimeError: the bucket is in use in another call"])
