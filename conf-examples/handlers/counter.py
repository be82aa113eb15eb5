"""State that outlives a request: a counter of the requests of this process.

    SetHandler mod_python
    PythonHandler counter::handler

Each process of httpd imports the module once, so its variables keep their values from one
request to the next. Each process has its own counter. Its threads answer several requests at
once, so the counter needs a lock.
"""

import os
import threading

from mod_python import apache

requests = 0
lock = threading.Lock()


def handler(req: apache.Request) -> int:
    global requests
    with lock:
        requests += 1
        number = requests
    req.content_type = "text/plain"
    req.write(f"Request {number} in process {os.getpid()}\n")
    return apache.OK
