"""SetHandler python-metrics: all counts as Prometheus reads them, and the rows of applications in server-status."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
CONF = """
<Location "/server-status">
    SetHandler server-status
</Location>
<Location "/metrics">
    SetHandler python-metrics
</Location>
PythonApplication /site wsgi measured:site
PythonApplication "/odd\\"<name>" wsgi measured:site
PythonApplication /async asgi measured:answer
PythonApplication /made wsgi measured:make()
<Location "/placed">
    PythonApplication wsgi measured:site
</Location>
<Location "/site/metrics">
    SetHandler python-metrics
</Location>
<Location "/plain">
    SetHandler mod_python
    PythonHandler measured::plain
    SetOutputFilter odd
</Location>
PythonOutputFilter measured::same odd
Listen 127.0.0.1:${OTHER_PORT}
<VirtualHost *:${OTHER_PORT}>
    ServerName other.example
    PythonApplication / wsgi measured:make()
</VirtualHost>
Listen 127.0.0.1:${PARK_PORT}
<VirtualHost *:${PARK_PORT}>
    PythonConnectionHandler measured::park
</VirtualHost>
"""
PROGRAM = """
import asyncio
import time
from mod_python import apache

def site(environ, start_response):
    what = environ["PATH_INFO"]
    if what == "/raises":
        raise KeyError("shelf")
    start_response("503 Busy" if what == "/busy" else "200 OK", [("Content-Type", "text/plain")])
    if what == "/slow":
        time.sleep(1.2)
    if what == "/cut":
        return cut()
    return [b"text"]

def cut():
    yield b"a" * 100_000
    raise KeyError("cut")

def make():
    return site

def plain(req):
    req.write("plain")
    return apache.OK

def same(filter):
    data = filter.read()
    while data:
        filter.write(data)
        data = filter.read()
    if data is None:
        filter.close()

async def answer(scope, receive, send):
    await asyncio.sleep(0.6)
    await send({"type": "http.response.start", "status": 500, "headers": []})
    await send({"type": "http.response.body", "body": b"text"})

async def park(conn):
    await conn.write(b"here\\n")
    await conn.readline()
"""


@pytest.fixture(autouse=True, scope="module")
def _program(httpd: Httpd) -> None:
    httpd.handler("measured.py", PROGRAM)


def samples(httpd: Httpd, path: str = "/metrics") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All samples, as a parser of Prometheus's own reads them."""
    parser: Any = pytest.importorskip("prometheus_client.parser")
    answer = httpd.get(path)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {}
    for family in parser.text_string_to_metric_families(answer.text):
        assert family.documentation.endswith("."), family
        assert family.type in ("counter", "gauge")
        assert family.samples, family
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, "each sample once"
            found[key] = sample.value
    return found


def of(httpd: Httpd, name: str, **labels: str) -> dict[str, float]:
    """The numbers of one row."""
    wanted = frozenset(labels.items())
    begin = f"mod_python_{name}_"
    rows = ((key, value) for (key, have), value in samples(httpd).items() if have >= wanted)
    return {key.removeprefix(begin): value for key, value in rows if key.startswith(begin)}


def lines(httpd: Httpd) -> dict[str, int]:
    """The lines of server-status?auto that are ours."""
    found = re.findall(r"^(Python.*): (\d+)$", httpd.get("/server-status?auto").text, re.MULTILINE)
    return {name: int(value) for name, value in found}


def test_an_application(httpd: Httpd) -> None:
    httpd.allow("measured", "Traceback", "KeyError", "File ", "failed")
    before = of(httpd, "application", path="/site")
    for path, status in (("/site", 200), ("/site/x", 200), ("/site/busy", 503), ("/site/raises", 500)):
        assert httpd.get(path).status == status
    with pytest.raises(Exception, match=r"."):
        httpd.get("/site/cut")
    after = of(httpd, "application", path="/site", application="measured:site")
    assert after["requests_total"] - before.get("requests_total", 0) == 5
    assert after["errors_total"] - before.get("errors_total", 0) == 3
    assert 0 < after["seconds_total"] < 5
    assert (after["in_progress"], after["oldest_seconds"]) == (0, 0)


