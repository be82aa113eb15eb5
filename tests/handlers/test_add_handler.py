"""Handlers that handlers add, and the list of the running phase."""

import json

from httpd import Httpd

MPMS = ("event", "prefork")

CONF = """
Listen 127.0.0.1:${LINE_PORT}
<VirtualHost *:${LINE_PORT}>
    PythonConnectionHandler added_handlers
</VirtualHost>
Listen 127.0.0.1:${EARLY_PORT}
<VirtualHost *:${EARLY_PORT}>
    DocumentRoot ${HTDOCS}
    SetHandler mod_python
    PythonPostReadRequestHandler added_handlers::early
</VirtualHost>
SetHandler mod_python
<Location /adds>
    PythonFixupHandler added_handlers::adds added_handlers::b
    PythonHandler added_handlers::a
</Location>
<Location /wrong>
    PythonHandler added_handlers::wrong
</Location>
<Location /cleanup>
    PythonHandler added_handlers::from_cleanup
</Location>
<Location /other>
    PythonInterpreter other
    PythonFixupHandler added_handlers::adds
    <If "true">
        PythonInterpreter third
    </If>
</Location>
<Location /hlist>
    PythonHandler added_handlers::first added_handlers::a added_handlers::past
</Location>
<Location /directory>
    PythonHandler added_handlers::show_directory
</Location>
<Directory ${HTDOCS}/dir>
    PythonHandler added_handlers::show_directory
</Directory>
<Directory ${HTDOCS}/wild*>
    PythonHandler added_handlers::show_directory
</Directory>
<DirectoryMatch "/re(g|x)ular/">
    PythonHandler added_handlers::show_directory
</DirectoryMatch>
<Location /connection>
    PythonHandler added_handlers::connection
</Location>
<Location /delete>
    PythonHandler added_handlers::delete
</Location>
"""


def test_b1_w17_added_handlers_are_names_and_functions(httpd: Httpd) -> None:
    assert json.loads(httpd.get("/adds").text) == [
        *["adds", "b in PythonFixupHandler", "a in PythonFixupHandler"],
        *["call 1 in PythonFixupHandler", "call 2 in PythonFixupHandler"],
        *["a in PythonHandler", "partial", "lambda", "method in PythonHandler"],
    ]
    httpd.wait_for_log("ran: .*'lambda', 'method in PythonHandler'")


def test_b1_phases_to_come_take_handlers_where_none_is_configured(httpd: Httpd) -> None:
    answer = httpd.request("GET", "/x", port=httpd.port_of("EARLY_PORT"))
    assert json.loads(answer.text) == [
        *["PythonTransHandler", "PythonInitHandler", "PythonAccessHandler", "PythonTypeHandler"]
    ]


def test_w16_w31_what_cannot_be_added_is_refused(httpd: Httpd) -> None:
    over = "is over for this request: a handler can be added for the running phase and those to come"
    unknown = "is no phase that takes handlers from here: write the name of a directive, as in 'PythonLogHandler'"
    kind = "a handler is a function or its name, as in 'module::function', not"
    assert httpd.get("/wrong").text.splitlines() == [
        f"ValueError: PythonFixupHandler {over}",
        f"ValueError: PythonTransHandler {over}",
        *(f"IndexError: 'Python{name}Handler' {unknown}" for name in ("No", "Cleanup", "Connection")),
        "ValueError: 'a..b' does not name a handler: write module or module::function, as in shop.pages::handler, "
        "or the path of a module's file",
        f"TypeError: {kind} int",
        f"TypeError: {kind} NoneType",
        "TypeError: expected str or bytes, not NoneType",
    ]


def test_w31_no_phase_runs(httpd: Httpd) -> None:
    httpd.get("/cleanup")
    httpd.wait_for_log("None: PythonLogHandler is over for this request")


def test_b14_w31_hlist_is_a_cursor(httpd: Httpd) -> None:
    text = httpd.get("/hlist").text
    seen = '[["added_handlers::first", 0, 1, "/hlist"], ["added_handlers::a", 0, 1, "/hlist"]]'
    assert text == f"{seen} [None, None, None, None] <mp_hlist o True"


def test_hlist_tells_the_section(httpd: Httpd) -> None:
    for path in ("dir/x", "dir/sub/x", "wild1/sub/x", "regular/sub/x"):
        httpd.write(path, "")
    name = "added_handlers::show_directory"
    assert json.loads(httpd.get("/directory/x").text) == [name, 0, 1, "/directory"]
    assert json.loads(httpd.get("/dir/sub/x").text) == [name, 0, 0, f"{httpd.htdocs}/dir/"]
    # The shortest directory that the pattern matches.
    assert json.loads(httpd.get("/wild1/sub/x").text) == [name, 0, 0, f"{httpd.htdocs}/wild1/"]
    assert json.loads(httpd.get("/regular/sub/x").text) == [name, 0, 0, f"{httpd.htdocs}/regular/"]


def test_w31_connection_hlist(httpd: Httpd) -> None:
    assert httpd.get("/connection").text == "None"
    assert httpd.raw(b"", port=httpd.port_of("LINE_PORT")) == b"added_handlers None\n"


def test_w31_attributes_of_httpd_cannot_be_deleted(httpd: Httpd) -> None:
    text = httpd.get("/delete").text
    assert text.endswith("] /delete") and text.count("Error") == 6
