"""Writes a copy of each response's body to a file; a failure to write does not change the response.

    PythonOutputFilter mod_python.filters.tee TEE change=no
    <Location "/api">
        SetOutputFilter TEE
        PythonOption tee /var/spool/bodies/%.body
    </Location>

A % becomes a number that differs for each response; without it all copies are appended to one file.
If the file cannot be written (no space, no permission, a pipe without a reader), the copy ends there
with a warning in the log, and the response continues.

Limit: a slow disk makes the response slow.
"""

import os
import time
from collections.abc import AsyncIterator

from mod_python import apache

# O_NONBLOCK: neither opening a pipe nor writing to it waits for a reader.
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC


async def outputfilter(filter: apache.AsyncFilter) -> AsyncIterator[bytes]:
    options = filter.req.get_options()
    if "tee" not in options:
        raise ValueError("no option 'tee': write PythonOption tee /path/of/the/copy where the filter works")
    path = options["tee"].replace("%", str(time.time_ns()))
    file = None
    try:
        file = os.open(path, FLAGS, 0o600)
    except OSError as error:
        filter.req.log_error(f"tee: cannot open the copy {path}: {error}", apache.APLOG_WARNING)
    try:
        async for chunk in filter:
            if file is not None:
                try:
                    if os.write(file, chunk) < len(chunk):
                        raise BlockingIOError("the reader of the pipe is too slow")
                except OSError as error:
                    filter.req.log_error(f"tee: the copy {path} is incomplete: {error}", apache.APLOG_WARNING)
                    os.close(file)
                    file = None
            yield chunk
    finally:
        if file is not None:
            os.close(file)
