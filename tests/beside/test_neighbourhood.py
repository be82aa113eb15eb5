"""One httpd with php-fpm, mod_perl, mod_wsgi's daemon, ModSecurity and its rules, WebDAV, a cache, and our handlers."""

import itertools
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import neighbours
from httpd import Httpd, Response

LOAD = neighbours.load("wsgi", "perl", "security2")
neighbours.need(neighbours.RULES, "modsecurity-crs")
FPM = neighbours.fpm()
RESTARTS = 20
MPMS = ("event",)

# The rules count up an attack when its request is logged, which may be in the time of the next test.
# Debian's testing has a later PCRE than the one that ModSecurity was compiled with.
ALLOW_LOG = (r"\[security2:error\].*\[id \"980130\"\]", r"\[security2:warn\].*Loaded PCRE do not match")
CONF = f"""
{LOAD}
<IfModule security2_module>
    SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess On
    SecResponseBodyMimeType text/plain text/html
    SecRequestBodyLimit 20000000
    SecRequestBodyNoFilesLimit 20000000
    SecAuditEngine Off
    SecTmpDir ${{STATE}}
    SecDataDir ${{STATE}}
    SecDefaultAction "phase:1,nolog,pass"
    SecDefaultAction "phase:2,nolog,pass"
    SecAction "id:900990,phase:1,nolog,pass,t:none,setvar:tx.crs_setup_version=330"
    SecAction "id:900200,phase:1,nolog,pass,t:none,\\
        setvar:'tx.allowed_methods=GET HEAD POST OPTIONS PUT DELETE PROPFIND'"
    SecRule REMOTE_ADDR "@unconditionalMatch" "id:900991,phase:1,nolog,pass,ctl:ruleRemoveById=920350"
    Include {neighbours.RULES}/rules/*.conf
</IfModule>

PythonOutputFilter next_door::upper UPPER
PythonOutputFilter next_door::stream STREAM
PythonInputFilter next_door::lower LOWER
PythonPostReadRequestHandler next_door::count

<Location "/php">
    SetHandler "proxy:unix:${{STATE}}/fpm.sock|fcgi://localhost"
    PythonFixupHandler next_door
    SetInputFilter LOWER
    SetOutputFilter UPPER
</Location>

PerlModule Apache2::RequestIO
PerlRequire "${{HANDLERS}}/next_door.pl"
<Location "/perl">
    SetHandler perl-script
    PerlResponseHandler NextDoor
    PythonFixupHandler next_door
    SetInputFilter LOWER
    SetOutputFilter UPPER
</Location>

WSGIRestrictEmbedded On
WSGISocketPrefix run/wsgi
WSGIDaemonProcess apps processes=1 threads=8
WSGIScriptAlias /wsgi "${{HANDLERS}}/next_door.wsgi" process-group=apps application-group=%{{GLOBAL}}
<Directory "${{HANDLERS}}">
    Require all granted
</Directory>
<Location "/wsgi">
    PythonFixupHandler next_door
    SetInputFilter LOWER
    SetOutputFilter UPPER
</Location>

DavLockDB "${{STATE}}/locks"
Alias /dav "${{STATE}}/dav"
<Directory "${{STATE}}/dav">
    Require all granted
</Directory>
<Location "/dav">
    Dav On
    PythonAccessHandler next_door
    SetInputFilter LOWER
    SetOutputFilter UPPER
</Location>

CacheRoot "${{STATE}}/cache"
CacheEnable disk /cached
<Location "/cached">
    SetHandler mod_python
    PythonHandler next_door::cached
</Location>

<Location "/python">
    SetHandler mod_python
    PythonHandler next_door
    SetInputFilter LOWER
    SetOutputFilter STREAM
</Location>
<Location "/python/sub">
    PythonInterpreter sub
</Location>

Listen 127.0.0.1:${{ECHO_PORT}}
<VirtualHost *:${{ECHO_PORT}}>
    PythonConnectionHandler next_door::echo
</VirtualHost>
"""
BODY = "field=" + "AbCd" * 5000
HEADERS = {
    "User-Agent": "tests",
    "Accept": "*/*",
    "Content-Type": "application/x-www-form-urlencoded",
}


class Page(NamedTuple):
    """A request, and the text of its answer."""

    method: str
    path: str
    text: str


PAGES = (
    Page("GET", "/php/page.php", "PHP READ 0\n"),
    Page("POST", "/php/page.php", f"PHP READ {len(BODY)}\n"),
    Page("GET", "/perl", "PERL READ 0 OF \n"),
    Page("POST", "/perl", f"PERL READ {len(BODY)} OF FIELD=ABCD\n"),
    Page("GET", "/wsgi", "WSGI READ 0 OF \n"),
    Page("POST", "/wsgi", f"WSGI READ {len(BODY)} OF FIELD=ABCD\n"),
    Page("GET", "/dav/file.txt", "IN A FILE\n"),
    Page("GET", "/python", "python read 0 of \n."),
    Page("POST", "/python", f"python read {len(BODY)} of field=abcd\n."),
    Page("POST", "/python/sub", f"sub read {len(BODY)} of field=abcd\n."),
)
PHP = '<?php echo "php read ", strlen(file_get_contents("php://input")), "\\n";'


