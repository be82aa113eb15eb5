"""Imported before mpm-itk forks: starts a thread, and has a function called at the end of the child."""

import os
import random  # noqa: F401 - each process must get numbers of its own
import threading
import time

from mod_python import apache


def _run() -> None:
    while True:
        if os.environ["THREAD"] == "busy":
            sum(range(1000))
        else:
            time.sleep(0.001)


if os.environ["THREAD"] != "none":
    threading.Thread(target=_run, daemon=True).start()
apache.register_cleanup(lambda _: apache.log_error("cleanup of the child", apache.APLOG_NOTICE))
