"""Keeps files open, so that connections get descriptors with high numbers."""

import os

from mod_python import apache

_kept: list[int] = []


def handler(req: apache.Request) -> int:
    "Open files until one has the number that the query says."
    while not _kept or _kept[-1] < int(req.args or 0):
        _kept.append(os.open("/dev/null", os.O_RDONLY))
    req.write("kept")
    return apache.OK
