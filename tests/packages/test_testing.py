"""mod_python.testing: what it tells authors of filters, with the module's own engine and without httpd."""

import gzip
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar

import pytest

from mod_python import testing
from mod_python.pytest_plugin import Boot
from server import PROJECT

# isort: split
from mod_python import apache

BODY = b"one\ntwo\nthree"
CONF = """
PythonOutputFilter booted BANNER
SetOutputFilter BANNER
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own, as one does who has installed the package."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=PROJECT / "python", capture_output=True, text=True, check=False)


def plain(filter: apache.Filter) -> None:
    while chunk := filter.read():
        filter.write(chunk.upper())


async def streaming(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk.upper()


async def tail(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        yield chunk
    yield b"tail"


@pytest.mark.parametrize("function", [plain, streaming])
@pytest.mark.parametrize("input", [False, True])
def test_what_comes_out(function: Callable[[apache.Filter], object], input: bool) -> None:
    result = testing.run(function, BODY, cuts="all", input=input)
    assert (result.body, result.status, result.error, result.complete) == (BODY.upper(), 200, None, True)
    assert result.headers["Content-Length"] is None
    assert result.log == ()


def test_a_filter_that_looks_at_chunks_for_themselves_is_found_out() -> None:
    async def naive(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
        async for chunk in filter:
            yield chunk.replace(b"two", b"2")

    def first_letter(filter: apache.Filter) -> None:
        while chunk := filter.read():
            filter.write(chunk.capitalize())

    for function in (naive, first_letter):
        with pytest.raises(testing.CutsDifferError, match="body differs if the body is cut as"):
            testing.run(function, BODY, cuts="all")
        with pytest.raises(testing.CutsDifferError, match="read as"):
            testing.run(function, BODY, cuts="all", input=True)


def test_what_was_held_does_not_go_out_as_it_is_when_the_body_breaks_off() -> None:
    async def hides(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
        yield (await filter.body()).replace(b"secret", b"...")

    assert testing.run(hides, b"a secret", cuts="all").body == b"a ..."


def test_headers_of_a_response() -> None:
    headers = {"Content-Length": "13", "ETag": '"abc"', "Content-MD5": "x", "X-Other": "y"}
    result = testing.run(tail, BODY, headers=headers)
    assert result.headers["ETag"] == 'W/"abc"'
    assert (result.headers["Content-MD5"], result.headers["X-Other"]) == (None, "y")
    assert result.headers["Content-Type"] == "text/html"
    assert testing.run(tail, b"", headers=headers, method="HEAD").headers.items() == result.headers.items()


@pytest.mark.parametrize("kind", ["resource", "content_set", "protocol", "transcode"])
def test_no_kind_of_filter_leaves_a_length_that_is_wrong(kind: str) -> None:
    code = f"""
from mod_python import testing
async def tail(filter):
    async for chunk in filter: yield chunk
    yield b"!"
for headers in [{{}}, {{"Content-Length": "3", "ETag": '"x"'}}]:
    result = testing.run(tail, b"abc", headers=headers, keys="kind={kind}")
    assert (result.body, result.headers["Content-Length"]) == (b"abc!", None), result
