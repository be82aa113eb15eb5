"""Bodies behind input filters, as each reader of httpd gets them: the table of docs/filters.md."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

import pytest

import backends
import body_programs
import http1
from httpd import Httpd
from mod_python import _places

MPMS = ("event", "prefork")

# Modules that other packages bring, and what each is for here.
PACKAGES = {"wsgi": "libapache2-mod-wsgi-py3", "perl": "libapache2-mod-perl2"}
PRESENT = {name for name in PACKAGES if (_places.modules() / f"mod_{name}.so").exists()}
MODULES = (
    *("lua", "proxy_scgi", "proxy_uwsgi", "proxy_fcgi", "proxy_ajp", "proxy_http2", "dav", "dav_fs"),
    *("proxy_balancer", "lbmethod_byrequests", "slotmem_shm"),
    *sorted(PRESENT),
)

# Readers that are told a length, and those that need none.
BY_LENGTH = {
    "cgi": "ScriptAlias ${CGI_BIN}/env",
    "lua": "SetHandler lua-script\n LuaMapHandler ^/ ${HTDOCS}/reader.lua",
    "scgi": "ProxyPass scgi://127.0.0.1:${SCGI_PORT}/",
    "uwsgi": "ProxyPass uwsgi://127.0.0.1:${UWSGI_PORT}/",
    "fcgi": "ProxyPass fcgi://127.0.0.1:${FCGI_PORT}/",
    "fcgi-handler": 'SetHandler "proxy:fcgi://127.0.0.1:${FCGI_PORT}"',
    "balancer": "ProxyPass balancer://scgi/",
    "fpm": 'ProxyPass "unix:${STATE}/fpm.sock|fcgi://localhost${HTDOCS}/reader.php"',
    "fpm-handler": 'SetHandler "proxy:unix:${STATE}/fpm.sock|fcgi://localhost"',
    "wsgi": "",
    "python-cgi": "SetHandler mod_python\n PythonHandler body_readers::cgi",
    "python-wsgi": "SetHandler mod_python\n PythonHandler body_readers::wsgi",
    "perl": "SetHandler perl-script\n PerlResponseHandler Reader",
}
TO_THE_END = {
    "python": "SetHandler mod_python\n PythonHandler body_readers::report",
    "http": "ProxyPass http://127.0.0.1:${BACK_PORT}/report",
    "h2": "ProxyPass h2c://127.0.0.1:${BACK_PORT}/report",
    "ajp": "ProxyPass ajp://127.0.0.1:${AJP_PORT}/",
    "http-balancer": "ProxyPass balancer://http/report",
}
FILTERS = {
    "upper": "input_filters::upper",
    "unchanged": "input_filters::unchanged",
    "same": "input_filters::unchanged SAME change=no",
    "passes": "input_filters::disable_at_once",
    "half-passes": "input_filters::disable_after_one",
    "fails": "input_filters::raise_at_end",
    "refuses": "input_filters::refuse",
}
LIMITED = {"cgi", "scgi"}
CONF = (
    """
PythonOption status 403
Listen 127.0.0.1:${BACK_PORT}
<VirtualHost *:${BACK_PORT}>
    Protocols h2c http/1.1
    SetHandler mod_python
    PythonHandler body_readers::report
</VirtualHost>
<Proxy balancer://scgi>
    BalancerMember scgi://127.0.0.1:${SCGI_PORT}
</Proxy>
<Proxy balancer://http>
    BalancerMember http://127.0.0.1:${BACK_PORT}
</Proxy>
<IfModule wsgi_module>
    WSGISocketPrefix ${STATE}/wsgi
    WSGIRestrictEmbedded On
    WSGIDaemonProcess readers processes=1 threads=2
    WSGIProcessGroup readers
    WSGIScriptAliasMatch ^/[a-z-]+/wsgi ${HTDOCS}/reader.wsgi
</IfModule>
<Location /dav>
    Dav On
    SetInputFilter upper
</Location>
DavLockDB ${STATE}/locks
<Location /genuine>
    SetHandler mod_python
    PythonHandler body_readers::genuine
