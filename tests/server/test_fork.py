"""Processes that Python code forks in a child of httpd: none acts as the child, or ends as it does."""

import http.client
import json
import re

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
PORTS = {"plain": "PLAIN_PORT", "waits": "WAITS_PORT", "on_loop": "ON_LOOP_PORT"}
CONF = """
PythonInterpreter main_interpreter
<Location /call>
    SetHandler mod_python
    PythonHandler call_by_path
</Location>
PythonOutputFilter forking FORKS
PythonOutputFilter forking::generator GENERATES
<Location /filter>
    SetHandler mod_python
    PythonHandler forking::page
    SetOutputFilter FORKS
</Location>
<Location /generator>
    SetHandler mod_python
    PythonHandler forking::page
    SetOutputFilter GENERATES
</Location>
<Location /cleanup>
    SetHandler mod_python
    PythonHandler forking::page
    PythonCleanupHandler forking
</Location>
""" + "".join(
    f"""
Listen 127.0.0.1:${{{port}}}
<VirtualHost *:${{{port}}}>
    PythonInterpreter main_interpreter
    PythonConnectionHandler forking::{name}
</VirtualHost>
"""
    for name, port in PORTS.items()
)
BACK = r"a process that .*(has|was) forked .*(came back|comes back|returned)"


def call(httpd: Httpd, name: str) -> list[object]:
    """What a function of forking answers, twice on one connection: nothing else is on it."""
    connection = http.client.HTTPConnection("localhost", httpd.port, timeout=15)
    answers = []
    for _ in range(2):
        connection.request("GET", f"/call/forking/{name}")
        answers.append(json.loads(connection.getresponse().read()))
    connection.close()
    assert answers[0] == answers[1]
    result: list[object] = answers[0]
    return result


@pytest.mark.parametrize(
    ("name", "code", "line"),
    [
        ("returns", 0, BACK),
        ("exits", 3, r"a process that Python code has forked here ends with sys\.exit\(3\)$"),
        ("exits_with_words", 1, r"ends with sys\.exit\(1\): no more$"),
        ("raises", 1, "has forked here failed.*KeyError: 'in the fork'"),
        ("in_c", 0, BACK),
        ("without_libc", 0, BACK),
    ],
)
def test_a_fork_that_comes_back_from_a_handler_ends(httpd: Httpd, name: str, code: int, line: str) -> None:
    httpd.expect(line)
    assert call(httpd, name) == [code]
    ends = re.findall(r"\[pid (\d+).*at the end of (\d+)$", httpd.log(), re.MULTILINE)
    children = set(httpd.children())
    assert all(int(pid) in children for _, pid in ends)


def test_a_fork_in_a_terminal_of_its_own_ends(httpd: Httpd) -> None:
    assert call(httpd, "in_terminal") == [0]  # what it says goes to the terminal


def test_a_fork_cannot_use_the_request(httpd: Httpd) -> None:
    refused = "this process was forked from a child of httpd, which has the {0}: take what you need of the {0} before"
    found = [str(answer).removesuffix(" os.fork()") for answer in call(httpd, "writes")]
    assert found == [refused.format("request")] * len(found)
    assert len(found) == 4


def test_a_fork_has_no_socket_of_httpd(httpd: Httpd) -> None:
    assert call(httpd, f"sockets/{httpd.port}") == [0]


def test_a_fork_ends_at_sigterm(httpd: Httpd) -> None:
    assert call(httpd, "told") == [-15]


def test_forks_that_are_told_to_end_at_once_end_and_the_client_is_served(httpd: Httpd) -> None:
    """The signal comes when the new process still has the signal handlers of the child."""
    assert call(httpd, "told_at_once") == [-15]


def test_a_fork_without_libc_that_is_told_to_end_leaves_the_client_alone(httpd: Httpd) -> None:
    if httpd.mpm == "prefork":  # threads of the others block the signal, and so does what they fork without libc
        assert call(httpd, "told_without_libc") == [-15]


def test_multiprocessing_works(httpd: Httpd) -> None:
    assert call(httpd, "pool") == [1, 4, 9]


def test_programs_run(httpd: Httpd) -> None:
    assert call(httpd, "programs") == ["hello\n", "hello\n"]


@pytest.mark.parametrize("what", ["filter", "generator", "cleanup"])
def test_a_fork_that_comes_back_from_a_filter_or_cleanup_ends(httpd: Httpd, what: str) -> None:
    httpd.expect(BACK, rf"\] {what}: \[0\]$")
    assert httpd.get(f"/{what}").text == "page"


@pytest.mark.parametrize(("what", "handler"), [("connection", "plain"), ("async", "waits"), ("loop", "on_loop")])
def test_a_fork_that_comes_back_from_a_connection_handler_ends(httpd: Httpd, what: str, handler: str) -> None:
    httpd.expect(BACK, rf"\] {what}: \[0\]$")
    assert httpd.raw(b"x\n", port=httpd.port_of(PORTS[handler])) == b"one answer\n"
