"""A streaming filter that raises SERVER_RETURN with a result that is no answer ends as if it had returned."""

import pytest

import http1
from httpd import Httpd
from versions import ask

MPMS = ("event", "prefork")
FUNCTIONS = ["returns", "raises", "raises_untouched", "raises_with_status"]
SOURCES = ["whole", "pieces", "proxy"]
RESULTS = {"OK": 0, "DECLINED": -1, "DONE": -2, "200": 200}
CONF = """
    <Location "/pieces">
        SetHandler mod_python
        PythonHandler streaming_returns::pieces
    </Location>
    """ + "".join(
    f"""
        PythonOutputFilter streaming_returns::{name} {name}
        PythonInputFilter streaming_returns::{name} {name}
        <Location "/in/{name}">
            SetHandler mod_python
            PythonHandler streaming_returns::echo
            SetInputFilter {name}
        </Location>
        <Location "/{name}">
            SetHandler mod_python
            SetOutputFilter {name}
        </Location>
        <Location "/{name}/whole">
            PythonHandler streaming_returns::whole
        </Location>
        <Location "/{name}/pieces">
            PythonHandler streaming_returns::pieces
        </Location>
        ProxyPass "/{name}/proxy" "http://127.0.0.1:${{PORT}}/pieces"
        """
    for name in FUNCTIONS
)


def bodies(httpd: Httpd, path: str) -> list[bytes]:
    """Return the body of a path on each version of HTTP; the connection goes on behind it."""
    first, second = http1.responses(httpd.raw(http1.get(path) + http1.get(path, "Connection: close")))
    found = [first.body, second.body]
    if httpd.mpm == "event":
        found.append(ask(httpd, "2", path).body)
    return found


def expect_warning(httpd: Httpd, result: str, times: int) -> None:
    """Announce what the log says of 200 as a result."""
    if result == "200":
        for _ in range(times):
            httpd.expect("SERVER_RETURN: 200 is no result for a handler: return apache.OK")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("result", RESULTS)
def test_a_result_ends_the_body_as_return_does_however_it_comes_in(httpd: Httpd, result: str, source: str) -> None:
    returned = bodies(httpd, f"/returns/{source}")
    assert returned == [b"01"] * len(returned)
    expect_warning(httpd, result, len(returned))
    assert bodies(httpd, f"/raises/{source}?{RESULTS[result]}") == returned


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("result", RESULTS)
def test_a_result_before_anything_is_read_leaves_the_body_as_return_does(
    httpd: Httpd, result: str, source: str
) -> None:
    times = 3 if httpd.mpm == "event" else 2
    expect_warning(httpd, result, times)
    assert bodies(httpd, f"/raises_untouched/{source}?{RESULTS[result]}") == [b"0123456789"] * times


@pytest.mark.parametrize("source", SOURCES)
def test_a_result_with_a_status_gives_the_response_that_status(httpd: Httpd, source: str) -> None:
    (answer,) = http1.responses(httpd.raw(http1.get(f"/raises_with_status/{source}?0", "Connection: close")))
    assert (answer.status, answer.body) == (499, b"")


@pytest.mark.parametrize("body", [b"0123456789", [b"01234", b"56789"]])
@pytest.mark.parametrize("result", RESULTS)
def test_a_result_ends_the_body_of_a_request_as_return_does(
    httpd: Httpd, result: str, body: bytes | list[bytes]
) -> None:
    for name in ("returns", "raises"):
        if name == "raises":
            expect_warning(httpd, result, 1)
        path = f"/in/{name}?{RESULTS[result]}"
        first, second = http1.responses(
            httpd.raw(http1.post(path, body) + http1.get("/returns/whole", "Connection: close"))
        )
        assert (first.body, second.body) == (b"<01>", b"01")
