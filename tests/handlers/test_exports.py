"""C modules run Python through the optional functions of include/mod_python.h."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

import probes
from httpd import Httpd

MPMS = ("event", "prefork")
CONF = f"""
{probes.load("export_probe")}
<Location "/probe">
    SetHandler export-probe
    PythonInterpreter main_interpreter
    PythonTypeHandler c_exports::typehandler
</Location>
"""
ALLOW_LOG = ("no Python for mp_acquire_interpreter: Python runs only in httpd's children",)


def run(httpd: Httpd, code: str, **headers: str) -> str:
    answer = httpd.get("/probe", {"X-Code": code, **{name.replace("_", "-"): value for name, value in headers.items()}})
    assert answer.status == 200
    return answer.text


def test_there_is_no_python_in_the_parent(httpd: Httpd) -> None:
    assert "] no Python in the parent" in httpd.error_text()
    assert "no Python for mp_acquire_interpreter: Python runs only in httpd's children" in httpd.error_text()


def test_objects(httpd: Httpd) -> None:
    assert run(httpd, "req.uri, server.is_virtual, conn.client_ip") == "('/probe', 0, '127.0.0.1')"
    assert run(httpd, "req.mark") == "left by a handler"
    assert run(httpd, "[type(x).__name__ for x in (req, server, conn)]") == "['mp_request', 'mp_server', 'mp_conn']"


def test_interpreters_by_name(httpd: Httpd) -> None:
    name = "__import__('mod_python.apache').apache.interpreter"
    assert run(httpd, name) == "main_interpreter"
    assert run(httpd, name, X_Interpreter="main_interpreter") == "main_interpreter"
    assert run(httpd, name, X_Interpreter="lent") == "lent"


@pytest.mark.parametrize(
    ("outer", "inner"),
    [("lent", "other"), ("lent", "lent"), ("lent", "main_interpreter"), ("main_interpreter", "lent")],
)
def test_entries_can_be_nested(httpd: Httpd, outer: str, inner: str) -> None:
    name = "__import__('mod_python.apache').apache.interpreter"
    for _ in range(3):
        assert run(httpd, name, X_Interpreter=outer, X_Inner=inner) == f"{outer} {inner} {outer}"


def test_the_objects_are_good_until_the_release(httpd: Httpd) -> None:
    keep = "__import__('builtins').__dict__.update(kept=(req, conn)) or 'kept'"
    assert run(httpd, keep) == "kept"
    error = "[__import__('error_of').error_of(getattr, *x) for x in ((kept[0], 'uri'), (kept[1], 'client_ip'))]"
    if httpd.mpm == "prefork":
        pytest.skip("the next request is another child's, as a rule")
    kept = run(httpd, error)
    # The request before may still be ending.
    over = re.match(
        r"\['RuntimeError: the request (is over|cannot be used now).*', 'RuntimeError: the connection ", kept
    )
    assert over, kept
    assert "the connection cannot be used now, but only while" in kept


def test_what_is_printed_has_the_request(httpd: Httpd) -> None:
    httpd.expect(r"python:notice.*\[client 127\.0\.0\.1:\d+\] printed from C$")
    assert run(httpd, "print('printed from C')") == "None"


def test_exceptions_are_the_callers(httpd: Httpd) -> None:
    httpd.expect(r"python:error.*\[client 127\.0\.0\.1:\d+\] ZeroDivisionError: division by zero$")
    httpd.allow("Traceback", 'File "<string>", line 1')
    assert run(httpd, "1 / 0") == "failed"
    assert run(httpd, "1 + 1") == "2"


def test_a_release_too_many_is_told(httpd: Httpd) -> None:
    httpd.expect("mp_release_interpreter without mp_acquire_interpreter", "without mp_acquire_interpreter")
    assert run(httpd, "1", X_Too_Often="1") == "1 null"
    assert run(httpd, "2") == "2"


def test_many_at_once(httpd: Httpd) -> None:
    names = ["main_interpreter", "lent", "other"] * 30
    with ThreadPoolExecutor(8) as pool:
        code = "sum(range(10000)), req.args"
        answers = list(pool.map(lambda name: run(httpd, code, X_Interpreter=name, X_Inner="lent"), names))
    assert set(answers) == {" ".join(["(49995000, None)"] * 3)}
