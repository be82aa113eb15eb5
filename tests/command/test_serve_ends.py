"""What `mod_python serve` says of children that end by themselves, and of the last moments before its own end."""

import http.client
import os
import signal
import sys
import time

import pytest

from command_place import Place, get, wait_for_body
from programs import Program, kill

SHOP = """
import atexit, ctypes, os

def handler(req):
    if req.uri == "/crash":
        ctypes.string_at(0)
    if req.uri == "/exit":
        os._exit(5)
    if req.uri == "/fork":
        if not os.fork():
            os._exit(7)
        os.wait()
    if req.uri == "/last":
        atexit.register(os.write, 2, b"no line end")
    req.write("open")
    return 0
"""
STARTED = r"Serving shop\.py at (http://localhost:\d+/); Ctrl-C ends it\."
CRASHED = r"AH0005[12]: child pid \d+ exit signal Segmentation fault \(11\)"
# The log is httpd's, too: a line of it may come between the pieces that faulthandler writes.
LINE = r'(?s)Fatal Python error: .*\n  File "\S+/shop\.py", line {} in {}\n'


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("os._exit(0)", r"\S+/shop\.py, line 3, has ended process \d+ of httpd with os\._exit\(0\), while {}\n"),
        ("os.kill(os.getpid(), 9)", r"process \d+ of httpd was killed \(SIGKILL\), .* memory, while {}\n"),
        ("ctypes.CDLL(None)._exit(3)", r"process \d+ of httpd has ended by itself, with status 3, as .*, while {}\n"),
        ("ctypes.string_at(0)", r"process \d+ of httpd has crashed \(SIGSEGV\), while {}, as it says above\n"),
    ],
)
def test_an_import_that_ends_the_process_is_told_at_once(place: Place, line: str, sentence: str) -> None:
    place.write("shop.py", f"import ctypes, os\n\n{line}\n\ndef handler(req): pass\n")
    begin = time.monotonic()
    program = place.start("serve", "shop.py", "--port", "0")
    assert program.end() == 1
    assert time.monotonic() - begin < 30  # it was a minute
    program.wait_for("mod_python: " + sentence.format(r"shop\.py was imported"))
    if "SIGSEGV" in sentence:
        program.wait_for(LINE.format(3, "<module>"))


def test_a_child_that_ends_by_itself_is_told(place: Place) -> None:
    place.write("shop.py", SHOP)
    program = place.start("serve", "shop.py", "--port", "0", env={"NO_COLOR": "1"})
    url = program.wait_for(STARTED)[1]
    assert get(url + "fork") == (200, "open")
    with pytest.raises(http.client.RemoteDisconnected):
        get(url + "exit")
    program.wait_for(r"\nerror: \S+/shop\.py, line 8, has ended process \d+ of httpd with os\._exit\(5\)\n")
    wait_for_body(url, "open")
    for child in (children := place.children()):
        os.kill(child, signal.SIGKILL)
        program.wait_for(rf"\nerror: process {child} of httpd was killed \(SIGKILL\), by somebody or .* memory\n")
    place.wait_for_others(children)
    wait_for_body(url, "open")
    with pytest.raises(http.client.RemoteDisconnected):
        get(url + "crash")
    program.wait_for(LINE.format(6, "handler"))
    program.wait_for(rf"\nerror: {CRASHED}\n")
    program.type(b"\x03")
    assert program.end() == 0
    assert program.text.count(" of httpd ") == 1 + len(children)


def test_a_child_that_httpd_ends_is_not_told(place: Place) -> None:
    conf = place.write("site.conf", "# one\n<Location />\nSetHandler mod_python\nPythonHandler shop\n</Location>\n")
    quiet = "import os\nos.dup2(os.open(os.devnull, os.O_WRONLY), 2)\n"  # no longer the log
    place.write("shop.py", quiet + SHOP)
    conf.write_text(conf.read_text() + "PythonImport shop main_interpreter\n")
    program = place.start("serve", "site.conf", "--port", "0", "--reload")
    url = program.wait_for(r"at (http://\S+/);")[1]
    old = place.children()
    conf.write_text(conf.read_text().replace("one", "a second one"))
    program.wait_for(r"site\.conf has changed: httpd restarts gracefully\.")
    place.wait_for_others(old)
    wait_for_body(url, "open")
    program.type(b"\x03")
    assert program.end() == 0
    assert " of httpd " not in program.text


def crash(url: str) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        get(url + "crash")


def test_a_crash_just_before_the_end_is_shown(place: Place) -> None:
    place.write("shop.py", SHOP)
    program = place.start("serve", "shop.py", "--port", "0")
    crash(program.wait_for(STARTED)[1])
    program.type(b"\x03")
    assert program.end() == 0
    program.wait_for(LINE.format(6, "handler"))
    program.wait_for(CRASHED)


def test_what_was_logged_before_the_end_is_shown(place: Place) -> None:
    place.write("shop.py", SHOP)
    program = place.start("serve", "shop.py", "--port", "0", env={"NO_COLOR": "1"})
    url = program.wait_for(STARTED)[1]
    kill(program.process.pid, signal.SIGSTOP)
    [killed] = place.children()
    crash(url)
    wait_for_body(url, "open")  # by another child: httpd has logged the end of the first one
    [child] = place.children() - {killed}
    os.kill(child, signal.SIGKILL)
    place.wait_for_others({child})
    wait_for_body(url + "last", "open")
    for number in (signal.SIGINT, signal.SIGCONT):
        kill(program.process.pid, number)
    assert program.end() == 0
    program.wait_for(rf"\nerror: {CRASHED}\n")
    program.wait_for(rf"process {child} of httpd was killed|process {child} of httpd has ended")
    assert "no line end" in program.text


# A look whether httpd runs takes a lock of subprocess: a signal comes when it has that.
AT_A_LOCK = """
import os
import signal
import sys
import sys
from pathlib import Path

from mod_python import _command
from mod_python._command.site import Site

class Lock:
    def __init__(self, lock):
        self._lock = lock

    def acquire(self, blocking=True):
        taken = self._lock.acquire(blocking)
        if taken and Path("now").exists():
            Path("now").unlink()
            os.kill(os.getpid(), signal.SIGTERM)
        return taken

    def release(self):
        self._lock.release()

    def __enter__(self):
        self.acquire()

    def __exit__(self, *_):
        self.release()

alive = Site.alive

def alive_with_lock(site):
    if not isinstance(site._process._waitpid_lock, Lock):
        site._process._waitpid_lock = Lock(site._process._waitpid_lock)
    return alive(site)

Site.alive = alive_with_lock
sys.argv[1:] = ["serve", "shop.py", "--port", "0"]
sys.exit(_command.main())
"""


def test_a_signal_while_it_looks_whether_httpd_runs(place: Place) -> None:
    place.write("shop.py", "def handler(req):\n    req.write('shop')\n    return 0\n")
    place.write("at_a_lock.py", AT_A_LOCK)
    program = Program([sys.executable, "at_a_lock.py"], place.env, place.folder)
    place.programs.append(program)
    program.wait_for(r"Serving shop\.py at ")
    place.write("now", "")
    assert program.end() == 0
    place.expect_nothing_left()
