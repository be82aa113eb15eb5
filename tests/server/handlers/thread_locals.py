"""What threading.local keeps for a thread of httpd goes when the thread ends: in each interpreter."""

import sys
import threading

from mod_python import apache

kept = threading.local()


class Goes:
    """Does at its end what code does that does not think of the end of a thread."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __del__(self) -> None:
        print(f"printed at the end in {self.name}")
        print(f"half a line in {self.name}", end="")
        sys.stderr.write("")
        apache.log_error(f"logged at the end in {apache.interpreter}", apache.APLOG_NOTICE)
        apache.log_error(f"main server: {apache.main_server.port >= 0}", apache.APLOG_NOTICE)
        kept.late = "made while the thread ends"
        raise ValueError(f"raised at the end in {self.name}")


def handler(req: apache.Request) -> int:
    kept.it = Goes(apache.interpreter)
    req.write(f"{threading.get_native_id()}")
    return apache.OK
