"""C code that uses the PyGILState functions beside our interpreters finds each thread as if we had not been there."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

import probes
from httpd import Httpd

MPMS = ("event", "prefork")
CONF = f"""
{probes.load("gilstate")}
PythonOutputFilter gilstate_users UPPER
PythonInputFilter gilstate_users UPPER_BODY
<Location "/c">
    SetHandler gilstate
</Location>
<Location "/python">
    SetHandler mod_python
    PythonHandler gilstate_users
</Location>
""" + "".join(
    f"""
<Location "/{kind}/{name}">
    PythonInterpreter {name}
    PythonFixupHandler gilstate_users
    SetOutputFilter UPPER
    SetInputFilter UPPER_BODY
</Location>
"""
    for kind in ("c", "python")
    for name in ("main_interpreter", "other", "third")
)
NAMES = ("main_interpreter", "other", "third")


def looks(httpd: Httpd) -> set[str]:
    """What the module found in its hooks."""
    return set(re.findall(r"gilstate [\w ]+: (.*)$", httpd.log(), re.MULTILINE))


def good(*also: str) -> set[str]:
    return {"interpreter 0, was free, is as before", *also}


@pytest.mark.parametrize("name", NAMES)
def test_c_code_in_hooks_before_and_between_ours(httpd: Httpd, name: str) -> None:
    for _ in range(3):
        answer = httpd.request("POST", f"/c/{name}", b"body")
        assert (answer.status, answer.text) == (200, "FROM C\n")
    assert looks(httpd) == good()


@pytest.mark.parametrize("name", NAMES)
def test_c_code_in_hooks_inside_of_ours(httpd: Httpd, name: str) -> None:
    answer = httpd.request("POST", f"/python/{name}", b"body")
    assert answer.text == f"{name} {name}\n".upper() * 2
    answer = httpd.request("POST", f"/python/{name}?redirect", b"body")
    assert answer.text == f"{name} {name}\n".upper() + "from c\n"
    assert looks(httpd) == good()


@pytest.mark.parametrize("how", ["nested", "held"])
@pytest.mark.parametrize("name", NAMES)
def test_our_filters_inside_of_c_code_that_runs_python(httpd: Httpd, name: str, how: str) -> None:
    for _ in range(3):
        answer = httpd.get(f"/c/{name}", {"X-Gilstate": how})
        assert (answer.status, answer.text) == (200, "FROM C\n")
    assert looks(httpd) == good("interpreter 0")


def test_thread_states_that_another_module_keeps(httpd: Httpd) -> None:
    """As mod_wsgi keeps those of its main interpreter: on some threads it comes first, on others we do."""

    def ask(number: int) -> str:
        kind, name = ("c", "python")[number % 2], NAMES[number % 3]
        words = ("keep", "keep nested", "nested", "held")[number % 4] if number > 20 else ""
        return httpd.request("POST", f"/{kind}/{name}", b"body", {"X-Gilstate": words}).text

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(200)))
    expected = [
        "FROM C\n" if number % 2 == 0 else f"{NAMES[number % 3]} {NAMES[number % 3]}\n".upper() * 2
        for number in range(200)
    ]
    assert answers == expected
    assert looks(httpd) <= good("interpreter 0", "interpreter 0, was free, is kept")


@pytest.mark.parametrize("mpm", MPMS)
def test_python_that_another_module_has_started(mpm: str) -> None:
    with Httpd("Define GILSTATE_STARTS\n" + CONF, beside=__file__, mpm=mpm) as httpd:
        for name in NAMES:
            assert httpd.request("POST", f"/c/{name}", b"body").text == "FROM C\n"
            assert httpd.request("POST", f"/python/{name}", b"body").text == f"{name} {name}\n".upper() * 2
        httpd.graceful()
        assert httpd.request("POST", "/c/other", b"body").text == "FROM C\n"
        assert looks(httpd) == good()
