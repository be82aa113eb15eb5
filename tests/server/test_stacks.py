"""PythonDumpSignal USR2: what the Python code of a child is doing, in the error log."""

import contextlib
import os
import re
import signal
import threading
import time

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
PythonDumpSignal USR2
Listen 127.0.0.1:${PARK_PORT}
<VirtualHost *:${PARK_PORT}>
    PythonInterpreter parked
    PythonConnectionHandler stuck::park
</VirtualHost>
<Location "/">
    SetHandler mod_python
    PythonInterpreter main_interpreter
    PythonHandler stuck
</Location>
"""
# What is written without the GIL has no prefix of httpd's.
ALLOW_LOG = (r"^(Thread 0x|Current thread 0x|  File |  <no Python frame>|$)", "stuck.py")
STUCK = """
import os, re, time
from mod_python import apache

def pid(): return str(os.getpid())

def sleep():
    time.sleep(2)
    return "slept"

def with_gil():
    # One call of C code that keeps the GIL for a few seconds.
    return str(re.match(r"(a|aa)+$", "a" * 37 + "b"))

def deep(n):
    return deep(n - 1) if n else [str(x) for x in range(30)]

def works():
    for _ in range(30):
        exec("def g(): return [deep(20) for _ in range(5)]\\ng()", {"deep": deep})
    return "worked"

def handler(req):
    req.write(globals()[req.uri.strip("/")]())
    return apache.OK

async def inner(conn):
    return await conn.readline()

async def park(conn):
    await conn.write(str(os.getpid()))
    await inner(conn)
    return apache.OK
"""


def in_background(httpd: Httpd, path: str) -> threading.Thread:
    """Ask for a path on another thread, and give the handler time to begin."""
    thread = threading.Thread(target=httpd.get, args=(path,))
    time.sleep(1)  # prefork starts several children
    thread.start()
    time.sleep(0.5)
    return thread


def ask(httpd: Httpd) -> None:
    """Send the signal to all children."""
    for child in httpd.children():
        os.kill(child, signal.SIGUSR2)


def test_neither_the_first_process_nor_a_starting_child_ends(httpd: Httpd) -> None:
    httpd.handler("stuck.py", STUCK)
    parent = httpd.parent_pid
    for _ in range(10):
        os.kill(parent, signal.SIGHUP)
        for _ in range(20):
            for pid in (parent, *httpd.children()):
                with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                    os.kill(pid, signal.SIGUSR2)
            time.sleep(0.01)
    assert httpd.get("/pid").status == 200
    assert "exit signal" not in httpd.log()


def test_the_stacks_of_threads_are_written(httpd: Httpd) -> None:
    httpd.handler("stuck.py", STUCK)
    thread = in_background(httpd, "/sleep")
    ask(httpd)
    httpd.wait_for_log(r"\[python:notice\].* interpreter main_interpreter, thread \d+ .*in sleep\\n")
    thread.join()
    assert httpd.get("/pid").status == 200


def test_no_gil_is_needed(httpd: Httpd) -> None:
    httpd.handler("stuck.py", STUCK)
    thread = in_background(httpd, "/with_gil")
    began = time.monotonic()
    ask(httpd)
    httpd.wait_for_log(r'^  File ".*/stuck\.py", line \d+ in with_gil$', timeout=20)
    assert thread.is_alive(), f"the GIL was free after {time.monotonic() - began:.1f} s"
    thread.join()


def test_the_stacks_of_parked_connections_are_written(httpd: Httpd) -> None:
    httpd.handler("stuck.py", STUCK)
    with httpd.connect(httpd.port_of("PARK_PORT")) as connection:
        pid = int(connection.recv(20))
        time.sleep(0.3)
        os.kill(pid, signal.SIGUSR2)
        found = httpd.wait_for_log(r"interpreter parked, (park waits|thread .*):.*in inner\\n", timeout=10)
        assert re.search("in park", found[0])
        connection.sendall(b"\n")


def test_a_child_at_work_goes_on(httpd: Httpd) -> None:
    """Its stacks change at each moment: reading them without the GIL would end it."""
    httpd.handler("stuck.py", STUCK)
    httpd.get("/pid")
    over = threading.Event()
    threads = [threading.Thread(target=lambda: [httpd.get("/works") for _ in iter(over.is_set, True)]) for _ in "abc"]
    for thread in threads:
        thread.start()
    for _ in range(40):
        ask(httpd)
        time.sleep(0.05)
    over.set()
    for thread in threads:
        thread.join()
    httpd.wait_for_log(r"\[python:notice\].* interpreter main_interpreter, thread \d+ .*in works\\n", timeout=10)
    assert "exit signal" not in httpd.log()
