"""range=whole: handlers and servers behind a proxy are not asked for a part of a body, and the filter gets it whole."""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import backends
from httpd import Httpd
from versions import ask

MPMS = ("event", "prefork")
MODULES = ("headers", "proxy", "proxy_http", "proxy_scgi", "proxy_uwsgi", "proxy_fcgi", "proxy_ajp")
PROTOCOLS = ["scgi", "uwsgi", "fcgi", "ajp"]
FILTERS = {
    "part": "counted PART",
    "part_one": "upper PART_ONE change=1:1 range=part",
    "whole": "doubled WHOLE range=whole",
    "whole_one": "upper WHOLE_ONE change=1:1 range=whole",
    "whole_no": "counted WHOLE_NO change=no range=whole",
    "whole_html": "doubled WHOLE_HTML types=text/html range=whole",
    "whole_out": "steps_out_at_once WHOLE_OUT range=whole",
    "whole_behind": "plain_upper WHOLE_BEHIND change=1:1 kind=protocol range=whole",
}
CHAINS = {name: f"SetOutputFilter {declared.split()[1]}" for name, declared in FILTERS.items()}
CHAINS["by_type"] = "AddOutputFilterByType WHOLE text/html"
CHAINS["whole_and_part"] = "SetOutputFilter WHOLE_ONE;PART_ONE"
CONF = "".join(f"PythonOutputFilter range_filters::{declared}\n" for declared in FILTERS.values())
CONF += "".join(
    f"""
    Alias "/{name}/file" "${{HTDOCS}}/file"
    ScriptAlias "/{name}/cgi" "${{CGI_BIN}}"
    <Location "/{name}/">
        {chain}
    </Location>
    <Location "/{name}/handler">
        SetHandler mod_python
        PythonHandler range_filters::ranged
    </Location>
    <Location "/{name}/redirects">
        SetHandler mod_python
        PythonHandler range_filters::redirects
    </Location>
    <Location "/{name}/proxy">
        ProxyPass http://127.0.0.1:${{PORT}}/origin
    </Location>
    <Location "/{name}/404">
        ErrorDocument 404 /whole_one/handler
    </Location>
    """
    + "".join(
        f"""
        <Location "/{name}/{protocol}">
            ProxyPass {protocol}://127.0.0.1:${{{protocol.upper()}_PORT}}/
        </Location>
        """
        for protocol in PROTOCOLS
    )
    for name, chain in CHAINS.items()
)
CONF += """
<Location "/origin">
    SetHandler mod_python
    PythonHandler range_filters::ranged
</Location>
<Location "/mail">
    SetHandler mod_python
    PythonHandler range_filters::mail
</Location>
PythonOutputFilter mod_python.filters.redact REDACT range=whole
<Location "/redacted">
    ProxyPass http://127.0.0.1:${PORT}/mail
    SetOutputFilter REDACT
</Location>
PythonLogHandler range_filters::log
CustomLog "${STATE}/ranges.log" "%U %s %{Range}i %{If-Range}i"
"""
BODY = b"".join(b"%07x\n" % number for number in range(1 << 15))
SIZE = len(BODY)
WHOLE = ["whole", "whole_one", "whole_no", "whole_html", "whole_out", "whole_behind", "by_type", "whole_and_part"]
SCRIPT = """#!/usr/bin/python3
import os
print(f"Content-Type: text/plain\\n\\nrange {os.environ.get('HTTP_RANGE')}")
"""


@pytest.fixture(scope="module", autouse=True)
def _sources(httpd: Httpd) -> Iterator[None]:
    os.utime(httpd.write("file", BODY), (1_700_000_000, 1_700_000_000))
    httpd.cgi("env", SCRIPT)
    with contextlib.ExitStack() as stack:
        for name in PROTOCOLS:
            stack.enter_context(backends.serve(httpd.port_of(f"{name.upper()}_PORT"), getattr(backends, name)))
        yield


def asks(
    httpd: Httpd, path: str, asked: str, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes, str | None]:
    """Status, body and Content-Range."""
    answer = httpd.get(path, {"Range": f"bytes={asked}", **(headers or {})})
    return answer.status, answer.body, answer.headers["Content-Range"]


def cut(first: int, last: int, body: bytes = BODY) -> tuple[int, bytes, str | None]:
    return 206, body[first : last + 1], f"bytes {first}-{last}/{SIZE}"


@pytest.mark.parametrize("source", ["handler", "proxy"])
@pytest.mark.parametrize("name", WHOLE)
def test_the_source_is_not_asked_for_a_part(httpd: Httpd, name: str, source: str) -> None:
    path = f"/{name}/{source}"
    if name == "whole":
        status, body, content_range = asks(httpd, path, "100000-100009")
        assert (status, len(body), content_range) == (200, 2 * SIZE, None)
    elif name == "whole_behind":  # it stands behind the place where ranges are cut
        assert asks(httpd, path, "100000-100009") == (200, BODY.upper(), None)
    elif name in ("whole_one", "whole_and_part"):
        assert asks(httpd, path, "100000-100009") == cut(100_000, 100_009, BODY.upper())
        # The tag is that of another body.
        assert asks(httpd, path, "100000-100009", {"If-Range": '"strong"'}) == (200, BODY.upper(), None)
    else:
        for condition in ({}, {"If-Range": '"strong"'}):
            assert asks(httpd, path, "100000-100009", condition) == cut(100_000, 100_009)
        assert asks(httpd, path, "100000-100009", {"If-Range": '"other"'}) == (200, BODY, None)
    httpd.wait_for_log("asked for None, if None;")
    assert "asked for bytes" not in httpd.log()


