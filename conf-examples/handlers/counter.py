"""State that outlives the request: how often has this process been asked?

    SetHandler mod_python
    PythonHandler counter::handler

The module is imported once in each httpd process and stays there, so a plain variable
is kept from one request to the next. Each process counts for itself, and its threads
answer several requests at once: hence the lock.
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
