"""What adds itself each time is bounded, and what cannot stand alone is not added."""

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")
MODULES = ("cache",)
CONF = """
PythonOutputFilter endless SELF
PythonOutputFilter endless::late_outputfilter LATE
PythonInputFilter endless SELF_IN
<LocationMatch "^/self">
    SetOutputFilter SELF
</LocationMatch>
<LocationMatch "^/late">
    SetOutputFilter LATE
</LocationMatch>
<Location "/reads">
    SetHandler mod_python
    PythonHandler endless::reads
    SetInputFilter SELF_IN
</Location>
""" + "".join(
    f"""
    <Location "/{name}">
        SetHandler mod_python
        PythonHandler endless::{name}
    </Location>
    """
    for name in ("registered", "many", "handler", "cleans", "names", "registers", "going")
)
MOST = "100 filters were added to this request, which is the most"


@pytest.mark.parametrize(("path", "name"), [("/self.html", "SELF"), ("/late.html", "LATE"), ("/registered", "AGAIN")])
def test_a_filter_that_adds_itself_is_stopped(httpd: Httpd, path: str, name: str) -> None:
    httpd.write(path[1:], "body")
    httpd.expect(f"filter {name} .* failed.*{MOST}: '{name}' is not added")
    assert httpd.get(path).status == 500


def test_an_input_filter_that_adds_itself_is_stopped(httpd: Httpd) -> None:
    httpd.expect(f"filter SELF_IN .* failed.*{MOST}: 'SELF_IN' is not added")
    httpd.allow("PythonHandler endless::reads")
    assert httpd.request("POST", "/reads", bytes(2_000_000)).status == 500


@pytest.mark.parametrize("number", [100, 8000])
def test_a_request_has_a_hundred_filters_of_its_own_at_most(httpd: Httpd, number: int) -> None:
    said, _, rest = httpd.get(f"/many?{number}").text.partition(" .")
    assert said.startswith(MOST if number > 100 else "")
    assert rest == 99 * "."


@pytest.mark.parametrize("number", [100, 101])
def test_a_request_registers_filters_of_a_hundred_names_at_most(httpd: Httpd, number: int) -> None:
    said = httpd.get(f"/registers?{number}").text.removeprefix("the last one").strip()
    assert said.startswith("100 filters were registered for this request") == (number > 100)
    assert bool(said) == (number > 100)


def test_a_function_may_register_a_filter_when_another_one_replaces_it(httpd: Httpd) -> None:
    assert httpd.get("/going").text == "the last one"


def test_a_handler_that_adds_itself_is_stopped(httpd: Httpd) -> None:
    httpd.expect("PythonHandler .*100 handlers were added to this request, which is the most")
    assert httpd.get("/handler").status == 500


def test_a_cleanup_that_registers_itself_is_stopped(httpd: Httpd) -> None:
    httpd.expect("cleanup _cleanup.*100 functions were registered by cleanups, which is the most")
    assert httpd.get("/cleans").text == "cleaned"
    assert httpd.get("/many?1").text == " ."


def test_filters_that_cannot_stand_alone_are_not_added(httpd: Httpd) -> None:
    alone = {
        "OLD_WRITE": "output",
        "subreq_core": "output",
        "CORE": "output",
        "CORE_IN": "input",
        "HTTP_HEADER": "output",
        "HTTP_IN": "input",
        "CHUNK": "output",
        "SSL/TLS%20Buffer": "input",
        "SSL/TLS%20Filter": "both",
        "CACHE_SAVE": "output",
        "MOD_PYTHON_REPLAY": "input",
        "reqtimeout": "both",
        "mod_python": "both",
    }
    lines = httpd.get("/names?" + ";".join(alone)).text.splitlines()
    assert lines.pop() == "end"
    for (name, way), said in zip(alone.items(), [lines[at : at + 2] for at in range(0, len(lines), 2)], strict=True):
        name = name.replace("%20", " ")
        for word, line in zip(("output", "input"), said, strict=True):
            if way in (word, "both"):
                assert line.startswith(f"{word} filter {name} cannot be added to a request: "), line
            else:
                assert line.startswith(f"there is no {word} filter '{name}'"), line
