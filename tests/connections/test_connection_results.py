"""What the result of a connection handler means: HTTP gets a connection only whole, and no result passes silently."""

import pytest

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
TOUCHES = {
    "reads_two": "conn.readline(2)",
    "reads_line": "conn.readline()",
    "reads": "conn.read(3)",
    "writes": "conn.write(b'hello ')",
    "fails_to_read": "suppressed(conn)",
}
RESULTS = {"unknown": 42, "http": 404, "suspended": -3}
HOST = """
Listen 127.0.0.1:${@_PORT}
<VirtualHost *:${@_PORT}>
    PythonConnectionHandler con_results::@
    Timeout 1
</VirtualHost>
"""
NAMES = [*TOUCHES, *RESULTS, *(f"async_{name}" for name in RESULTS), "raises", "untouched"]
CONF = "".join(HOST.replace("@", name) for name in NAMES)
REQUEST = b"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(autouse=True)
def _handlers(httpd: Httpd) -> None:
    source = ["import contextlib", "from mod_python import apache"]
    source += ["def suppressed(conn):", "    with contextlib.suppress(TimeoutError):", "        conn.read(-1)"]
    for name, touch in TOUCHES.items():
        source += [f"def {name}(conn):", f"    {touch}", "    return apache.DECLINED"]
    for name, result in RESULTS.items():
        source += [f"def {name}(conn): return {result}", f"async def async_{name}(conn): return {result}"]
    source += ["def raises(conn): raise apache.SERVER_RETURN(499)"]
    source += ["def untouched(conn):", "    conn.write(b'')", "    return apache.DECLINED"]
    httpd.handler("con_results.py", "\n".join([*source, ""]))
    httpd.write("a.txt", b"a")


def ask(httpd: Httpd, name: str) -> bytes:
    return httpd.raw(REQUEST, port=httpd.port_of(f"{name}_PORT"))


@pytest.mark.parametrize("name", TOUCHES)
def test_http_never_gets_the_rest_of_what_a_handler_has_touched(httpd: Httpd, name: str) -> None:
    httpd.expect(
        rf"PythonConnectionHandler con_results::{name} \(.*\) declined after it had read or written something: closed$"
    )
    assert ask(httpd, name) == (b"hello " if name == "writes" else b"")


def test_a_handler_that_touched_nothing_can_decline(httpd: Httpd) -> None:
    assert ask(httpd, "untouched").endswith(b"\r\n\r\na")


@pytest.mark.parametrize("name", [*RESULTS, *(f"async_{name}" for name in RESULTS), "raises"])
def test_a_result_that_means_nothing_closes_the_connection_with_a_line(httpd: Httpd, name: str) -> None:
    number = RESULTS.get(name.removeprefix("async_"), 499)
    httpd.expect(
        rf"PythonConnectionHandler con_results::{name} \(.*\) gave {number}, which means nothing for a connection: it "
        "is closed; return apache.OK, or apache.DECLINED to leave the connection to HTTP$"
    )
    assert ask(httpd, name) == b""
