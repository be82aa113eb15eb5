"""The making of named interpreters: one at a time, nobody else waits for it, and a failure is not for ever."""

import contextlib
import http.client
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from httpd import Httpd
from server import PROJECT

MPMS = ("event", "worker", "prefork")
FOLDER = Path(tempfile.mkdtemp(prefix="mod_python.making."))
ENV = {"PYTHONPATH": os.pathsep.join([str(FOLDER), str(PROJECT / "python")]), "MAKING": str(FOLDER)}
# Python runs it in each new interpreter, before the module does anything there. The main one starts as ever.
SITE = """
import os, pathlib, sys, time
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
folder = pathlib.Path(os.environ["MAKING"])
if interpreters.get_current() == interpreters.get_main():
    folder = folder / "main"
if (slow := folder / "slow").exists():
    with (folder / "made").open("a") as made:
        made.write("x")
    end = time.monotonic() + 30
    while slow.exists() and time.monotonic() < end:
        time.sleep(0.01)
if (folder / "broken").exists():
    sys.modules["mod_python"] = None
"""
PLACE = """
<Location /{0}>
    SetHandler mod_python
    PythonInterpreter {0}
    PythonHandler interpreter_making
</Location>
"""
NAMES = ("existing", "slow1", "slow2", "slow3", "slow4", "broken", "full", "limited")
CONF = (
    "".join(PLACE.format(name) for name in NAMES)
    + """
ServerLimit 1
StartServers 1
KeepAliveTimeout 30
<IfModule mpm_prefork_module>
    MaxRequestWorkers 1
</IfModule>
<IfModule !mpm_prefork_module>
    ThreadsPerChild 16
    MaxRequestWorkers 16
</IfModule>
# Where httpd itself looks for .htaccess files, it refuses all without descriptors.
<Directory />
    AllowOverride None
</Directory>
<Directory ${HTDOCS}>
    AllowOverride None
</Directory>
<LocationMatch ^/(?<name>main|adds|fill)>
    SetHandler mod_python
    PythonHandler interpreter_making
</LocationMatch>
<Location /adds>
    PythonInterpreter existing
    PythonHandler interpreter_making::adds
</Location>
<Location /fill>
    PythonHandler interpreter_making::fill
</Location>
PythonOutputFilter interpreter_making::same WIRE kind=connection

Listen 127.0.0.1:${LINE_PORT}
<VirtualHost *:${LINE_PORT}>
    PythonInterpreter existing
    PythonConnectionHandler interpreter_making
</VirtualHost>
Listen 127.0.0.1:${NAMED_PORT}
<VirtualHost *:${NAMED_PORT}>
    PythonInterpreter of_connections
    PythonConnectionHandler interpreter_making::named
</VirtualHost>
"""
)
# Seconds in which an interpreter that was not made is not tried again.
PAUSE = 2


@pytest.fixture(scope="module", autouse=True)
def _site() -> Iterator[None]:
    (FOLDER / "sitecustomize.py").write_text(SITE)
    FOLDER.chmod(0o777)
    yield
    shutil.rmtree(FOLDER)


@contextlib.contextmanager
def slow() -> Iterator[None]:
    """Interpreters that start now take as long as this lasts."""
    (FOLDER / "made").write_text("")
    (FOLDER / "made").chmod(0o666)
    (FOLDER / "slow").write_text("")
    try:
        yield
    finally:
        (FOLDER / "slow").unlink()


@contextlib.contextmanager
def making(httpd: Httpd, name: str) -> Iterator[None]:
    """Ask for an interpreter, which is being made as long as this lasts, and then is there."""
    thread = threading.Thread(target=lambda: httpd.get(f"/{name}"))
    with slow():
        thread.start()
        until_made()
        yield
    thread.join()
    assert httpd.get(f"/{name}").text == name


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def until_made() -> None:
    until((FOLDER / "made").read_text)


