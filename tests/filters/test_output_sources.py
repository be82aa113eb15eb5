"""Output filters over sources that are slow or strange: nothing waits in a filter for what comes later."""

import time

import pytest

from httpd import Httpd

MPMS = ("event", "prefork")  # cgid and cgi
FILTERS = {
    "upper": "output_filters::upper",
    "single_read": "output_filters::single_read",
    "by_line": "output_filters::by_line",
    "unchanged": "output_filters::unchanged",
    "reads_none": "output_filters::reads_none",
    "hide": "output_filters::hide",
}
CONF = (
    "".join(
        f"""
    <Location "/cgi-bin/{name}">
        PythonOutputFilter {function} {name}
        SetOutputFilter {name}
    </Location>
    """
        for name, function in FILTERS.items()
    )
    + """
    <Location "/cgi-bin/chain">
        SetOutputFilter unchanged;hide;upper
    </Location>
    <Location "/handler">
        SetHandler mod_python
        PythonHandler output_sources::slow
        SetOutputFilter upper
    </Location>
    """
)
PAUSE = 0.4
SCRIPT = f"""#!/bin/sh
printf 'Content-Type: text/plain\\n\\nfirst'
sleep {PAUSE}
printf second
"""


def timed(httpd: Httpd, path: str, *, tls: bool = False) -> tuple[bytes, float, float]:
    """The body, when its first bytes came, and when its end came.

    A busy machine may be late, or a child not yet warm: then it is tried again. What waits in a filter is always late.
    """
    for _ in range(3):
        body, first, end = one_try(httpd, path, tls=tls)
        if first < 0.2:
            break
    return body, first, end


def one_try(httpd: Httpd, path: str, *, tls: bool) -> tuple[bytes, float, float]:
    with httpd.connect(tls=tls) as connection:
        start = time.monotonic()
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer, first = b"", 0.0
        while data := connection.recv(65536):
            answer += data
            if not first and b"\r\n\r\n" in answer and answer.partition(b"\r\n\r\n")[2]:
                first = time.monotonic() - start
        return answer.partition(b"\r\n\r\n")[2], first, time.monotonic() - start


@pytest.mark.parametrize("name", ["upper", "single_read", "unchanged", "reads_none", "chain"])
def test_o7_a_slow_script(httpd: Httpd, name: str) -> None:
    httpd.cgi(name, SCRIPT)
    body, first, end = timed(httpd, f"/cgi-bin/{name}")
    assert body.lower() == b"firstsecond"
    assert first < 0.2
    assert end > PAUSE


def test_o7_a_slow_script_over_tls(httpd: Httpd) -> None:
    httpd.cgi("upper", SCRIPT.replace(str(PAUSE), "1.5"))
    body, first, end = timed(httpd, "/cgi-bin/upper", tls=True)
    assert body == b"FIRSTSECOND"
    assert first < 0.2
    assert end > 1.5


def test_o7_what_a_filter_keeps_for_later_does_not_hold_up_the_rest(httpd: Httpd) -> None:
    httpd.cgi("hide", SCRIPT.replace("first", "no sec").replace("second", "ret"))
    body, first, _ = timed(httpd, "/cgi-bin/hide")
    assert body == b"no ..."
    assert first < 0.2


def test_o8_a_slow_handler_that_flushes(httpd: Httpd) -> None:
    body, first, end = timed(httpd, f"/handler?{PAUSE}")
    assert body == b"FIRSTSECOND"
    assert first < 0.2
    assert end > PAUSE


def test_lines_of_a_script(httpd: Httpd) -> None:
    # The last line has no end, and the pipe turns out to be over only when it is read again.
    httpd.cgi("by_line", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\none\\ntwo\\n'; sleep 0.1; printf 'three'\n")
    assert httpd.get("/cgi-bin/by_line").text == "[one][two][three]"


def test_o4_a_script_that_says_nothing(httpd: Httpd) -> None:
    httpd.cgi("upper", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n")
    assert httpd.get("/cgi-bin/upper").text == ""


def test_a_large_script(httpd: Httpd) -> None:
    httpd.cgi("upper", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nhead -c 3000000 /dev/zero | tr '\\0' x\n")
    assert httpd.get("/cgi-bin/upper").body == b"X" * 3_000_000
