"""Limits the rate of each response to a number of bytes per second.

    PythonOutputFilter mod_python.filters.throttle THROTTLE change=no
    <Location "/downloads">
        SetOutputFilter THROTTLE
        PythonOption throttle 100000
    </Location>

The filter holds no data back: the handler that writes the response waits with it.

Limit: each response that waits holds one of httpd's threads.
"""

import time
from collections.abc import AsyncIterator

from mod_python import apache


async def outputfilter(filter: apache.AsyncFilter) -> AsyncIterator[object]:
    options = filter.req.get_options()
    if "throttle" not in options:
        raise ValueError("no option 'throttle': write PythonOption throttle BYTES_PER_SECOND where the filter works")
    rate = int(options["throttle"])
    due = time.monotonic()
    while data := await filter.read(rate // 10 or 1):
        time.sleep(max(0, due - time.monotonic()))
        yield data
        yield apache.FLUSH
        due = max(due, time.monotonic() - 1) + len(data) / rate
