"""What is left where the event MPM is not as expected: the time-outs of the virtual host instead of a long patience."""

import re
import time
from collections import Counter

import pytest

import probes
from httpd import Httpd

HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler ac_life::@
    Timeout 2
</VirtualHost>
"""
CONF = (
    f"{probes.load('hide')}\nTimeout 6\nAcceptFilter http none\n"
    + HOST.replace("@", "ends")
    + HOST.replace("@", "talks").replace("::@", "::talks")
    + HOST.replace("ac_life::@", "ac_life::ends").replace("@", "LONGER").replace("Timeout 2", "Timeout 3")
)


def ended(httpd: Httpd) -> Counter[str]:
    httpd.wait_for_log("life: finally")
    return Counter(re.findall(r"life: (.*)$", httpd.log(), re.MULTILINE))


def test_the_mpms_hook_is_hidden(httpd: Httpd) -> None:
    httpd.wait_for_log("hide: 1$")


@pytest.mark.parametrize(("name", "timeout"), [("ends", 2), ("LONGER", 3)])
def test_p5_a_parked_handler_has_the_time_of_its_virtual_host(httpd: Httpd, name: str, timeout: int) -> None:
    (child,) = httpd.children()
    with httpd.connect(httpd.port_of(f"{name}_PORT")) as client:
        client.sendall(b"a\n")
        assert client.recv(10) == b"a\n"
        begin = time.monotonic()
        assert client.recv(10) == b""
        assert timeout - 0.1 <= time.monotonic() - begin < timeout + 1
    assert ended(httpd) == {"TimeoutError": 1, "finally": 1}
    assert httpd.children() == [child]


def test_p5_who_only_talks_is_told_that_the_mpm_closes(httpd: Httpd) -> None:
    """The MPM counts from when it parked the connection, whatever is written meanwhile."""
    (child,) = httpd.children()
    begin = time.monotonic()
    with httpd.connect(httpd.port_of("talks_PORT")) as client:
        while client.recv(100):
            pass
    assert 1.9 <= time.monotonic() - begin < 4
    assert ended(httpd) == {"TimeoutError": 1, "finally": 1}
    assert httpd.children() == [child]
