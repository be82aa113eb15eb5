"""Bodies that input filters change, as CGI scripts, proxies and Python handlers read them."""

import gzip
import json
import zlib
from collections.abc import Iterator
from hashlib import md5

import pytest

import http1
from httpd import Httpd

FILTERS = (
    *("unchanged", "upper", "half", "double", "tail", "brackets", "one_read", "by_lines", "absorb", "greedy", "bomb"),
    *("close_at_once", "close_after_line", "disable_at_once", "reads_nothing"),
)
MPMS = ("event", "prefork")
READERS = {
    "python": "SetHandler mod_python\n PythonHandler body_readers::echo",
    "digest": "SetHandler mod_python\n PythonHandler body_readers::digest",
    "lengths": "SetHandler mod_python\n PythonHandler body_readers::lengths",
    "script": "ScriptAlias ${CGI_BIN}/body",
    "env": "ScriptAlias ${CGI_BIN}/env",
    "proxy": "ProxyPass http://127.0.0.1:${BACK_PORT}/echo",
    "proxy-lengths": "ProxyPass http://127.0.0.1:${BACK_PORT}/lengths",
    "proxy-digest": "ProxyPass http://127.0.0.1:${BACK_PORT}/digest",
}
CONF = (
    """
Listen 127.0.0.1:${BACK_PORT}
<VirtualHost *:${BACK_PORT}>
    SetHandler mod_python
    <Location /echo>
        PythonHandler body_readers::echo
    </Location>
    <Location /lengths>
        PythonHandler body_readers::lengths
    </Location>
    <Location /digest>
        PythonHandler body_readers::digest
    </Location>
</VirtualHost>
"""
    + "".join(f"PythonInputFilter input_filters::{name} {name}\n" for name in FILTERS)
    + "".join(
        f"<Location /{name}/{reader}>\n SetInputFilter {name}\n {handler}\n</Location>\n"
        for name in FILTERS
        for reader, handler in READERS.items()
    )
    # As for output, the filter that is named first stands nearest to the handler: it sees the body last.
    + "".join(
        f"<Location /{path}>\n SetInputFilter {filters}\n {READERS['python']}\n</Location>\n"
        for path, filters in {
            "two": "upper;brackets",
            "two-other-way": "brackets;double",
            "twice": "tail;tail",
            "inflate": "upper;DEFLATE",
            "none-then-upper": "disable_at_once;reads_nothing;upper",
            "ends-then-tail": "tail;close_after_line",
            "tail-then-ends": "close_after_line;tail",
        }.items()
    )
    + """
<Location /action>
    SetInputFilter upper
    Action to-env /action-env virtual
    SetHandler to-env
</Location>
<Location /action-env>
    ScriptAlias ${CGI_BIN}/env
</Location>
"""
)

BODY = b"one\ntwo\n" + bytes(range(256)) * 100 + b"\nlast"
CHANGES = {
    "unchanged": BODY,
    "upper": BODY.upper(),
    "tail": BODY + b"<tail>",
    "brackets": b"[" + BODY + b"]",
    "one_read": BODY.upper(),
    "greedy": BODY.upper(),
    "absorb": b"%d %d\n" % (len(BODY), zlib.crc32(BODY)),
    "close_at_once": b"",
    "close_after_line": b"one\n",
    "disable_at_once": BODY,
    "reads_nothing": BODY,
}


# httpd hands a script the whole body before it reads the answer: one that answers meanwhile may wait for ever.
REPEAT = 'body=$(mktemp); cat > "$body"; cat "$body"; rm "$body"\n'