</Location>
<Location /pid>
    SetHandler mod_python
    PythonHandler child
</Location>
<Location /marked>
    SetHandler mod_python
    PythonHandler body_readers::marked
</Location>
<Location /action>
    SetInputFilter upper
    Action to-env /cgi-bin/env virtual
    SetHandler to-env
</Location>
<Location /filtered-action>
    SetInputFilter upper
    Action to-env /upper/cgi virtual
    SetHandler to-env
</Location>
<Location /slow>
    SetInputFilter upper
    ScriptAlias ${CGI_BIN}/env
</Location>
RequestReadTimeout body=1,MinRate=500
<Location /upper/digest>
    SetInputFilter upper
    ScriptAlias ${CGI_BIN}/digest
</Location>
<Location /refused>
    SetInputFilter upper
    ScriptAlias ${CGI_BIN}/env
    Require all denied
</Location>
<Location /off>
    SetInputFilter upper
    PythonInputSpool Off
    ProxyPass scgi://127.0.0.1:${SCGI_PORT}/
</Location>
"""
    + (f"<Perl>\n{body_programs.PERL}</Perl>\n" if "perl" in PRESENT else "")
    + "".join(f"PythonInputFilter {text if ' ' in text else f'{text} {name}'}\n" for name, text in FILTERS.items())
    + "".join(
        f"<Location /{name}/{reader}>\n SetInputFilter {'SAME' if name == 'same' else name}\n {text}\n"
        f" {'PythonInputSpool 1M' if reader in LIMITED else ''}\n</Location>\n"
        for name in FILTERS
        for reader, text in {**BY_LENGTH, **TO_THE_END}.items()
        if reader != "perl" or "perl" in PRESENT
    )
)
TAKEN_OVER = """
PythonInputFilter input_filters::upper upper
<Location /kept>
    SetInputFilter upper
    SetHandler lua-script
</Location>
<Location /taken>
    SetInputFilter upper
    SetHandler mod_python
    PythonHandler body_readers::leave_to_lua
