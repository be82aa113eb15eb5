"""What tests of changed modules share: a child with one thread, and waiting for a page."""

import time

from httpd import Httpd

ONE_THREAD = """
ServerLimit 1
StartServers 1
MaxRequestWorkers 1
<IfModule mpm_event_module>
    ThreadsPerChild 1
</IfModule>
SetHandler mod_python
"""


def until(httpd: Httpd, path: str, wanted: str) -> None:
    """Ask until the answer is the wanted one."""
    end = time.monotonic() + 20
    while (answer := httpd.get(path).text) != wanted:
        assert time.monotonic() < end, answer
        time.sleep(0.02)