def concurrent(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":
        pytest.skip("one thread serves one request at a time")


def test_one_thread_makes_it_and_the_others_wait(httpd: Httpd) -> None:
    concurrent(httpd)
    got: list[tuple[int, str]] = []

    def ask() -> None:
        answer = httpd.get("/slow1")
        got.append((answer.status, answer.text))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    with slow():
        for thread in threads:
            thread.start()
        until_made()
    for thread in threads:
        thread.join()
    assert got == [(200, "slow1")] * 6
    assert (FOLDER / "made").read_text() == "x"


def test_what_exists_is_quick_meanwhile(httpd: Httpd) -> None:
    concurrent(httpd)
    assert httpd.get("/existing").text == "existing"
    with making(httpd, "slow2"):
        for path, text in (("/main", "main_interpreter"), ("/existing", "existing")) * 3:
            assert httpd.get(path).text == text


def test_filters_can_be_added_meanwhile(httpd: Httpd) -> None:
    concurrent(httpd)
    assert httpd.get("/existing").text == "existing"
    (FOLDER / "added").unlink(missing_ok=True)
    got: list[str] = []
    adds = threading.Thread(target=lambda: got.append(httpd.get("/adds").text))
    adds.start()  # it is inside its interpreter, and adds the filter when the other one is being made
    httpd.wait_for_log("interpreter_making adds")
    with making(httpd, "slow3"):
        (FOLDER / "added").write_text("")
        adds.join()
        assert got == ["ADDED"]


def test_connections_can_be_written_meanwhile_through_a_filter(httpd: Httpd) -> None:
    concurrent(httpd)
    with httpd.connect(httpd.port_of("LINE_PORT")) as client:
        httpd.wait_for_log("interpreter_making connection")
        with making(httpd, "slow4"):
            # The filter, which has seen nothing so far, looks for its interpreter.
            client.sendall(b"abc\n")
            assert client.recv(100) == b"ABC\n"


def test_a_failed_start_is_tried_again(httpd: Httpd) -> None:
    children = httpd.children()
    (FOLDER / "broken").write_text("")
    begin = time.monotonic()
    for _ in range(20):
        httpd.allow("interpreter 'broken' was not made", "no Python for this request")
        assert httpd.get("/broken").status == 500
    took = time.monotonic() - begin
    httpd.expect("no Python for this request: interpreter 'broken' was not made: .*ModuleNotFoundError")
    # Each attempt is logged, and the next one comes after a pause.
    assert 1 <= httpd.log().count("no Python for this request") <= 1 + took / PAUSE
    httpd.expect("interpreter 'of_connections' was not made")
    httpd.expect("no Python for this connection: interpreter 'of_connections' was not made: .*ModuleNotFoundError")
    assert httpd.raw(b"", port=httpd.port_of("NAMED_PORT")) == b""
    (FOLDER / "broken").unlink()
    until(lambda: httpd.get("/broken").text == "broken")
    until(lambda: httpd.raw(b"", port=httpd.port_of("NAMED_PORT")) == b"of_connections")
    assert httpd.children() == children


@pytest.mark.parametrize(("name", "query"), [("full", ""), ("limited", "?limit")])
def test_first_use_without_descriptors(httpd: Httpd, name: str, query: str) -> None:
    children = httpd.children()
    # The child accepts no other connection meanwhile.
    connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=20)
    httpd.allow("Too many open files", "AH00523|EMFILE|apr_socket_accept")

    def get(path: str) -> int:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    with contextlib.closing(connection):
        assert get("/main") == 200
        assert get(f"/fill{query}") == 200
        assert get(f"/{name}") == 500
        (FOLDER / "enough").write_text("")
        until(lambda: not (FOLDER / "enough").exists())
        until(lambda: get(f"/{name}") == 200)
    assert httpd.children() == children
    httpd.expect(
        "no Python for this request: interpreter 'limited' was not made: Too many open files"
        if query
        else "PythonHandler interpreter_making .*OSError.*Too many open files"
    )
