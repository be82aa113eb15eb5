"""The harness itself: that what the other tests lean on is honest. Runs without the module."""

import os
import signal
import time
from pathlib import Path

import pytest

from httpd import Httpd
from server import ServerError, processes

WITH_PYTHON = False
MPMS = ("event", "worker", "prefork")
CONF = """
Listen 127.0.0.1:${OTHER_PORT}
<VirtualHost *:${OTHER_PORT}>
    Header set X-Port other
</VirtualHost>
"""
BAD_CGI = "#!/bin/sh\necho 'the script is unwell' >&2\nprintf 'Content-Type: text/plain\\n\\nyes\\n'\n"


def test_serves_files_and_scripts(httpd: Httpd) -> None:
    httpd.write("deep/page.html", "<p>page</p>")
    httpd.cgi("hello", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello\\n'; cat\n")
    page = httpd.get("/deep/page.html", {"Accept": "text/html"})
    assert (page.status, page.text, page.headers["Content-Type"]) == (200, "<p>page</p>", "text/html")
    assert httpd.request("POST", "/cgi-bin/hello", b"fixed").text == "hello\nfixed"
    assert httpd.request("POST", "/cgi-bin/hello", [b"in ", b"chunks"]).text == "hello\nin chunks"
    httpd.wait_for_request("200 POST /cgi-bin/hello HTTP/1.1")


def test_ports_and_tls(httpd: Httpd) -> None:
    httpd.write("a.txt", b"a")
    assert httpd.get("/a.txt").headers["X-Port"] is None
    other = httpd.request("GET", "/a.txt", port=httpd.port_of("OTHER_PORT"))
    assert other.headers["X-Port"] == "other"
    assert httpd.get("/a.txt", tls=True).body == b"a"
    version = httpd.curl("-w", "%{http_version}", httpd.url("/a.txt", tls=True))
    assert version.stdout == (b"a1.1" if httpd.mpm == "prefork" else b"a2")


def test_raw_bytes(httpd: Httpd) -> None:
    httpd.write("a.txt", b"a")
    one = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"
    assert httpd.raw(one + one, half_close=True).count(b"HTTP/1.1 200 OK") == 2


def test_memory_and_children(httpd: Httpd) -> None:
    assert len(httpd.children()) >= 1
    for pid in httpd.children():
        memory = httpd.memory(pid)
        assert 1000 < memory.now <= memory.peak
    if os.geteuid() == 0:
        deadline = time.monotonic() + 5
        while Path(f"/proc/{httpd.children()[0]}").stat().st_uid == 0:  # a new child is root's at first
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_graceful_makes_new_children_and_keeps_the_parent(httpd: Httpd) -> None:
    parent, old = httpd.parent_pid, set(httpd.children())
    httpd.graceful()
    assert set(httpd.children()) - old
    assert httpd.parent_pid == parent
    httpd.write("index.html", "here again")
    assert httpd.get("/").text == "here again"


def test_unexpected_log_lines_fail_a_test(httpd: Httpd) -> None:
    httpd.cgi("bad", BAD_CGI)
    httpd.get("/cgi-bin/bad")
    httpd.wait_for_log("the script is unwell")
    with pytest.raises(AssertionError, match="the script is unwell"):
        httpd.check_log()
    httpd.check_log()  # said once


def test_expected_log_lines_do_not(httpd: Httpd) -> None:
    httpd.cgi("bad", BAD_CGI)
    httpd.expect("script is unwell")
    httpd.get("/cgi-bin/bad")


def test_expected_log_lines_must_come(httpd: Httpd, monkeypatch: pytest.MonkeyPatch) -> None:
    later = iter([0.0, 10.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(later))
    httpd.expect("never logged")
    with pytest.raises(AssertionError, match="never logged"):
        httpd.check_log()


def test_the_death_of_a_child_fails_a_test(httpd: Httpd) -> None:
    os.kill(httpd.children()[0], signal.SIGSEGV)
    httpd.wait_for_log(r"exit signal Segmentation fault")
    with pytest.raises(AssertionError, match="exit signal"):
        httpd.check_log()


def test_a_wrong_configuration_is_told() -> None:
    with pytest.raises(ServerError, match=r"line 2 of \S*/fragment.conf"), Httpd("\nNonsense", with_python=False):
        pass


def test_configtest() -> None:
    server = Httpd("\n\nNonsense on", with_python=False)
    result = server.configtest()
    server.stop()
    assert result.returncode == 1
    assert "line 3 of" in result.stderr
    assert "Invalid command 'Nonsense'" in result.stderr


@pytest.mark.parametrize("mpm", MPMS)
def test_stop_leaves_nothing(mpm: str) -> None:
    with Httpd("", mpm=mpm, with_python=False) as server:
        server.cgi("forks", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nsleep 60 > /dev/null 2>&1 &\n")
        server.get("/cgi-bin/forks")
        session = server.parent_pid
        assert "sleep" in [one.name for one in processes() if one.session == session]
    assert not any(one.session == session for one in processes())
    assert not server.folder.exists()
