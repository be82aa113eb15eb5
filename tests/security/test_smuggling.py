"""Whatever an input filter or a reader does with a body: its bytes are never taken for the next request."""

import contextlib
import http.client

import pytest

import http1
from httpd import Httpd, Response

# What may happen to a body on its way. After a failure the connection may end.
HARMLESS = {
    "none": "",
    "unchanged": "unchanged",
    "close-at-once": "close_at_once",
    "close-after-one": "close_after_one",
    "disable-at-once": "disable_at_once",
    "disable-after-one": "disable_after_one",
    "reads-nothing": "reads_nothing",
}
FAILING = {"raise-at-once": "raise_at_once", "raise-after-one": "raise_after_one", "refuse": "refuse"}
FILTERS = {**HARMLESS, **FAILING}

# Who reads it. {f} is the line that sets the filter.
TARGETS = {
    "read": "{f}\n SetHandler mod_python\n PythonHandler body_readers::echo",
    "ignored": "{f}\n SetHandler mod_python\n PythonHandler body_readers::ignore",
    "refused": "{f}\n SetHandler mod_python\n PythonHandler body_readers::refuse",
    "missing": "{f}",
    "forbidden": "{f}\n Require all denied",
    "discarded": "{f}\n SetHandler server-status",
    # An error page behind another filter, or none, that does not read what nobody has read yet.
    "page": "{f}\n Require all denied\n ErrorDocument 403 /page",
    "filtered-page": "{f}\n Require all denied\n ErrorDocument 403 /filtered-page",
    "page-that-fails": "{f}\n Require all denied\n ErrorDocument 403 /filtered-refusal",
    "page-of-file": "{f}\n Require all denied\n ErrorDocument 403 /page.html",
    "page-of-handler": "{f}\n SetHandler mod_python\n PythonHandler body_readers::refuse\n ErrorDocument 403 /page",
    # Another handler gets all of the POST.
    "action": "{f}\n Action to-echo /action-echo virtual\n SetHandler to-echo",
    "action-ignored": "{f}\n Action to-nobody /page virtual\n SetHandler to-nobody",
    "action-filtered": "{f}\n Action to-filtered /filtered-page virtual\n SetHandler to-filtered",
    "script": "{f}\n ScriptAlias ${{CGI_BIN}}/echo",
    # The body is kept before somebody gets it, or nobody does.
    "unknown": "{f}\n SetHandler nobody-knows-it",
    "action-to-script": "{f}\n Action to-script /cgi-bin/echo virtual\n SetHandler to-script",
    "action-to-page": "{f}\n Action to-page /filtered-page virtual\n SetHandler to-page",
    "proxy": "{f}\n ProxyPass http://127.0.0.1:${{PORT}}/action-echo",
    "proxy-ignored": "{f}\n ProxyPass http://127.0.0.1:${{PORT}}/page",
}
CONF = (
    """
PythonOption status 403
<Location /genuine>
    SetHandler mod_python
    PythonHandler body_readers::genuine
</Location>
<Location /marked>
    SetHandler mod_python
    PythonHandler body_readers::marked
</Location>
<Location /page>
    SetHandler mod_python
    PythonHandler body_readers::ignore
</Location>
PythonInputFilter input_filters::unchanged PAGE
<Location /filtered-page>
    SetInputFilter PAGE
    SetHandler mod_python
    PythonHandler body_readers::ignore
</Location>
<Location /filtered-refusal>
    SetInputFilter PAGE
    SetHandler mod_python
    PythonHandler body_readers::refuse
</Location>
<Location /action-echo>
    SetHandler mod_python
    PythonHandler body_readers::echo
</Location>
"""
    + "".join(f"PythonInputFilter input_filters::{f} {n}\n" for n, f in FILTERS.items() if f)
    + "".join(
        f"<Location /{name}/{target}>\n {text.format(f=f'SetInputFilter {name}' if function else '')}\n</Location>\n"
        for name, function in FILTERS.items()
        for target, text in TARGETS.items()
    )
)

ECHO = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; cat\n"
EVIL = http1.get("/marked")
# The body is the request itself; or looks like a chunked one that ends early, if somebody takes it for that.
BODIES = {
    "request": EVIL * 3,
    "last-chunk": b"0\r\n\r\n" + EVIL * 3,
    "chunk": b"5\r\nhello\r\n0\r\n\r\n" + EVIL * 3,
    "long": EVIL * 4000,
}


# Of these nothing is left after a failure but the reset of a connection with unread bytes in it.
CUT = {"long"}


@pytest.fixture(scope="module", autouse=True)
def _files(httpd: Httpd) -> None:
    httpd.write("page.html", "a page")
    httpd.cgi("echo", ECHO)


def answers(httpd: Httpd, data: bytes) -> list[Response]:
    """Return the responses to what is sent in one go, as far as they are whole."""
    got = bytearray()
    with httpd.connect() as connection, contextlib.suppress(ConnectionError):
        connection.sendall(data)
        while piece := connection.recv(65536):
            got += piece
    with contextlib.suppress(http.client.HTTPException):
        return http1.responses(bytes(got))
    return []


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", FILTERS)
def test_i8_i12_a_body_is_never_a_request(httpd: Httpd, name: str, target: str) -> None:
    httpd.allow("AH01630: client denied")
    if name in FAILING:
        httpd.allow(
            r"\[python:error\]",
            "AH01270: Error reading|AH01095: prefetch request body failed",
            "cat: -: Connection reset",
        )
    for kind, body in BODIES.items():
        for framed in (body, [body], [body[:3], body[3:]]):
            before = len(httpd.requests())
            end = http1.get("/genuine", "Connection: close")
            got = answers(httpd, http1.post(f"/{name}/{target}", framed) + end)
            what = (kind, "length" if isinstance(framed, bytes) else f"{len(framed)} chunks")
            assert not any(answer.body == b"MARKED" for answer in got), what
            assert not any("/marked" in line for line in httpd.requests()[before:]), what
            # The request behind the body is answered, or the connection has ended.
            assert [answer.body for answer in got[1:]] in ([b"genuine"], []), what
            if name in HARMLESS:
                assert len(got) == 2, what
            elif kind not in CUT:
                assert got, what
