"""Rules of output filters that need an odd client or a failure: plain functions and generators, HTTP/1.1 and HTTP/2."""

import pytest

from httpd import Httpd
from probe import PROBE_CONF, passed
from versions import CURL, VERSIONS, Get, ask

SHAPES = ["plain", "stream"]
NAMES = ("upper", "endless", "many", "count", "raise_at_once", "raise_later", "steps_out")
CONF = (
    PROBE_CONF
    + "LogLevel python:info\n"
    + "".join(
        f"""
        PythonOutputFilter rule_filters::{shape}_{name} {shape}_{name}
        Alias "/{shape}/{name}" "${{HTDOCS}}"
        <Location "/{shape}/{name}">
            SetOutputFilter {shape}_{name};PROBE
        </Location>
        <Location "/{shape}/{name}/flushes">
            SetHandler mod_python
            PythonHandler large_responses::flushes
        </Location>
        """
        for shape in SHAPES
        for name in NAMES
    )
    + "".join(
        f"""
        PythonOutputFilter rule_filters::{shape}_raise_later {shape}_promised change=1:1
        <Location "/{shape}/promised">
            SetHandler probe
            SetOutputFilter {shape}_promised
        </Location>
        """
        for shape in SHAPES
    )
    + """
    Listen 127.0.0.1:${NARROW_PORT}
    <VirtualHost *:${NARROW_PORT}>
        SSLEngine on
        SSLCertificateFile "${CERT}"
        SSLCertificateKeyFile "${KEY}"
        Protocols h2 http/1.1
        H2StreamMaxMemSize 1024
    </VirtualHost>
    """
)
pytestmark = pytest.mark.parametrize("shape", SHAPES)
on_each_version = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture(autouse=True)
def _files(httpd: Httpd) -> None:
    httpd.write("a.txt", b"a body")


def peak(httpd: Httpd) -> int:
    """The peak memory of the child that had most of it, in MB."""
    return max(httpd.memory(pid).peak for pid in httpd.children()) // 1024


@pytest.mark.alone
@on_each_version
@pytest.mark.parametrize("name", ["upper/flushes?10000", "many/a.txt"])
def test_o15_many_flushes_in_one_response(httpd: Httpd, version: str, shape: str, name: str) -> None:
    # mod_http2 takes 64 KB ahead of what the client has: with five bytes a piece that is every piece of this response,
    # each with 800 bytes of buckets. How many of them wait is chance, and none of ours.
    url = f"https://localhost:{httpd.port_of('NARROW_PORT')}/{shape}/{name}"

    def size() -> bytes:
        return httpd.curl(CURL[version], "-o", "/dev/null", "-w", "%{size_download}", url).stdout

    # What httpd itself keeps for a busy connection is there after the first times.
    size()
    size()
    before = peak(httpd)
    assert size() == b"50000"
    assert peak(httpd) - before < 3


@pytest.mark.alone
@on_each_version
def test_o16_o34_an_endless_filter_and_a_slow_client_that_leaves(httpd: Httpd, version: str, shape: str) -> None:
    ask(httpd, version, f"/{shape}/upper/a.txt")
    before, url = peak(httpd), httpd.url(f"/{shape}/endless/a.txt", tls=True)
    done = httpd.curl(CURL[version], "--limit-rate", "500k", "--max-time", "0.7", "-o", "/dev/null", url)
    assert done.returncode == 28
    httpd.wait_for_log(f"closed: {shape}_endless")
    assert peak(httpd) - before < 16


def test_o17_raised_before_the_headers(httpd: Httpd, get: Get, shape: str) -> None:
    httpd.expect("ValueError: on purpose", f"filter {shape}_raise_at_once .* failed")
    answer = get(f"/{shape}/raise_at_once/a.txt")
    assert (answer.status, answer.code) == (500, 0)
    assert answer.body.strip().endswith(b"</html>")


@on_each_version
@pytest.mark.parametrize("path", ["promised?l:6,d:one,f,b,d:two,e", "raise_later/flushes?3"])
def test_o18_o19_raised_after_the_headers(httpd: Httpd, version: str, shape: str, path: str) -> None:
    httpd.expect("ValueError: on purpose", rf"filter {shape}_\w+ .* failed")
    done = httpd.curl(CURL[version], "-w", "|%{response_code}", httpd.url(f"/{shape}/{path}", tls=True))
    if version == "1.1":
        assert done.stdout == (b"one|200" if "promised" in path else b"line\n|200")
        assert done.returncode in (18, 56)  # shorter than promised, or without its last chunk
    else:
        # A reset, which mod_http2 may send before what is on its way.
        assert done.stdout.partition(b"|")[0] in (b"", b"one", b"line\n")
        assert done.returncode == 92


@on_each_version
def test_o31_state_is_made_for_each_response(httpd: Httpd, version: str, shape: str) -> None:
    urls = [httpd.url(f"/{shape}/count/a.txt", tls=True)] * 3
    assert httpd.curl(CURL[version], *urls).stdout == b"a body1" * 3


def test_o35_who_steps_out_leaves_a_file_a_file(httpd: Httpd, get: Get, shape: str) -> None:
    httpd.write("large.txt", b"x" * 300_000)
    assert get(f"/{shape}/steps_out/large.txt").body == b"x" * 300_000
    assert passed(httpd)[0].startswith("FILE=300000")
