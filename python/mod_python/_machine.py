"""The processes and the free TCP ports of this machine, for `mod_python.temporary_server`."""

import contextlib
import os
import random
import socket
from collections.abc import Iterator
from typing import NamedTuple

_FIRST_PORT, _PORTS = 20000, 12000
_STEPS = (7, 4999, 7919, 11003)  # with each of them, all ports have their turn


class Process(NamedTuple):
    """Fields of /proc/PID/stat (proc(5))."""

    pid: int
    name: str
    parent: int
    session: int
    threads: int


def processes() -> Iterator[Process]:
    """Yield all processes but zombies."""
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                with open(f"/proc/{entry}/stat", errors="replace") as file:
                    stat = file.read()
            except OSError:
                continue  # it ended meanwhile
            name = stat[stat.index("(") + 1 : stat.rindex(")")]
            state, *fields = stat.rpartition(")")[2].split()
            if state not in "ZX":
                yield Process(int(entry), name, int(fields[0]), int(fields[2]), int(fields[16]))


def free_ports(count: int) -> tuple[list[int], list[socket.socket]]:
    """Return free ports below the ephemeral range, and the sockets that reserve them.

    As long as these sockets are open, this function returns the ports to no other process.
    """
    found: list[int] = []
    claims: list[socket.socket] = []
    first, step = random.randrange(_PORTS), random.choice(_STEPS)
    for number in range(_PORTS):
        if len(found) == count:
            break
        port = _FIRST_PORT + (first + number * step) % _PORTS
        claim = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):  # another process has reserved it
            claim.bind(f"\0mod_python port {port}")
            if why_not(port) is None:
                found.append(port)
                claims.append(claim)
                continue
        claim.close()
    return found, claims


def why_not(port: int) -> OSError | None:
    """Return the reason why httpd cannot listen on a port, or None."""
    for family, address in ((socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET:
                return error  # the machine may have no IPv6
            if error.errno in (98, 13):
                return error
    return None