def test_what_runs_is_seen_from_any_child(httpd: Httpd) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(httpd.get, "/placed/slow") for _ in range(3)]
        deadline = time.monotonic() + 10
        while of(httpd, "application", path="/placed").get("in_progress") != 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert of(httpd, "application", path="/placed")["in_progress"] == 3
        assert all(answer.result().status == 200 for answer in answers)
    row = of(httpd, "application", path="/placed")
    assert (row["in_progress"], row["requests_total"]) == (0, 3)
    assert row["seconds_total"] >= 3.6


def test_an_application_of_asgi(httpd: Httpd) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpd.get, "/async")
        deadline = time.monotonic() + 10
        while of(httpd, "application", path="/async").get("in_progress") != 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert of(httpd, "application", path="/async")["in_progress"] == 1
        assert answer.result().status == 500
    row = of(httpd, "application", path="/async", application="measured:answer")
    assert (row["requests_total"], row["errors_total"], row["in_progress"]) == (1, 1, 0)
    assert row["seconds_total"] >= 0.6


def test_the_server_of_an_application_is_named(httpd: Httpd) -> None:
    port = httpd.port_of("OTHER_PORT")
    assert httpd.request("GET", "/x", port=port).status == 200
    row = of(httpd, "application", server=f"other.example:{port}", path="/", application="measured:make()")
    assert row["requests_total"] == 1
    assert of(httpd, "application", server=f"localhost:{httpd.port}", path="/") == {}
    assert of(httpd, "application", server=f"localhost:{httpd.port}", path="/site").keys() >= {"requests_total"}


def test_server_status_has_the_same_rows(httpd: Httpd) -> None:
    assert httpd.get("/made/x").status == 200
    seen = of(httpd, "application", path="/made", application="measured:make()")
    name = next(name for name in lines(httpd) if re.match(r"PythonApplication\[[^]]*/made\]Calls$", name))
    row = name.removesuffix("Calls")
    told = lines(httpd)
    assert told[f"{row}Calls"] == seen["requests_total"] >= 1
    assert told[f"{row}InProgress"] == told[f"{row}Errors"] == 0
    assert f"{row}Microseconds" in told
    assert f"{row}BytesIn" not in told
    assert re.search(r"<td>PythonApplication</td><td>[^<]*/made</td><td>\d+</td>", httpd.get("/server-status").text)


def test_names_are_escaped(httpd: Httpd) -> None:
    assert httpd.get("/odd%22%3Cname%3E").status == 200
    assert of(httpd, "application", path='/odd"<name>')["requests_total"] == 1
    assert '/odd"&lt;name&gt;</td>' in httpd.get("/server-status").text


def test_filters_and_handlers(httpd: Httpd) -> None:
    assert httpd.get("/plain").text == "plain"
    row = of(httpd, "filter", directive="PythonOutputFilter", filter="odd")
    assert row["calls_total"] >= 1
    assert (row["read_bytes_total"], row["written_bytes_total"], row["errors_total"]) == (5, 5, 0)
    assert "held_bytes" in row
    assert of(httpd, "handler", directive="PythonHandler")["calls_total"] >= 1


def test_connections(httpd: Httpd) -> None:
    with httpd.connect(httpd.port_of("PARK_PORT")) as connection:
        assert connection.recv(5) == b"here\n"
        parked = 1 if httpd.mpm == "event" else 0
        deadline = time.monotonic() + 5
        while of(httpd, "connections") != {"open": 1, "parked": parked} and time.monotonic() < deadline:
            time.sleep(0.02)
        assert of(httpd, "connections") == {"open": 1, "parked": parked}
        connection.sendall(b"\n")
        assert connection.recv(5) == b""


def test_who_answers(httpd: Httpd) -> None:
    found = samples(httpd)
    (labels,) = (dict(labels) for name, labels in found if name == "mod_python_info")
    assert labels.keys() == {"version", "python"}
    assert found["mod_python_children", frozenset()] >= 1


def test_the_handler_in_the_path_of_an_application(httpd: Httpd) -> None:
    assert ("mod_python_children", frozenset()) in samples(httpd, "/site/metrics")


def test_methods(httpd: Httpd) -> None:
    head = httpd.request("HEAD", "/metrics")
    assert (head.status, head.body) == (200, b"")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = httpd.request(method, "/metrics", b"x")
        allowed = {name.strip() for name in (answer.headers["Allow"] or "").split(",")}
        assert (answer.status, allowed >= {"GET", "HEAD"}, method in allowed) == (405, True, False)
    assert httpd.request("OPTIONS", "/metrics").status == 200