@pytest.mark.parametrize("source", ["handler", "proxy"])
@pytest.mark.parametrize("name", ["part", "part_one"])
def test_without_the_key_it_is(httpd: Httpd, name: str, source: str) -> None:
    httpd.allow("filter PART steps aside: .* with range=whole the filter gets the whole body")
    body = BODY.upper() if name == "part_one" else BODY
    assert asks(httpd, f"/{name}/{source}", "2-4", {"If-Range": '"strong"'}) == cut(2, 4, body)
    httpd.wait_for_log('asked for bytes=2-4, if "strong";')


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_protocol_of_mod_proxy(httpd: Httpd, protocol: str) -> None:
    assert b"RANGE BYTES=0-999" in httpd.get(f"/part_one/{protocol}", {"Range": "bytes=0-999"}).body
    answer = httpd.get(f"/whole_one/{protocol}", {"Range": "bytes=0-999"})
    assert answer.body.startswith(b"LENGTH ")
    assert b"RANGE" not in answer.body


def test_scripts(httpd: Httpd) -> None:
    assert httpd.get("/part_one/cgi/env", {"Range": "bytes=0-999"}).body == b"RANGE BYTES=0-999\n"
    assert httpd.get("/whole_one/cgi/env", {"Range": "bytes=0-999"}).body == b"RANGE NONE\n"


def test_on_each_version(httpd: Httpd, version: str) -> None:
    if (httpd.mpm, version) == ("prefork", "2"):
        pytest.skip("no HTTP/2 on prefork")
    answer = ask(httpd, version, "/whole_one/proxy", "-H", "Range: bytes=-9")
    assert answer.code == 0
    assert (answer.status, answer.body, answer.headers["Content-Range"]) == cut(SIZE - 9, SIZE - 1, BODY.upper())


@pytest.mark.parametrize("name", ["whole_one", "whole_no"])
@pytest.mark.parametrize("source", ["file", "handler", "proxy"])
def test_several_ranges_and_none(httpd: Httpd, name: str, source: str) -> None:
    body = BODY.upper() if name == "whole_one" else BODY
    assert asks(httpd, f"/{name}/{source}", "2-4,7-9") == (200, body, None)
    status, _, content_range = asks(httpd, f"/{name}/{source}", f"{SIZE}-")
    assert (status, content_range) == (416, f"bytes */{SIZE}")


def test_a_type_that_the_filter_does_not_take(httpd: Httpd) -> None:
    # Who knows the type only by the response asks for the whole, and what is not filtered is cut as well.
    for name in ("whole_html", "by_type"):
        assert asks(httpd, f"/{name}/proxy?html", "2-4")[0] == 200
        assert asks(httpd, f"/{name}/proxy", "2-4") == cut(2, 4)
        assert asks(httpd, f"/{name}/file", "2-4") == cut(2, 4)


def test_the_client_s_headers_are_logged(httpd: Httpd) -> None:
    for name in WHOLE:
        asks(httpd, f"/{name}/proxy", "2-4", {"If-Range": '"no"'})
    expected = {rf"/{name}/proxy 200 bytes=2-4 \"no\"" for name in WHOLE}
    log, deadline = Path(httpd.variables["STATE"], "ranges.log"), time.monotonic() + 5
    while missing := expected.difference(log.read_text().splitlines()):
        assert time.monotonic() < deadline, missing  # httpd logs after it has answered
        time.sleep(0.02)
    assert httpd.log().count('logged bytes=2-4, if "no";') == len(WHOLE)
    # The filter's own code sees them, too.
    asks(httpd, "/whole_no/proxy", "2-4")
    httpd.wait_for_log("WHOLE_NO saw .* Range: bytes=2-4;")


def test_what_is_hidden_cannot_be_asked_for(httpd: Httpd) -> None:
    assert asks(httpd, "/mail", "9-23") == (206, b"ada@example.org", "bytes 9-23/25")
    assert asks(httpd, "/redacted", "9-23") == (200, b"write to [redacted]\n", None)


def test_a_part_that_nobody_has_asked_for(httpd: Httpd) -> None:
    httpd.expect("filter WHOLE steps aside: .*its handler was asked for the whole")
    assert asks(httpd, "/whole/handler?unasked", "2-4") == cut(2, 4)


def test_redirects_and_error_pages(httpd: Httpd) -> None:
    assert asks(httpd, "/whole_one/redirects?whole_one/file", "2-4") == cut(2, 4, BODY.upper())
    assert asks(httpd, "/whole_one/redirects?file", "2-4") == cut(2, 4)
    httpd.expect("asked for bytes=2-4, if None;")
    assert asks(httpd, "/whole_one/redirects?part_one/handler", "2-4") == cut(2, 4, BODY.upper())
    status, body, content_range = asks(httpd, "/whole_one/404", "2-4")
    assert (status, body, content_range) == (404, BODY.upper(), None)


def test_head_and_post(httpd: Httpd) -> None:
    answer = httpd.request("HEAD", "/whole_one/proxy", headers={"Range": "bytes=2-4"})
    assert (answer.status, answer.headers["Content-Length"]) in [(200, str(SIZE)), (206, "3")]
    answer = httpd.request("POST", "/whole_one/proxy", b"x", {"Range": "bytes=2-4"})
    assert (answer.status, answer.body) == (200, BODY.upper())
    httpd.wait_for_log("asked for None, if None;")
    assert "asked for bytes" not in httpd.log()
