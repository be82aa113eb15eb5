"""The module mod_probe.c: PROBE_CONF loads it, `passed` reads what it logged."""

import re

import probes
from httpd import Httpd

PROBE_CONF = probes.load("probe") + "\n"


def passed(httpd: Httpd, name: str = "probe") -> list[str]:
    """The brigades that a probe saw since the test began, each as "HEAP=5 FLUSH"."""
    return re.findall(rf"] {name}: (.*)$", httpd.log(), re.MULTILINE)
