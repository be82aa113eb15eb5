r"""A plugin for pytest: the fixture `boot_httpd`.

In conftest.py: ``pytest_plugins = ["mod_python.pytest_plugin"]``. Then

    CONF = "PythonOutputFilter banner BANNER\nSetOutputFilter BANNER"

    def test_the_banner(boot_httpd):
        server = boot_httpd(CONF, handlers="src")
        server.write("index.html", "<p>Hello</p>")
        with urllib.request.urlopen(server.url("/")) as response:
            assert response.read() == b"<p>Hello</p><!-- served with care -->"
"""

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from mod_python.temporary_server import Server


class Boot:
    """Boots httpds that are stopped when the test ends."""

    def __init__(self) -> None:
        self.servers: list[Server] = []

    def __call__(self, conf: str, **arguments: Any) -> Server:
        """Boot an httpd with mod_python and this fragment of configuration.

        Args:
            conf: the fragment.
            arguments: as for `mod_python.temporary_server.Server`.
        """
        server = Server(conf, **arguments)
        self.servers.append(server)
        server.start()
        return server


@pytest.fixture
def boot_httpd() -> Iterator[Boot]:
    """Boots an httpd each time it is called. They are stopped when the test ends; see `Boot`."""
    boot = Boot()
    yield boot
    for server in boot.servers:
        server.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the error logs of the servers of a test that fails."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            servers = value.servers if isinstance(value, Boot) else [value]
            for server in servers:
                if isinstance(server, Server) and server.error_log.exists():
                    report.sections.append(("httpd's error log", server.log()))
    return report
