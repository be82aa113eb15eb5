"""Programs that read the body of a request by the length that they are told, for each of httpd's ways to run one.

They answer as the servers of `backends` do: "length N, coding C", and the body.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from httpd import Httpd

SCRIPT = """#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
echo "length ${CONTENT_LENGTH-none}, coding ${HTTP_TRANSFER_ENCODING-none}"
body=$(mktemp); head -c "${CONTENT_LENGTH-0}" > "$body"; cat "$body"; rm "$body"
"""
DIGEST = """#!/bin/sh
printf 'Content-Type: text/plain\\n\\n'
echo "$CONTENT_LENGTH $(head -c "$CONTENT_LENGTH" | md5sum | cut -d' ' -f1)"
"""
LUA = """
function handle(r)
    local length = r.headers_in["Content-Length"] or "none"
    local coding = r.headers_in["Transfer-Encoding"] or "none"
    local body = r:requestbody()
    r.content_type = "text/plain"
    r:write("length " .. length .. ", coding " .. coding .. "\\n" .. (body or ""))
    return apache2.OK
end
"""
WSGI = """
def application(environ, start_response):
    length = environ.get("CONTENT_LENGTH")
    body = environ["wsgi.input"].read(int(length or 0))
    start_response("200 OK", [("Content-Type", "text/plain")])
    coding = environ.get("HTTP_TRANSFER_ENCODING", "none")
    return [f"length {length or 'none'}, coding {coding}\\n".encode() + body]
"""
PHP = """<?php
header("Content-Type: text/plain");
$length = $_SERVER["CONTENT_LENGTH"] ?? "";
echo "length " . ($length === "" ? "none" : $length);
echo ", coding " . ($_SERVER["HTTP_TRANSFER_ENCODING"] ?? "none") . "\\n" . file_get_contents("php://input");
"""
FPM = """
[global]
error_log = {log}
[www]
listen = {socket}
listen.mode = 0666
pm = static
pm.max_children = 2
security.limit_extensions =
"""
PERL = r"""
package Reader;
use Apache2::RequestRec ();
use Apache2::RequestIO ();
use Apache2::Const -compile => 'OK';
use APR::Table ();
sub handler {
    my $r = shift;
    my ($length, $coding) = map { $r->headers_in->{$_} // 'none' } 'Content-Length', 'Transfer-Encoding';
    my $body = '';
    if ($length ne 'none') { my $got = 0; while ($got < $length) {
        my $n = $r->read($body, $length - $got, $got); last unless $n; $got += $n; } }
    $r->content_type('text/plain');
    $r->print("length $length, coding $coding\n$body");
    return Apache2::Const::OK;
}
1;
"""


def fpm() -> Path | None:
    """The program of php-fpm, whose name has its version."""
    return next(iter(sorted(Path("/usr/sbin").glob("php-fpm*"))), None)


@contextlib.contextmanager
def php(httpd: Httpd) -> Iterator[None]:
    """Run php-fpm on a socket in the server's folder, where it is installed."""
    program = fpm()
    if program is None:
        yield
        return
    socket, settings = httpd.state / "fpm.sock", httpd.folder / "fpm.conf"
    user = "user = www-data\ngroup = www-data\n" if os.geteuid() == 0 else ""
    settings.write_text(FPM.format(log=httpd.folder / "logs/fpm.log", socket=socket) + user)
    process = subprocess.Popen([program, "-F", "-n", "-y", settings], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not socket.exists():
            assert time.monotonic() < deadline, "php-fpm does not start"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()
