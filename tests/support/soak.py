"""Many requests over all phases, and what the child's memory does meanwhile."""

import subprocess
import time
from typing import NamedTuple

from httpd import Httpd

CONF = """
ServerLimit 1
MaxRequestWorkers 16
MaxKeepAliveRequests 0
CustomLog /dev/null "%h"
PythonPostReadRequestHandler every_phase
PythonTransHandler every_phase
<Location /all>
    SetHandler mod_python
    AuthType Soak
    Require valid-user
    PythonInitHandler every_phase
    PythonHeaderParserHandler every_phase
    PythonAccessHandler every_phase
    PythonAuthenHandler every_phase
    PythonAuthzHandler every_phase
    PythonTypeHandler every_phase
    PythonFixupHandler every_phase
    PythonHandler every_phase
    PythonLogHandler every_phase
    PythonCleanupHandler every_phase
    ErrorDocument 404 /all/page
</Location>
"""
# A page, one with a subrequest for its index, one that is redirected to its error page, one that is refused.
TARGETS = {"/all/page": "ann", "/all/": "ann", "/all/missing": "ann", "/all/refused": ""}


class Sample(NamedTuple):
    """The child's resident memory in KiB after so many requests."""

    requests: int
    memory: int


class Soak(NamedTuple):
    """The samples of one run, and how many seconds it took."""

    samples: list[Sample]
    seconds: float

    def growth(self) -> int:
        """How many KiB the child grew by, at most, after the first tenth of the requests."""
        first, *others = (sample.memory for sample in self.samples)
        return max(others) - first


def soak(httpd: Httpd, requests: int, clients: int = 4) -> Soak:
    """Send requests in ten portions of equal size, and look at the child after each."""
    httpd.write("all/index.html", "index")
    samples, start = [], time.monotonic()
    (child,) = httpd.children()
    for portion in range(1, 11):
        each = requests // 10 // len(TARGETS)
        running = [_load(httpd, target, user, each, clients) for target, user in TARGETS.items()]
        for process in running:
            out, err = process.communicate()
            if process.returncode != 0 or f"Complete requests:      {each}" not in out:
                raise AssertionError(f"ab failed:\n{out}{err}")
        samples.append(Sample(portion * each * len(TARGETS), httpd.memory(child).now))
        if httpd.children() != [child]:
            raise AssertionError("the child is another one")
    return Soak(samples, time.monotonic() - start)


def _load(httpd: Httpd, target: str, user: str, requests: int, clients: int) -> subprocess.Popen[str]:
    url = f"http://127.0.0.1:{httpd.port}{target}"
    command = ["ab", "-q", "-k", "-r", "-n", str(requests), "-c", str(clients), "-H", f"X-User: {user}", url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
