"""Code that forks; the functions that call_by_path calls answer what became of the new process."""

import ctypes
import multiprocessing
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator

from mod_python import apache


def status(pid: int) -> list[int]:
    """Wait for a process, at most 5 s: its exit code, or minus the signal that ended it."""
    end = time.monotonic() + 5
    while True:
        ended, result = os.waitpid(pid, os.WNOHANG)
        if ended:
            return [os.waitstatus_to_exitcode(result)]
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return [-999]
        time.sleep(0.01)


def at_end(data: object) -> None:
    print(f"at the end of {os.getpid()}")


def returns(req: apache.Request) -> object:
    apache.register_cleanup(at_end)
    req.register_cleanup(at_end)
    pid = os.fork()
    return status(pid) if pid else apache.OK


def exits(req: apache.Request) -> list[int]:
    apache.register_cleanup(at_end)
    pid = os.fork()
    if not pid:
        sys.exit(3)
    return status(pid)


def exits_with_words(req: apache.Request) -> list[int]:
    pid = os.fork()
    if not pid:
        sys.exit("no more")
    return status(pid)


def raises(req: apache.Request) -> list[int]:
    pid = os.fork()
    if not pid:
        raise KeyError("in the fork")
    return status(pid)


def in_c(req: apache.Request) -> object:
    pid = ctypes.PyDLL(None).fork()
    return status(pid) if pid else apache.OK


def without_libc(req: apache.Request) -> object:
    pid = ctypes.PyDLL(None).syscall(57)  # fork on x86-64: no function of libc hears of it
    return status(pid) if pid else apache.OK


def in_terminal(req: apache.Request) -> object:
    pid, terminal = pty.fork()
    if not pid:
        return apache.OK
    result = status(pid)
    os.close(terminal)
    return result


def writes(req: apache.Request) -> list[str]:
    """Use the request in the fork; what that raised comes through a pipe."""
    here, there = os.pipe()
    pid = os.fork()
    if not pid:
        for use in (lambda: req.write("stray"), lambda: req.uri, lambda: req.connection.remote_ip, req.read):
            try:
                use()
                os.write(there, b"nothing;")
            except RuntimeError as error:
                os.write(there, f"{error};".encode())
        os._exit(0)
    os.close(there)
    status(pid)
    with open(here) as pipe:
        return pipe.read().split(";")[:-1]


def sockets(req: apache.Request) -> list[int]:
    """How many sockets with this port of httpd's the fork has."""
    port = int(req.uri.rsplit("/", 1)[1])
    here, there = os.pipe()
    pid = os.fork()
    if not pid:
        found = 0
        for name in os.listdir("/proc/self/fd"):
            try:
                with socket.socket(fileno=os.dup(int(name))) as one:
                    found += one.family == socket.AF_INET and one.getsockname()[1] == port
            except OSError:
                pass
        os.write(there, str(found).encode())
        os._exit(0)
    os.close(there)
    status(pid)
    with open(here) as pipe:
        return [int(pipe.read())]


def told(req: apache.Request) -> list[int]:
    """Tell a fork to end, as httpd tells its children."""
    return status_when_told(os.fork())


def status_when_told(pid: int) -> list[int]:
    """Tell a process that was just made to end, and return how it did; in that process itself, wait for it."""
    if not pid:
        time.sleep(20)
        os._exit(0)
    time.sleep(0.1)
    os.kill(pid, signal.SIGTERM)
    return status(pid)


def told_at_once(req: apache.Request) -> list[int]:
    """Tell forks to end while they begin, as multiprocessing does for one that is not needed after all."""
    ends = set()
    for _ in range(40):
        pid = os.fork()
        if not pid:
            time.sleep(20)
            os._exit(0)
        os.kill(pid, signal.SIGTERM)
        ends.update(status(pid))
    return sorted(ends)


def told_without_libc(req: apache.Request) -> list[int]:
    """Tell a process to end that was made without libc's fork(): it has the child's signal handlers."""
    return status_when_told(ctypes.PyDLL(None).syscall(57))  # as above


def square(number: int) -> int:
    return number * number


def pool(req: apache.Request) -> list[int]:
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return workers.map(square, [1, 2, 3])


def programs(req: apache.Request) -> list[str]:
    def run(**more: object) -> str:
        done = subprocess.run(["echo", "hello"], stdout=subprocess.PIPE, check=True, **more)  # type: ignore[call-overload]
        return str(done.stdout.decode())

    return [run(), run(preexec_fn=os.getpid)]


def is_fork(what: str) -> bool:
    """Fork, and answer whether this is the new process; the child says how that ended."""
    pid = os.fork()
    if pid:
        apache.log_error(f"{what}: {status(pid)}", apache.APLOG_NOTICE)
    return not pid


def outputfilter(filter: apache.Filter) -> None:
    if is_fork("filter"):
        return
    while chunk := filter.read():
        filter.write(chunk)
    if chunk is None:
        filter.close()


async def generator(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    async for chunk in filter:
        if is_fork("generator"):
            return
        yield chunk


def page(req: apache.Request) -> int:
    req.write("page")
    return apache.OK


def cleanuphandler(req: apache.Request) -> int:
    is_fork("cleanup")
    return apache.OK


def plain(conn: apache.Connection) -> int:
    conn.readline()
    if is_fork("connection"):
        return apache.OK
    conn.write(b"one answer\n")
    return apache.OK


async def waits(conn: apache.AsyncConnection) -> None:
    await conn.readline()
    if is_fork("async"):
        return
    await conn.write(b"one answer\n")


async def on_loop(conn: apache.AsyncConnection) -> None:
    async def forks() -> None:
        is_fork("loop")

    await conn.readline()
    await apache.aio(forks())
    await conn.write(b"one answer\n")
