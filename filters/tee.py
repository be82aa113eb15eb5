"""Writes a copy of each body to a file, which can never hurt the client.

    PythonOutputFilter mod_python.filters.tee TEE change=no
    <Location "/api">
        SetOutputFilter TEE
        PythonOption tee /var/spool/bodies/%.body
    </Location>

A % becomes a number of its own for each response; without it all are appended to one
file. When the file cannot be written (no space, no permission, a pipe that nobody reads)
the copy ends there with a warning in the log, and the response goes on.

Limit: a disk that is slow, but writes, makes the response slow.
"""

import os
import time
from collections.abc import AsyncIterator

from mod_python import apache

# Neither opening a pipe nor writing to it waits for who reads it.
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC


async def outputfilter(filter: apache.Filter) -> AsyncIterator[bytes]:
    path = filter.req.get_options()["tee"].replace("%", str(time.time_ns()))
    file = None
    try:
        file = os.open(path, FLAGS, 0o600)
    except OSError as error:
        filter.req.log_error(f"no copy: {error}", apache.APLOG_WARNING)
    try:
        async for chunk in filter:
            if file is not None:
                try:
                    if os.write(file, chunk) < len(chunk):
                        raise BlockingIOError("nobody reads fast enough")
                except OSError as error:
                    filter.req.log_error(f"the copy in {path} ends: {error}", apache.APLOG_WARNING)
                    os.close(file)
                    file = None
            yield chunk
    finally:
        if file is not None:
            os.close(file)
