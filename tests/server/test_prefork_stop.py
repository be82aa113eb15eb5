"""Children of prefork that are told to stop (SIGTERM, SIGHUP) while their thread is busy: each ends, soon."""

import contextlib
import os
import re
import signal
import socket
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from load import meanwhile

from httpd import Httpd

MPMS = ("prefork",)
CONF = """
SetHandler mod_python
PythonHandler call_by_path
<Location "/call/busy_handlers/">
    PythonInterpreter sub
</Location>
<Location "/cgi-bin/">
    SetHandler cgi-script
    PythonFixupHandler busy_handlers::registers
</Location>
Listen 127.0.0.1:${READS_PORT}
<VirtualHost *:${READS_PORT}>
    PythonConnectionHandler busy_handlers::reads
</VirtualHost>
"""
ROUNDS = int(os.environ.get("MOD_PYTHON_STOPS", "5"))
SOON = 2.0  # seconds, on a busy machine; httpd kills a child that takes about ten
CUT = r"\[python:notice\].*told to end, and its thread was still at work"


def stop(pid: int, end: signal.Signals = signal.SIGTERM) -> None:
    """Tell a child to end; it may be over already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, end)


def runs(pid: int) -> bool:
    """Whether a process has not ended; httpd may take a second to notice that it has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ended(pids: set[int]) -> float:
    """Wait until these children have ended; the seconds that it took."""
    begin = time.monotonic()
    while left := {pid for pid in pids if runs(pid)}:
        assert time.monotonic() < begin + 5, f"these go on: {left}"
        time.sleep(0.01)
    return time.monotonic() - begin


def busy(httpd: Httpd) -> set[int]:
    """Wait until some children are at work in Python; their numbers."""
    mark = len(httpd.log())
    while not (found := set(re.findall(r"\[pid (\d+)[^]]*\] .*\] asks$", httpd.log()[mark:], re.MULTILINE))):
        time.sleep(0.01)
    return {int(pid) for pid in found}


def load(httpd: Httpd, path: str, clients: int) -> AbstractContextManager[None]:
    """Clients that ask again and again, whatever becomes of their connections."""

    def ask(is_over: threading.Event) -> None:
        while not is_over.is_set():
            with contextlib.suppress(OSError), httpd.connect(timeout=3) as client:
                client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                while client.recv(65536):
                    pass

    return meanwhile(clients, ask)


@pytest.mark.parametrize("how", ["sql_forever", "sql"])
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_children_at_work_in_sqlite_end_soon(how: str, end: signal.Signals) -> None:
    """sqlite3 lets go of the GIL and takes it for each row: the signal comes in the midst of that."""
    with Httpd(CONF, beside=__file__, mpm="prefork") as httpd:
        with load(httpd, f"/call/busy_handlers/{how}", 4):
            for number in range(ROUNDS):
                children = busy(httpd)
                time.sleep(number % 7 / 100)
                for pid in children:
                    stop(pid, end)
                assert ended(children) < SOON
            children = busy(httpd)
            os.kill(httpd.parent_pid, signal.SIGTERM)
            assert ended(children) < SOON
        assert "exit signal" not in httpd.log()


def told_while(httpd: Httpd, client: socket.socket, request: bytes, ready: str, soon: float = SOON) -> int:
    """Send a request, and have the child that says so told to end; its number."""
    client.sendall(request)
    pid = int(httpd.wait_for_log(rf"\[pid (\d+)[^]]*\] .*\] {ready}$")[1])
    stop(pid)
    assert ended({pid}) < soon
    return pid


def test_cleanups_run_beside_a_thread_that_is_at_work(httpd: Httpd) -> None:
    httpd.expect(CUT)
    with httpd.connect() as client:
        pid = told_while(httpd, client, b"GET /call/busy_handlers/says_and_works HTTP/1.0\r\n\r\n", "at work")
    httpd.wait_for_log(rf"\[pid {pid}:.* the child is at its end$")
    assert "exit signal" not in httpd.log()


def test_cleanups_are_left_out_where_python_is_locked(httpd: Httpd) -> None:
    httpd.expect(
        r"apache\.register_cleanup\(\) was not called, since another thread keeps .*\(the GIL\)$",
        "interpreter sub was not ended, since another thread keeps",
        r"Python code of interpreter sub is still under way \(threads of httpd: 1\)$",
    )
    httpd.allow("interpreter main_interpreter was not ended", "end of interpreter main_interpreter is left out")
    with httpd.connect() as client:
        request = b"GET /call/busy_handlers/keeps_the_gil HTTP/1.0\r\n\r\n"
        pid = told_while(httpd, client, request, "keeps it", 2 + SOON)
    assert not re.search(rf"\[pid {pid}:.* the child is at its end$", httpd.log(), re.MULTILINE)


def test_cleanups_run_once_where_httpd_is_at_work(httpd: Httpd) -> None:
    """The child's thread waits for a script, outside of Python: httpd's own signal handler follows."""
    httpd.cgi("slow", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; echo told >&2; exec sleep 20\n")
    httpd.allow("AH01215: .*told")
    with httpd.connect() as client:
        pid = told_while(httpd, client, b"GET /cgi-bin/slow HTTP/1.0\r\n\r\n", "AH01215: .*told")
    httpd.wait_for_log(rf"\[pid {pid}:.* the child is at its end$")
    assert "still at work" not in httpd.log()


def test_the_end_of_a_child_is_no_end_of_input(httpd: Httpd) -> None:
    """Half a message must not be taken for a whole one."""
    httpd.expect(r"read 3 bytes: ConnectionError: .*the server is about to stop")
    with httpd.connect(httpd.port_of("READS_PORT")) as client:
        told_while(httpd, client, b"abc", "reads")
