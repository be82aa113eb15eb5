"""What a hardened service allows is enough: docs/security.md has the drop-in for systemd that is tried here.

systemd does not run where tests run, so each restriction is set by the system call that systemd uses for it.
"""

import os
import re
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from httpd import Httpd
from mod_python import _httpd_session

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can set these restrictions")
CONF = """
<Location "/main">
    SetHandler mod_python
    PythonHandler hardened
</Location>
<Location "/other">
    SetHandler mod_python
    PythonInterpreter other
    PythonHandler hardened
</Location>
<Location "/filtered">
    PythonOutputFilter hardened::through_aio AIO
    SetOutputFilter AIO
</Location>
Listen 127.0.0.1:${ECHO_PORT}
<VirtualHost *:${ECHO_PORT}>
    PythonConnectionHandler hardened::echo
</VirtualHost>
"""
HANDLERS = """
import asyncio, hashlib, json, socket, sqlite3, ssl, zlib
from mod_python import apache

def handler(req):
    found = sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()
    req.write(json.dumps(found))
    return apache.OK

async def through_aio(filter):
    async for chunk in filter:
        yield chunk + await apache.aio(asyncio.sleep(0.01, b"slept"))

async def echo(conn):
    while line := await conn.readline():
        await conn.write(line)
    return apache.OK
"""
# PR_SET_MDWE (65) of prctl(2), as MemoryDenyWriteExecute= has it since Linux 6.3, and PR_SET_NO_NEW_PRIVS (38).
NO_WRITABLE_CODE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(65, 1, 0, 0, 0) or libc.prctl(38, 1, 0, 0, 0):
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
"""
# ProtectSystem=strict with ReadWritePaths= for the server's folder, and PrivateDevices=.
READ_ONLY = """
set -e
mount --make-rprivate / && mount --bind /tmp /tmp && mount -o remount,bind,ro /
mount -t tmpfs tmpfs /dev
mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/zero c 1 5; mknod -m 666 /dev/full c 1 7
mknod -m 666 /dev/random c 1 8; mknod -m 666 /dev/urandom c 1 9; mknod -m 666 /dev/tty c 5 0
mkdir -m 1777 /dev/shm
exec "$@"
"""


def use(httpd: Httpd) -> None:
    """Call handlers in two interpreters, a filter with apache.aio, and a parked connection."""
    httpd.handler("hardened.py", HANDLERS)
    httpd.write("filtered/a.txt", "a ")
    assert httpd.get("/main").text == httpd.get("/other").text == "[42]"
    assert httpd.get("/filtered/a.txt").text == "a slept"
    with closing(httpd.connect(httpd.port_of("ECHO_PORT"))) as connection:
        for _ in range(2):
            connection.sendall(b"line\n")
            assert connection.recv(100) == b"line\n"
            time.sleep(0.1)


def test_no_memory_is_writable_and_executable() -> None:
    with Httpd(CONF) as httpd:
        use(httpd)
        for child in httpd.children():
            maps = Path(f"/proc/{child}/maps").read_text()
            assert re.findall(r"^\S+ .wx.*", maps, re.MULTILINE) == []


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_it_serves_where_no_memory_may_be_so(monkeypatch: pytest.MonkeyPatch, mpm: str) -> None:
    monkeypatch.setattr(_httpd_session, "_WRAPPER", [sys.executable, "-c", NO_WRITABLE_CODE])
    with Httpd(CONF, mpm=mpm) as httpd:
        use(httpd)
        assert "NoNewPrivs:\t1" in Path(f"/proc/{httpd.children()[0]}/status").read_text()
        httpd.graceful()
        use(httpd)


@pytest.mark.parametrize("mpm", ["event", "prefork"])
def test_it_serves_where_files_are_read_only_and_devices_few(monkeypatch: pytest.MonkeyPatch, mpm: str) -> None:
    monkeypatch.setattr(_httpd_session, "_WRAPPER", ["unshare", "-m", "sh", "-c", READ_ONLY, "sh"])
    with Httpd(CONF, mpm=mpm) as httpd:
        use(httpd)
        mounts = [line.split() for line in Path(f"/proc/{httpd.parent_pid}/mounts").read_text().splitlines()]
        assert [options for _, place, _, options, *_ in mounts if place == "/"][-1].startswith("ro")
        httpd.graceful()
        use(httpd)
