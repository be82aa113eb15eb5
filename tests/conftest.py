"""Fixtures: `httpd` boots what a test file's CONF describes, once per file and MPM, and its log is checked per test.

The modules of the folder `handlers` beside the test file, if there is one, and of tests/support/handlers are on
PythonPath. A test file may define: CONF (required), MPMS, MODULES, WITH_PYTHON, ENV, INTERPRETER, ALLOW_LOG; see the
fixture, and `Httpd` for what holds without them.
"""

import compileall
import functools
import os
import socket
from collections.abc import Iterator

import pytest

from httpd import Httpd
from mod_python import _places
from versions import VERSIONS, Get, ask

pytest_plugins = ["mod_python.pytest_plugin"]  # shows the error log of a test that fails
os.umask(0o022)  # httpd's children must read what tests write

if "MOD_PYTHON_TEST_WRAPPER" in os.environ:  # httpd is some thirty times slower under valgrind: clients wait longer
    _settimeout = socket.socket.settimeout

    def _wait_longer(self: socket.socket, seconds: float | None) -> None:
        _settimeout(self, seconds and seconds * 10)

    socket.socket.settimeout = _wait_longer  # type: ignore[assignment,method-assign]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the package once: httpd's children, which cannot write beside it, would do it each time."""
    if not hasattr(session.config, "workerinput"):  # of pytest-xdist, whose main process has done it
        compileall.compile_dir(_places.PACKAGE, quiet=2)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses `httpd` on each of its file's MPMS."""
    if "httpd" in metafunc.fixturenames:
        mpms = getattr(metafunc.module, "MPMS", ("event",))
        metafunc.parametrize("httpd", mpms, indirect=True, scope="module")


@pytest.fixture(scope="module")
def httpd(request: pytest.FixtureRequest) -> Iterator[Httpd]:
    """The server of a test file: a SERVER (Httpd) with CONF on one MPM of MPMS, with MODULES besides the usual ones."""
    file = request.module
    with getattr(file, "SERVER", Httpd)(
        file.CONF,
        beside=file.__file__,
        mpm=request.param,
        modules=getattr(file, "MODULES", ()),
        with_python=getattr(file, "WITH_PYTHON", True),
        env=getattr(file, "ENV", None),
        interpreter=getattr(file, "INTERPRETER", "main_interpreter"),
        allow=getattr(file, "ALLOW_LOG", ()),
    ) as server:
        yield server


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each version of HTTP."""
    return str(request.param)


@pytest.fixture
def get(version: str, httpd: Httpd) -> Get:
    """GET a path over TLS: the test runs once on each version of HTTP."""
    return functools.partial(ask, httpd, version)


@pytest.fixture(autouse=True)
def _log_is_clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail each test that leaves a bad line in the error log without having announced it."""
    server = request.getfixturevalue("httpd") if "httpd" in request.fixturenames else None
    yield
    if server is not None:
        server.check_log()
