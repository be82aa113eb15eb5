r"""A plugin for pytest with the fixture `boot_httpd`.

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
    """Starts servers, and keeps them until the test ends."""

    def __init__(self) -> None:
        self.servers: list[Server] = []

    def __call__(self, conf: str, **arguments: Any) -> Server:
        """Start an httpd with mod_python, and return it when it is ready.

        Args:
            conf: a fragment of configuration.
            arguments: the keyword arguments of `mod_python.temporary_server.Server`.

        Raises:
            ServerError: httpd did not start; the text has its log.
        """
        server = Server(conf, **arguments)
        self.servers.append(server)
        server.start()
        return server


@pytest.fixture
def boot_httpd() -> Iterator[Boot]:
    """A `Boot`: each call starts an httpd; all of them are stopped when the test ends."""
    boot = Boot()
    yield boot
    for server in boot.servers:
        server.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the error logs of a test's servers to its report if it fails."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            servers = value.servers if isinstance(value, Boot) else [value]
            for server in servers:
                if isinstance(server, Server) and server.error_log.exists():
                    report.sections.append(("httpd's error log", server.log()))
    return report