"""
    assert python(code).stderr == ""


def test_a_filter_may_end_a_slow_body_early() -> None:
    def closes(filter: apache.Filter) -> None:
        filter.read()
        filter.write(b"all")
        filter.close()

    assert testing.run(closes, cuts=[[b"a", testing.SLOW, b"b"]]).body == b"all"


def test_coded_bodies_and_other_types() -> None:
    assert testing.run(tail, BODY, encoding="gzip").body == BODY
    assert "steps aside" in testing.run(tail, BODY, encoding="gzip").log[0]
    assert testing.run(tail, BODY, encoding="gzip", keys="encoding=any").body == BODY + b"tail"
    coded = gzip.compress(BODY)
    result = testing.run(tail, coded, encoding="gzip", keys="encoding=decode", cuts="all")
    assert (result.body, result.headers.get("Content-Encoding")) == (BODY + b"tail", None)
    assert testing.run(tail, coded, encoding="br", keys="encoding=decode").body == coded
    headers = {"Content-Encoding": "gzip"}
    assert testing.run(tail, coded, input=True, headers=headers, keys="encoding=decode").body == BODY + b"tail"
    assert testing.run(tail, BODY, content_type="image/png", keys="types=text/*").body == BODY


def test_options_and_the_request() -> None:
    async def about(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
        filter.req.headers_out["X-Test"] = filter.req.get_options()["a key"]
        yield f"{filter.req.method} {filter.name}".encode()

    result = testing.run(about, BODY, options={"a key": 'a "new" \\ value'}, method="POST")
    assert (result.body, result.headers["X-Test"]) == (b"POST TESTED", 'a "new" \\ value')


def test_wrong_keys_are_told_as_httpd_tells_them() -> None:
    with pytest.raises(ValueError, match="held=x: write a number of bytes"):
        testing.run(tail, BODY, keys="held=x")


def test_exceptions() -> None:
    async def fails(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
        async for chunk in filter:
            yield chunk
            raise KeyError("late")

    first = testing.run(fails, BODY)
    assert (first.status, first.error, first.complete) == (500, 500, False)
    assert first.log[0].startswith("error: filter TESTED")
    assert "KeyError: 'late'" in first.log[0]
    later = testing.run(fails, cuts=[[b"one", testing.FLUSH, b"two"]])
    assert (later.status, later.error, later.complete) == (500, 500, False)
    whole = testing.run(fails, cuts=[[b"x" * 100_000]])
    assert (whole.status, whole.error, len(whole.body)) == (200, 502, 65536)
    assert testing.run(fails, BODY, keys="on_error=pass", cuts="all", input=True).error == 500


def test_contextvars_are_those_of_one_run() -> None:
    name = ContextVar("name", default="nobody")

    async def sets(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
        before = name.get()
        name.set("filter")
        async for _ in filter:
            yield f"{before} {name.get()} ".encode()

    name.set("test")
    for _ in range(3):
        assert testing.run(sets, cuts=[[b"1", testing.FLUSH, b"2"]]).body == b"nobody filter " * 2
        assert name.get() == "test"


def test_refusals_of_an_input_filter() -> None:
    def refuse(filter: apache.Filter) -> None:
        raise apache.SERVER_RETURN(apache.HTTP_REQUEST_ENTITY_TOO_LARGE)

    assert testing.run(refuse, BODY, input=True, cuts="all").error == 413


def test_flushes_and_slow_bodies() -> None:
    result = testing.run(streaming, cuts=[[b"one", testing.FLUSH, b"two", testing.BRIGADE, testing.SLOW, b"three"]])
    # The slow piece is waited for, once what there is has gone on.
    assert (result.body, result.flushes) == (b"ONETWOTHREE", (3, 6))


@pytest.mark.parametrize("way", ["8192", "line", "8192?"])
@pytest.mark.parametrize("begin", [[], [b"abc"]])
def test_a_body_that_breaks_off_behind_metadata_alone_ends(way: str, begin: list[bytes]) -> None:
    code = f"""
import faulthandler
faulthandler.dump_traceback_later(20, exit=True)
from mod_python.testing import BRIGADE, FLUSH, FOREIGN
from mod_python.testing.bench import Bench, Setting
async def peeks(filter):
    await filter.peek(5)
    async for chunk in filter: yield chunk
setting = Setting(
    input=True, headers={{}}, content_type="text/plain", encoding=None, options={{}}, keys="", method="POST"
)
with Bench(peeks, setting) as bench:
    bench.read([*{begin!r}, FLUSH, BRIGADE, FOREIGN], [{way!r}], error=70007)
    result = bench.result()
    assert (result.error, result.complete) == (408, False), result
"""
    assert python(code).returncode == 0


def test_on_other_threads_and_inside_of_event_loops() -> None:
    bodies: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: bodies.append(testing.run(streaming, BODY, cuts="all").body)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [BODY.upper()] * 4


def test_what_it_cannot_do_it_says_by_name() -> None:
    code = "from mod_python import testing; import ctypes; ctypes.CDLL(None).ap_construct_url()"
    done = python(code)
    assert done.returncode == -signal.SIGABRT
    assert "mod_python.testing has no ap_construct_url()" in done.stderr


def test_without_it_apache_says_what_is_missing() -> None:
    code = "from mod_python import apache"
    done = python(code)
    assert (
        "ImportError: mod_python.apache exists within httpd; outside, write `from mod_python import testing`"
        in done.stderr
    )


def test_an_httpd_for_a_test(boot_httpd: Boot, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("handlers")
    (folder / "booted.py").write_text("async def outputfilter(filter):\n async for c in filter: yield c\n yield b'!'\n")
    server = boot_httpd(CONF, handlers=folder)
    server.write("a.html", "<p>Hello</p>")
    with urllib.request.urlopen(server.url("/a.html")) as response:
        assert response.read() == b"<p>Hello</p>!"
    assert "Traceback" not in server.log()