@pytest.fixture(scope="module", autouse=True)
def _scripts(httpd: Httpd) -> None:
    httpd.cgi("body", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; " + REPEAT)
    httpd.cgi(
        "env",
        "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n"
        'echo "length ${CONTENT_LENGTH-none}, coding ${HTTP_TRANSFER_ENCODING-none}"\n' + REPEAT,
    )


@pytest.mark.parametrize("reader", ["python", "script", "proxy"])
def test_i10_readers_get_what_filters_made(httpd: Httpd, reader: str) -> None:
    for name, expected in CHANGES.items():
        for body in (BODY, [BODY[:4], BODY[4:20000], BODY[20000:]]):
            answer = httpd.request("POST", f"/{name}/{reader}", body)
            assert (answer.status, answer.body) == (200, expected), name


@pytest.mark.parametrize("reader", ["python", "script", "proxy"])
def test_i10_w49_shrinking_and_growing(httpd: Httpd, reader: str) -> None:
    # These depend on how the body comes in pieces, but not in length.
    assert len(httpd.request("POST", f"/double/{reader}", BODY).body) == 2 * len(BODY)
    assert abs(len(httpd.request("POST", f"/half/{reader}", BODY).body) - len(BODY) // 2) < 20
    assert len(httpd.request("POST", f"/bomb/{reader}", b"1234").body) == 4000
    lines = httpd.request("POST", f"/by_lines/{reader}", b"a\nb\n").body
    assert lines == b">a\n>b\n"


def test_i10_a_script_sees_the_length_of_what_it_gets(httpd: Httpd) -> None:
    for body in (b"abc", [b"abc"], [b"ab", b"c"]):
        assert httpd.request("POST", "/upper/env", body).text == "length 3, coding none\nABC"
        assert httpd.request("POST", "/double/env", body).text.startswith("length 6, coding none\n")


def test_i10_a_script_that_gets_all_of_a_redirected_post_sees_its_length(httpd: Httpd) -> None:
    assert httpd.request("POST", "/action", b"abc").text == "length 3, coding none\nabc"


def test_i10_handlers_see_no_stale_length(httpd: Httpd) -> None:
    seen = json.loads(httpd.request("POST", "/double/lengths", b"abc").text)
    assert seen == {"Content-Length": None, "Transfer-Encoding": "chunked", "read": 6}
    behind = json.loads(httpd.request("POST", "/double/proxy-lengths", b"abc").text)
    assert behind["read"] == 6
    assert behind["Content-Length"] in (None, "6")


def test_o3_two_python_filters_in_a_chain(httpd: Httpd) -> None:
    for body in (b"a\nb", [b"a\n", b"b"]):
        assert httpd.request("POST", "/two", body).text == "[A\nB]"
        assert httpd.request("POST", "/twice", body).text == "a\nb<tail><tail>"
        assert httpd.request("POST", "/none-then-upper", body).text == "A\nB"
        assert httpd.request("POST", "/ends-then-tail", body).text == "a\n<tail>"
    assert len(httpd.request("POST", "/two-other-way", b"abc").text) == 8
    assert httpd.request("POST", "/tail-then-ends", b"a\nb").text == "a\n"


def test_inflating_below(httpd: Httpd) -> None:
    plain = b"".join(b"%x hello\n" % (number * number) for number in range(20000))
    gzipped = gzip.compress(plain)
    coded = {"Content-Encoding": "gzip"}
    for body in (gzipped, [gzipped[at : at + 1] for at in range(len(gzipped))]):
        answer = httpd.request("POST", "/inflate", body, coded)
        assert answer.body == plain.upper()


def test_i7_inflating_a_slow_body_below(httpd: Httpd) -> None:
    # Its header alone makes mod_deflate answer a read that waits with nothing.
    gzipped = gzip.compress(b"hello")
    request = http1.post("/inflate", gzipped, "Content-Encoding: gzip", "Connection: close").removesuffix(gzipped)
    with httpd.connect() as connection:
        body = [gzipped[:3], gzipped[3:10], gzipped[10:11], gzipped[11:12], gzipped[12:]]
        assert http1.responses(http1.drip(connection, request, body, 0.05))[0].body == b"HELLO"


def pieces(size: int) -> Iterator[bytes]:
    """Yield a long body, 64 KiB at a time."""
    piece = bytes(range(256)) * 256
    for _ in range(size // len(piece)):
        yield piece


@pytest.mark.parametrize("reader", ["digest", "proxy-digest"])
@pytest.mark.parametrize("name", ["unchanged", "upper", "absorb", "one_read"])
def test_i7_a_long_body_takes_little_memory(httpd: Httpd, name: str, reader: str) -> None:
    if httpd.mpm != "event":
        pytest.skip("one child to look at")
    size = (1 if name == "one_read" else 64) << 20
    whole = b"".join(pieces(size))
    httpd.request("POST", f"/{name}/{reader}", whole[: 1 << 20])
    (child,) = httpd.children()
    before = httpd.memory(child).peak
    answer = httpd.request("POST", f"/{name}/{reader}", whole).text
    assert httpd.memory(child).peak - before < 8 << 10
    if name == "absorb":
        assert answer.startswith(f"{len(str(size)) + 1 + len(str(zlib.crc32(whole))) + 1} ")
    else:
        whole = whole if name == "unchanged" else whole.upper()
        assert answer == f"{size} {md5(whole).hexdigest()}"


def test_i7_what_a_filter_makes_of_little_takes_little_memory_each_time(httpd: Httpd) -> None:
    if httpd.mpm != "event":
        pytest.skip("one child to look at")
    (child,) = httpd.children()
    httpd.request("POST", "/bomb/digest", b"x" * 1000)
    before = httpd.memory(child).peak
    assert httpd.request("POST", "/bomb/digest", b"x" * 30000).text.startswith("30000000 ")
    # 64 KiB at a time come from below, and it makes 64 MB of them: held by whoever wrote it.
    assert httpd.memory(child).peak - before < 80 << 10