@pytest.fixture(scope="module")
def httpd(request: pytest.FixtureRequest) -> Iterator[Httpd]:
    """The server with all of them, and php-fpm."""
    httpd = Httpd(
        CONF,
        beside=__file__,
        mpm=request.param,
        modules=["dav", "dav_fs", "cache", "cache_disk", "proxy_fcgi", "unique_id"],
        allow=ALLOW_LOG,
    )
    state = Path(httpd.variables["STATE"])
    for name in ("dav", "cache"):
        (state / name).mkdir()
        (state / name).chmod(0o777)
    (state / "dav/file.txt").write_text("in a file\n")
    httpd.write("php/page.php", PHP)
    is_root = os.geteuid() == 0
    (state / "fpm.conf").write_text(
        f"[global]\ndaemonize = no\nerror_log = {state}/fpm.log\n[www]\nlisten = {state}/fpm.sock\n"
        + ("user = www-data\ngroup = www-data\nlisten.owner = www-data\n" if is_root else "")
        + "pm = static\npm.max_children = 4\n"
    )
    fpm = subprocess.Popen([FPM, "-F", "-n", "-y", state / "fpm.conf"], stderr=subprocess.DEVNULL)
    try:
        while not (state / "fpm.sock").exists():
            assert fpm.poll() is None, (state / "fpm.log").read_text()
            time.sleep(0.02)
        with httpd:
            yield httpd
    finally:
        fpm.terminate()
        fpm.wait()


def test_a_connection_that_waits_without_a_thread(httpd: Httpd) -> None:
    assert httpd.raw(b"one\ntwo\n", port=httpd.port_of("ECHO_PORT"), half_close=True) == b"ONE\nTWO\n"


def ask(httpd: Httpd, page: Page) -> Response:
    return httpd.request(page.method, page.path, BODY.encode() if page.method == "POST" else None, HEADERS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.method} {page.path}")
def test_pages_and_uploads(httpd: Httpd, page: Page) -> None:
    answer = ask(httpd, page)
    assert (answer.status, answer.text) == (200, page.text)


def test_webdav_behind_our_handlers_and_filters(httpd: Httpd) -> None:
    assert httpd.request("PUT", "/dav/new.txt", BODY.encode(), HEADERS).status == 201
    assert httpd.request("GET", "/dav/new.txt", None, HEADERS).text == BODY.upper()
    assert (Path(httpd.variables["STATE"]) / "dav/new.txt").read_text() == BODY.lower()
    answer = httpd.request("PROPFIND", "/dav/", None, {**HEADERS, "Depth": "1", "Content-Type": "text/xml"})
    assert answer.status == 207 and "NEW.TXT" in answer.text
    assert httpd.request("DELETE", "/dav/new.txt", None, HEADERS).status == 204


def test_a_page_of_ours_in_the_cache(httpd: Httpd) -> None:
    texts = {httpd.request("GET", "/cached/page", None, HEADERS).text for _ in range(5)}
    assert len(texts) == 1


@pytest.mark.parametrize("path", ["/python", "/perl", "/wsgi", "/php/page.php", "/cached/page"])
def test_attacks_are_refused_before_our_handlers(httpd: Httpd, path: str) -> None:
    httpd.allow("ModSecurity: (Warning|Access denied)")
    # The second line comes behind the response, when ModSecurity sums up.
    httpd.expect("ModSecurity: Access denied with code 403", "ModSecurity: Warning.*Inbound Anomaly Score Exceeded")
    answer = httpd.request("GET", f"{path}?q=<script>alert(1)</script>", None, HEADERS)
    assert answer.status == 403


def test_graceful_restarts_under_load(httpd: Httpd) -> None:
    """Each of the restarts happens while all kinds of pages are asked for, and each answer is right.

    mod_wsgi ends its daemon at once at a restart, also without mod_python: an error, until the next one is there. So is
    the lock of ModSecurity's audit log (2.9.11) gone for children of before.
    """
    httpd.allow(r"\[wsgi:error\].*(Unable to connect to WSGI daemon process|Truncated or oversized response headers)")
    httpd.allow(r"\[security2:error\].*Failed to lock global mutex")
    wrong: list[object] = []
    answered = itertools.count()
    is_over = threading.Event()

    def load(pages: list[Page]) -> None:
        for page in itertools.cycle(pages):
            if is_over.is_set():
                return
            try:
                answer = ask(httpd, page)
            except OSError as error:
                wrong.append((page, error))
                continue
            next(answered)
            is_restarted = page.path == "/wsgi" and answer.status in (500, 503)
            if (answer.status, answer.text) != (200, page.text) and not is_restarted:
                wrong.append((page, answer.status, answer.text[:200]))

    slow = [page for page in PAGES if page.path == "/wsgi"]  # while its daemon starts
    quick = [page for page in PAGES if page not in slow]
    threads = [threading.Thread(target=load, args=(pages,)) for pages in (quick, quick[::-1], slow)]
    for thread in threads:
        thread.start()
    for _ in range(RESTARTS):
        httpd.graceful()
        time.sleep(0.1)
    is_over.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert next(answered) > RESTARTS
