"""Which phases a request goes through, in which order, wherever Python stands among the modules."""

import re
from collections.abc import Iterator

import pytest

from httpd import Httpd

CONF = """
Alias /alias ${HTDOCS}/aliased
RewriteEngine On
RewriteRule ^/rewritten$ /order/page [PT]
PythonPostReadRequestHandler phase_order
PythonTransHandler phase_order

<LocationMatch "^/(order|alias)">
    AuthType Basic
    AuthName order
    AuthUserFile /dev/null
    Require valid-user
    PythonInitHandler phase_order
    PythonHeaderParserHandler phase_order
    PythonAccessHandler phase_order
    PythonAuthenHandler phase_order
    PythonAuthzHandler phase_order
    PythonTypeHandler phase_order
    PythonFixupHandler phase_order
    PythonLogHandler phase_order
    PythonCleanupHandler phase_order
</LocationMatch>
<LocationMatch "^/(order|alias)/.*(page|missing|told)$">
    SetHandler mod_python
    PythonHandler phase_order
</LocationMatch>
<Location /order/missing>
    ErrorDocument 404 /order/told
</Location>
<Location /order/include.txt>
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
<Location /plain>
    PythonCleanupHandler phase_order
</Location>

Listen 127.0.0.1:${HOST_PORT}
<VirtualHost *:${HOST_PORT}>
    DocumentRoot ${HTDOCS}
    PythonInitHandler phase_order
    PythonCleanupHandler phase_order
    <Location /own>
        PythonInitHandler phase_order
    </Location>
</VirtualHost>
"""

EARLY = ["PostReadRequest", "Trans"]
PER_DIRECTORY = ["Init", "HeaderParser", "Access", "Authen", "Authz", "Type", "Fixup"]
SUBREQUEST = PER_DIRECTORY[2:]  # httpd asks header parsers for main requests only
END = ["Log", "Cleanup"]


@pytest.fixture(scope="module", params=[False, True], ids=["python-last", "python-first"])
def server(request: pytest.FixtureRequest) -> Iterator[Httpd]:
    """The stock modules are loaded before mod_python, or after it."""
    with Httpd(CONF, beside=__file__, python_first=request.param) as server:
        yield server
        server.check_log()


def ran(server: Httpd, path: str, user: str | None = "ann", port: str = "PORT") -> list[str]:
    """What ran for a request, up to the end of the main one, each as "main Trans /path"."""
    server.check_log()  # the log of this request begins here
    server.request("GET", path, headers={"X-User": user} if user else {}, port=server.port_of(port))
    server.wait_for_log("ran PythonCleanupHandler of main")
    lines = re.findall(r"ran Python(\w*)Handler of (\w+) (\S+)", server.log())
    return [f"{kind} {phase or 'Content'} {uri}" for phase, kind, uri in lines]


def of(kind: str, uri: str, *phases: str) -> list[str]:
    return [f"{kind} {phase} {uri}" for phase in phases]


def test_phase_order_of_a_request(server: Httpd) -> None:
    assert ran(server, "/order/page") == of("main", "/order/page", *EARLY, *PER_DIRECTORY, "Content", *END)


def test_phase_order_behind_an_alias(server: Httpd) -> None:
    assert ran(server, "/alias/page") == of("main", "/alias/page", *EARLY, *PER_DIRECTORY, "Content", *END)


def test_phase_order_behind_a_rewrite(server: Httpd) -> None:
    assert ran(server, "/rewritten") == [
        *of("main", "/rewritten", *EARLY),
        *of("main", "/order/page", *PER_DIRECTORY, "Content", *END),
    ]


def test_phase_order_of_a_401(server: Httpd) -> None:
    assert ran(server, "/order/page", user=None) == of(
        "main", "/order/page", *EARLY, "Init", "HeaderParser", "Access", "Authen", *END
    )


def test_phase_order_of_a_404_with_a_page(server: Httpd) -> None:
    assert ran(server, "/order/missing") == [
        *of("main", "/order/missing", *EARLY, *PER_DIRECTORY, "Content"),
        *of("redirected", "/order/told", *EARLY, *PER_DIRECTORY, "Content"),
        "main Log /order/missing",
        "redirected Cleanup /order/told",
        "main Cleanup /order/missing",
    ]


def test_phase_order_of_a_subrequest(server: Httpd) -> None:
    server.write("order/include.txt", '<!--#include virtual="/order/page" -->')
    uri = "/order/include.txt"
    assert ran(server, uri) == [
        *of("main", uri, *EARLY, *PER_DIRECTORY),
        *of("sub", "/order/page", "Trans", *SUBREQUEST, "Content"),
        *of("main", uri, *END),
        # mod_include keeps it until the end.
        *of("sub", "/order/page", "Cleanup"),
    ]


def test_phase_order_of_an_index(server: Httpd) -> None:
    server.write("order/index.html", "index")
    assert ran(server, "/order/") == [
        *of("main", "/order/", *EARLY, *PER_DIRECTORY),
        *of("sub", "/order/index.html", "Trans", *SUBREQUEST),
        # mod_dir has put the subrequest in the place of the request.
        *of("main", "/order/index.html", *END),
        *of("sub", "/order/index.html", "Cleanup"),
    ]


def test_w24_init_handlers_of_sections_run_after_httpd_knows_them(server: Httpd) -> None:
    of_server = of("main", "/elsewhere", "Init", *EARLY, "Cleanup")
    assert ran(server, "/elsewhere", port="HOST_PORT") == of_server
    # One of a section is another one: a second meaning of the directive.
    of_both = of("main", "/own", "Init", *EARLY, "Init", "Cleanup")
    assert ran(server, "/own", port="HOST_PORT") == of_both


def test_a_cleanup_handler_runs_where_nothing_else_of_python_does(server: Httpd) -> None:
    assert ran(server, "/plain") == of("main", "/plain", *EARLY, "Cleanup")
    # Nor need the request get anywhere.
    of_host = [*of("main", "/plain/%2f", "Init", "PostReadRequest"), "main Cleanup /plain//"]
    assert ran(server, "/plain/%2f", port="HOST_PORT") == of_host
