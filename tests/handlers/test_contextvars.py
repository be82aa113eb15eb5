"""contextvars: each request, coroutine and async generator has a context of its own, on whatever thread it runs."""

from httpd import Httpd

MPMS = ("event", "worker", "prefork")
CONF = """
PythonOutputFilter contexts::plain PLAIN
PythonOutputFilter contexts::first FIRST
PythonOutputFilter contexts::second SECOND
<Location /tells>
    SetHandler mod_python
    PythonHandler contexts::tells
</Location>
<LocationMatch "^/(phases|tells)">
    PythonAccessHandler contexts::sets
</LocationMatch>
<Location /phases>
    SetHandler mod_python
    PythonHandler contexts::tells
    SetOutputFilter PLAIN;FIRST;SECOND
</Location>
<Location /cleans>
    SetHandler mod_python
    PythonHandler contexts::cleans
</Location>
<Directory "${HTDOCS}">
    Options +Includes
    AddOutputFilter INCLUDES .shtml
</Directory>
<Location /file>
    PythonAccessHandler contexts::sets
    SetOutputFilter FIRST;SECOND
</Location>
<Location /reset>
    SetHandler mod_python
    PythonHandler contexts::opens
    PythonCleanupHandler contexts::closes
</Location>
<Location /logged>
    SetHandler mod_python
    PythonHandler contexts::opens
    PythonLogHandler contexts::closes
</Location>
<Location /redirects>
    SetHandler mod_python
    PythonHandler contexts::redirects
</Location>
Listen 127.0.0.1:${CHAIN_PORT}
<VirtualHost *:${CHAIN_PORT}>
    PythonPostReadRequestHandler contexts::chains
    PythonTransHandler contexts::chains
    PythonHeaderParserHandler contexts::chains
    PythonAccessHandler contexts::chains
    PythonTypeHandler contexts::chains
    PythonFixupHandler contexts::chains
    PythonHandler contexts::chains
    PythonLogHandler contexts::chains
    PythonCleanupHandler contexts::ends_chain
    <Location />
        SetHandler mod_python
    </Location>
</VirtualHost>
Listen 127.0.0.1:${ASYNC_PORT}
<VirtualHost *:${ASYNC_PORT}>
    PythonConnectionHandler contexts::connection
</VirtualHost>
Listen 127.0.0.1:${PLAIN_PORT}
<VirtualHost *:${PLAIN_PORT}>
    PythonConnectionHandler contexts::plain_connection
</VirtualHost>
"""


def test_a_request_sees_nothing_of_another_one(httpd: Httpd) -> None:
    assert {httpd.get("/tells").text for _ in range(60)} == {"nobody "}


def test_a_value_lasts_from_phase_to_phase(httpd: Httpd) -> None:
    for name in ("alice", "bob"):
        assert httpd.get(f"/tells?{name}").text == f"{name} "
    assert httpd.get("/tells").text == "nobody "


def test_a_later_phase_can_reset_what_the_first_call_has_set(httpd: Httpd) -> None:
    httpd.get("/logged")
    assert httpd.wait_for_log("/logged: back to (.*)")[1] == "nobody"


def test_every_phase_can_reset_what_the_phase_before_has_set(httpd: Httpd) -> None:
    httpd.raw(b"GET /chain HTTP/1.0\r\n\r\n", port=httpd.port_of("CHAIN_PORT"))
    phases = "PostReadRequest Trans HeaderParser Access Type Fixup Content Log then nobody"
    assert httpd.wait_for_log("/chain: (.*)")[1] == phases


def test_a_redirected_request_can_reset_what_it_has_set(httpd: Httpd) -> None:
    httpd.get("/redirects")
    assert httpd.wait_for_log("/reset: back to (.*)")[1] == "outside"


def test_a_generator_has_a_copy_of_its_own(httpd: Httpd) -> None:
    for _ in range(20):
        # The handler's write makes the generators; the end of the response comes behind the handler.
        expected = "alice plain:handler first:alice,first second:alice,second "
        assert httpd.get("/phases?alice").text == expected


def test_a_filter_of_a_file_sees_what_handlers_have_set(httpd: Httpd) -> None:
    httpd.write("file", "page ")
    for name in ("alice", "bob"):
        assert httpd.get(f"/file?{name}").text == f"page first:{name},first second:{name},second "
    assert httpd.get("/file").text == "page first:nobody,first second:nobody,second "


def test_the_elements_of_a_page_share_those_of_its_request(httpd: Httpd) -> None:
    tells = '<!--#python exec="import contexts" --><!--#python eval="contexts.name.get()" -->'
    httpd.write("page.shtml", tells + "<!--#python exec=\"contexts.name.set('page')\" --> " + tells)
    assert {httpd.get("/page.shtml").text for _ in range(10)} == {"nobody page"}


def test_a_cleanup_sees_what_was_set_when_it_was_registered(httpd: Httpd) -> None:
    httpd.get("/cleans")
    assert httpd.wait_for_log("cleanup of (.*)")[1] == "handler"


def test_a_coroutine_has_a_context_of_its_own(httpd: Httpd) -> None:
    port = httpd.port_of("ASYNC_PORT")
    with httpd.connect(port) as alice, httpd.connect(port) as bob, httpd.connect(port) as other:
        for client, name in [(alice, "alice"), (bob, "bob"), (other, "")] * 3:
            client.sendall(f"{name}\n".encode())
            seen = name or "nobody"
            assert client.makefile("rb").readline() == f"{seen} {seen}\n".encode()
        for client, name in [(bob, "bob"), (alice, "alice"), (other, "nobody")]:
            client.sendall(b"\n")
            assert client.makefile("rb").readline() == f"{name} {name}\n".encode()


def test_a_plain_connection_handler_sees_nothing_of_another_one(httpd: Httpd) -> None:
    port = httpd.port_of("PLAIN_PORT")
    assert {httpd.raw(b"", port=port) for _ in range(40)} == {b"nobody\n"}
