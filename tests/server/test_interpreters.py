"""Named interpreters: modules of one name in each, never mixed, whatever runs at once."""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from httpd import Httpd
from tests.bench.interpreters import CONF as TWO
from tests.bench.interpreters import prepare, receive, run

CONF = (
    TWO
    + """
<Location /main>
    SetHandler mod_python
    PythonPath "['${HANDLERS}/a'] + sys.path"
    PythonHandler namesake
</Location>
<Location /owner>
    SetHandler mod_python
    PythonInterpreter owner
    PythonHandler owner
</Location>
<Location /unnamed>
    SetHandler mod_python
    PythonInterpreter main_interpreter
    PythonPath "['${HANDLERS}/a'] + sys.path"
    PythonHandler namesake
</Location>
"""
)
REQUESTS = 20_000
OWNER = """
from mod_python import apache

gone = []


class Trace:
    def __del__(self):
        gone.append(apache.interpreter)


def handler(req):
    req.trace = Trace()
    req.write(f"gone in {gone[0]}" if gone else "nothing yet")
    return apache.OK
"""


@pytest.fixture(autouse=True)
def _modules(httpd: Httpd) -> None:
    prepare(httpd)


def get(httpd: Httpd, path: str, name: str) -> str:
    answer = httpd.request("GET", path, port=httpd.port_of(f"{name}_PORT"))
    assert answer.status == 200
    return answer.text


def test_handlers_filters_and_types_are_those_of_the_interpreter(httpd: Httpd) -> None:
    for name in "abab":
        port = httpd.port_of(f"{name}_PORT")
        answer = httpd.request("POST", "/filtered", b"<?>", port=port)
        assert answer.headers["Content-Type"] == f"text/x-{name}"
        words = answer.text.split()
        assert words[:3] == [name] * 3
        assert words[4:] == [f"text/x-{name}", f"<{name}>", "out", name]


def test_connection_handlers_are_those_of_the_interpreter(httpd: Httpd) -> None:
    for name in "ab":
        answer = httpd.raw(b"one\ntwo\n", port=httpd.port_of(f"{name}_LINE_PORT"), half_close=True)
        assert answer == f"{name} {name} one\n{name} {name} two\n".encode()


def test_each_counts_for_itself(httpd: Httpd) -> None:
    def count(name: str) -> int:
        return int(get(httpd, "/plain", name).split()[3])

    a, b = count("a"), count("b")
    assert [count("a"), count("a"), count("b"), count("a")] == [a + 1, a + 2, b + 1, a + 3]


def test_the_main_interpreter_has_a_name_too(httpd: Httpd) -> None:
    first, second = httpd.get("/main").text.split(), httpd.get("/unnamed").text.split()
    assert first[:3] == second[:3] == ["a", "main_interpreter", "main_interpreter"]
    assert int(second[3]) == int(first[3]) + 1


def test_extension_modules_work_in_each(httpd: Httpd) -> None:
    for name in "abab":
        assert json.loads(get(httpd, "/extensions", name)) == [name, "3.30", "é", "2024-02-29"]


def test_threads_of_python_work_in_each(httpd: Httpd) -> None:
    for name in "abab":
        assert get(httpd, "/threads", name) == "\n".join([f"{name} {name} True {name}"] * 4)


def test_a_busy_interpreter_leaves_turns_to_others(httpd: Httpd) -> None:
    for name in "ab":
        get(httpd, "/plain", name)
    time.sleep(1.5)  # nothing runs, so nobody looks after turns any more
    answers: list[str] = []
    busy = threading.Thread(target=lambda: answers.append(get(httpd, "/busy?1.5", "a")))
    busy.start()
    time.sleep(0.1)
    begin = time.monotonic()
    for _ in range(5):
        get(httpd, "/plain", "b")
    assert time.monotonic() - begin < 1
    assert not answers
    busy.join()
    assert answers == ["done"]


def test_load(httpd: Httpd) -> None:
    children = httpd.children()
    outcome = run(httpd, REQUESTS)
    assert outcome.wrong == []
    assert sum(outcome.answered.values()) > REQUESTS * 0.7  # a quarter are lines
    assert outcome.grown < 1024
    assert httpd.children() == children


def test_connections_of_both_at_once(httpd: Httpd) -> None:
    both = [httpd.connect(httpd.port_of(f"{name}_LINE_PORT")) for name in "ab" * 3]
    try:
        for turn in range(3):
            for name, connection in zip("ab" * 3, both, strict=True):
                connection.sendall(b"%d\n" % turn)
                assert receive(connection, b"\n") == f"{name} {name} {turn}\n".encode()
    finally:
        for connection in both:
            connection.close()


def test_the_environment_does_not_choose_the_python(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    fake = tmp_path / "python3"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    ask = "import json, sys; print(json.dumps([sys.executable, sys.prefix, sys.version_info[:2]]))"
    built_with = os.environ.get("PYO3_PYTHON", "/usr/bin/python3")
    executable, prefix, version = json.loads(subprocess.check_output([built_with, "-c", ask]))
    env = {"LC_ALL": "C", "LANG": "C", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with Httpd(TWO, beside=__file__, env=env) as httpd:
        prepare(httpd)
        for name in "ab":
            seen = json.loads(get(httpd, "/environment", name))
            assert (seen["executable"], seen["prefix"], seen["version"]) == (executable, prefix, version)
            assert (seen["path first"], seen["locale"]) == (str(tmp_path), "C")
            assert (seen["encoding"], seen["default"], seen["fsencode"]) == ("utf-8", "utf-8", "c3a9")
            assert seen["argv"] == ["mod_python"]
            assert seen["path"][0] == f"{httpd.handlers}/{name}"


def test_w29_a_request_lets_go_of_its_objects_in_their_interpreter(httpd: Httpd) -> None:
    httpd.handler("owner.py", OWNER)
    assert httpd.get("/owner").text == "nothing yet"
    deadline = time.monotonic() + 5
    while (text := httpd.get("/owner").text) == "nothing yet" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert text == "gone in owner"