</Location>
"""

BODY = b"one\ntwo\n" + bytes(range(256)) * 1000 + b"\nlast"
SMALL = b"a small body"


@pytest.fixture(scope="module", autouse=True)
def _servers(httpd: Httpd) -> Iterator[None]:
    httpd.cgi("env", body_programs.SCRIPT)
    httpd.cgi("digest", body_programs.DIGEST)
    httpd.handler("child.py", "import os\ndef handler(req): return req.write(str(os.getpid())) or 0\n")
    httpd.write("reader.lua", body_programs.LUA)
    httpd.write("reader.wsgi", body_programs.WSGI)
    httpd.write("reader.php", body_programs.PHP)
    for name in FILTERS:
        httpd.write(f"{name}/fpm-handler", body_programs.PHP)
    with contextlib.ExitStack() as stack:
        stack.enter_context(body_programs.php(httpd))
        for name in ("scgi", "uwsgi", "fcgi", "ajp"):
            stack.enter_context(backends.serve(httpd.port_of(f"{name.upper()}_PORT"), getattr(backends, name)))
        yield


def need(reader: str) -> None:
    """Skip a test of a reader whose package is not installed."""
    if reader in PACKAGES and reader not in PRESENT:
        pytest.skip(f"the package {PACKAGES[reader]} is not installed")
    if reader.startswith("fpm") and body_programs.fpm() is None:
        pytest.skip("the package php-fpm is not installed")


@pytest.mark.parametrize("reader", BY_LENGTH)
def test_i10_readers_that_need_a_length_get_it(httpd: Httpd, reader: str) -> None:
    need(reader)
    for body in (SMALL, BODY):
        for framed in (body, [body[:5], body[5:]]):
            answer = httpd.request("POST", f"/upper/{reader}", framed)
            assert answer.status == 200
            assert answer.body == b"length %d, coding none\n" % len(body) + body.upper()
        # As it was: the filter leaves it, or steps out before it has changed anything.
        for name in ("unchanged", "same", "passes"):
            answer = httpd.request("POST", f"/{name}/{reader}", body)
            assert answer.body == b"length %d, coding none\n" % len(body) + body, name
        answer = httpd.request("POST", f"/half-passes/{reader}", b"x" + body)
        assert answer.body == b"length %d, coding none\nX" % (len(body) + 1) + body


@pytest.mark.parametrize("reader", TO_THE_END)
def test_i10_readers_that_need_none_get_it_all(httpd: Httpd, reader: str) -> None:
    if (reader, httpd.mpm) == ("h2", "prefork"):
        pytest.skip("no server of HTTP/2 on prefork")
    for body in (SMALL, BODY):
        for framed in (body, [body[:5], body[5:]]):
            answer = httpd.request("POST", f"/upper/{reader}", framed)
            assert answer.status == 200
            said, _, got = answer.body.partition(b"\n")
            assert got == body.upper()
            assert said.startswith((b"length none", b"length %d," % len(body)))


def test_i10_webdav_stores_what_filters_made(httpd: Httpd) -> None:
    folder = httpd.htdocs / "dav"
    folder.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        shutil.chown(folder, "www-data", "www-data")
    for body in (SMALL, BODY):
        for framed in (body, [body[:5], body[5:]]):
            assert httpd.request("PUT", "/dav/file", framed).status in (201, 204)
            assert (folder / "file").read_bytes() == body.upper()


@pytest.mark.parametrize("reader", ["cgi", "scgi", "lua", "python"])
def test_i10_readers_get_it_over_http2(httpd: Httpd, reader: str) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("no HTTP/2 on prefork")
    for body in (SMALL, BODY):
        path = httpd.state / "upload"
        path.write_bytes(body)
        for framing in ([], ["-H", "Content-Length:"]):
            arguments = ["--http2", *framing, "--data-binary", f"@{path}", httpd.url(f"/upper/{reader}", tls=True)]
            _, _, got = httpd.curl(*arguments).stdout.partition(b"\n")
            assert got == body.upper()


def test_i10_another_handler_gets_the_body_as_it_was_sent(httpd: Httpd) -> None:
    for body in (SMALL, BODY):
        for framed in (body, [body[:5], body[5:]]):
            answer = httpd.request("POST", "/action", framed)
            assert answer.body == b"length %d, coding none\n" % len(body) + body
            answer = httpd.request("POST", "/filtered-action", framed)
            assert answer.body == b"length %d, coding none\n" % len(body) + body.upper()


def test_i10_a_handler_that_a_python_handler_names_gets_the_length(httpd: Httpd) -> None:
    # httpd asks modules in the order in which they are loaded.
    with Httpd(TAKEN_OVER, beside=__file__, mpm=httpd.mpm, modules=["lua"], python_first=True) as other:
        other.write("taken", body_programs.LUA)
        assert other.request("POST", "/taken", SMALL).body == b"length %d, coding none\n" % len(SMALL) + SMALL.upper()


def test_i10_off_leaves_readers_alone(httpd: Httpd) -> None:
    # mod_proxy_scgi refuses a body without a length.
    assert httpd.request("POST", "/off", SMALL).status == 411


@pytest.mark.parametrize("reader", BY_LENGTH)
def test_i13_what_a_filter_refuses_is_the_answer(httpd: Httpd, reader: str) -> None:
    need(reader)
    httpd.expect(r"\[python:error\].*ValueError: bad filter")
    httpd.allow(r"\[python:error\]")
    for body in (SMALL, BODY):
        assert httpd.request("POST", f"/refuses/{reader}", body).status == 403
        assert httpd.request("POST", f"/fails/{reader}", body).status == 500
    # Nobody takes a backend for broken.
    assert httpd.request("POST", f"/upper/{reader}", SMALL).status == 200


@pytest.mark.parametrize("reader", sorted(LIMITED))
def test_i11_a_body_beyond_the_limit_is_refused(httpd: Httpd, reader: str) -> None:
    fits, more = b"x" * (1 << 20), b"x" * ((1 << 20) + 1)
    assert httpd.request("POST", f"/upper/{reader}", fits).body.endswith(b"X" * 10)
    httpd.expect("cannot be kept for the handler .*longer than 1048576 bytes: PythonInputSpool sets another limit")
    for framed in (more, [more[:5], more[5:]]):
        assert httpd.request("POST", f"/upper/{reader}", framed).status == 413
    assert httpd.request("POST", f"/upper/{reader}", SMALL).status == 200


def test_i11_a_body_that_cannot_be_kept_is_a_500(httpd: Httpd) -> None:
    with Httpd(TAKEN_OVER, beside=__file__, mpm=httpd.mpm, modules=["lua"], env={"TMPDIR": "/no/folder"}) as other:
        other.write("kept", body_programs.LUA)
        assert other.request("POST", "/kept", SMALL).status == 200
        other.expect("cannot be kept for the handler lua-script, .* temporary file in /no/folder fails: No such file")
        assert other.request("POST", "/kept", BODY).status == 500


def test_i8_what_is_left_of_a_body_beyond_the_limit_is_no_request(httpd: Httpd) -> None:
    httpd.expect("longer than 1048576 bytes")
    evil = http1.get("/marked") * 40000
    for framed in (evil, [evil]):
        before = len(httpd.requests())
        with contextlib.suppress(ConnectionError):
            httpd.raw(http1.post("/upper/cgi", framed) + http1.get("/genuine", "Connection: close"))
        assert not any("/marked" in line for line in httpd.requests()[before:])


@pytest.mark.parametrize("reader", ["cgi", "scgi", "lua"])
def test_i8_behind_a_body_that_was_kept_comes_the_next_request(httpd: Httpd, reader: str) -> None:
    # Looks like a chunked body that ends early, if somebody takes it for one.
    evil = b"0\r\n\r\n" + http1.get("/marked") * 3000
    for framed in (evil, [evil], [evil[:3], evil[3:]]):
        before = len(httpd.requests())
        requests = http1.post(f"/upper/{reader}", framed) * 2 + http1.get("/genuine", "Connection: close")
        first, second, third = http1.responses(httpd.raw(requests))
        assert first.body == second.body == b"length %d, coding none\n" % len(evil) + evil.upper()
        assert third.body == b"genuine"
        assert not any("/marked" in line for line in httpd.requests()[before:])


def test_i9_who_is_refused_is_not_asked_for_the_body(httpd: Httpd) -> None:
    httpd.expect("AH01630: client denied")
    asks = http1.post("/refused", b"", "Expect: 100-continue", "Connection: close").replace(b"Length: 0", b"Length: 5")
    answer = httpd.raw(asks)
    assert answer.startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("reader", ["cgi", "scgi", "lua"])
def test_i9_who_gets_to_the_reader_is_asked_for_the_body(httpd: Httpd, reader: str) -> None:
    asks = http1.post(f"/upper/{reader}", b"", "Expect: 100-continue", "Connection: close")
    with httpd.connect() as connection:
        connection.sendall(asks.replace(b"Length: 0", b"Length: 5"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"hello")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert http1.responses(answer)[0].text == "length 5, coding none\nHELLO"


def test_i15_mod_reqtimeout_goes_on_counting(httpd: Httpd) -> None:
    request = http1.post("/slow", b"", "Connection: close").replace(b"Length: 0", b"Length: 5")
    with httpd.connect() as connection:
        connection.sendall(request + b"hell")
        begin = time.monotonic()
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - begin < 5


def open_files(pid: int) -> set[str]:
    """The files that a process has open, by what /proc calls them."""
    return {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}


def test_i7_a_kept_body_takes_little_memory_and_no_room_afterwards(httpd: Httpd) -> None:
    if httpd.mpm != "event":
        pytest.skip("one child to look at")
    body = bytes(range(256)) * (32 << 12)
    httpd.request("POST", "/upper/digest", body[: 1 << 20])
    child = int(httpd.get("/pid").text)
    before, files = httpd.memory(child).peak, open_files(child)
    answer = httpd.request("POST", "/upper/digest", [body])
    assert answer.text == f"{len(body)} {md5(body.upper()).hexdigest()}\n"
    assert httpd.memory(child).peak - before < 8 << 10
    assert not [name for name in open_files(child) - files if name.endswith("(deleted)")]
