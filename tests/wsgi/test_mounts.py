"""PythonApplication, and PythonHandler mod_python.wsgi: which requests come to which application."""

import base64
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from httpd import Httpd

MODULES = ("rewrite", "proxy", "proxy_http", "include", "remoteip", "vhost_alias", "negotiation")
INTERPRETER = None
CONF = """
ServerName localhost
PythonApplication /told wsgi mounted
PythonApplication /told/one/ wsgi mounted:one
PythonApplication /told/one/two wsgi mounted::two
PythonApplication /inner wsgi mounted:Site.inner
PythonApplication /page wsgi mounted:Page
PythonApplication /made wsgi mounted:create()
PythonApplication /file wsgi ${HANDLERS}/mounted.py:three
PythonApplication /missing wsgi no_such_module:app
PythonApplication /unnamed wsgi mounted:no_such_name
PythonApplication /number wsgi mounted:number
PythonApplication /broken wsgi broken_site
PythonApplication /factory wsgi broken_factory:create()
PythonApplication /redirecting wsgi mounted:redirecting
PythonApplication /error wsgi mounted:not_found
PythonApplication /changing wsgi changing_site
Alias /told/static ${HTDOCS}/static
RedirectMatch ^/told/away$ /elsewhere
RewriteEngine On
RewriteRule ^/old/(.*)$ /told/new/$1 [PT]
RewriteRule ^/gone$ - [G]
ProxyPass /told/proxied http://127.0.0.1:${PORT}/told/behind
<Location /in/a/location>
    PythonApplication wsgi mounted:three
</Location>
<Location /in/a/location/named>
    PythonInterpreter shop
    PythonApplication wsgi mounted
    SetEnv SHOP_COLOR blue
</Location>
<Location "/odd \\"quote\\"">
    PythonApplication wsgi mounted:three
</Location>
<Location '/odd "other" quote'>
    PythonApplication wsgi mounted:three
</Location>
<Location /told/denied>
    Require all denied
</Location>
<Location /told/plain>
    SetHandler mod_python
    PythonHandler mounted
</Location>
<Location /told/views>
    Options +MultiViews
</Location>
<Location /told/users>
    AuthType Basic
    AuthName users
    AuthUserFile ${HTDOCS}/users
    Require valid-user
</Location>
<Location /told/users/passed>
    CGIPassAuth On
</Location>
<Location /told/remote>
    SetEnvIf X-Forwarded-Proto https HTTPS=on
</Location>
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
<Location /nothing>
    ErrorDocument 404 /error/page
</Location>
<Location /option>
    SetHandler mod_python
    PythonHandler mod_python.wsgi
    PythonOption mod_python.wsgi.application mounted
</Location>
<Location /option/base/x>
    PythonOption mod_python.wsgi.application mounted::one
    PythonOption mod_python.wsgi.base_uri /option/base
</Location>
<Location /option/none>
    PythonOption mod_python.wsgi.application ""
</Location>
<Location /option/bad>
    PythonOption mod_python.wsgi.application "mounted one"
</Location>
<Location /option/elsewhere>
    PythonOption mod_python.wsgi.base_uri /opt
</Location>
<Directory ${HTDOCS}>
    AllowOverride All
    Options +Includes
    AddOutputFilter INCLUDES .shtml
</Directory>
Listen 127.0.0.1:${HOST_PORT}
<VirtualHost *:${HOST_PORT}>
    ServerName host.example
    AllowEncodedSlashes On
    SetHandler mod_python
    PythonHandler mounted
    VirtualDocumentRoot ${HTDOCS}/%0
    PythonApplication /told/one wsgi mounted:three
    PythonApplication / wsgi mounted
</VirtualHost>
"""


def told(httpd: Httpd, path: str, headers: dict[str, str] | None = None) -> Any:
    answer = httpd.get(path, headers)
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until this holds: httpd looks for changed files every now and then."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_longest_path_of_whole_segments_is_chosen(httpd: Httpd) -> None:
    for path, wanted in {
        "/told/one": "one /told/one|",
        "/told/one/x": "one /told/one|/x",
        "/told/one/two": "two /told/one/two|",
        "/told/one/two/": "two /told/one/two|/",
        "/told/one/twofold": "one /told/one|/twofold",
        "/in/a/location": "three /in/a/location|",
        "/in/a/location/x/y": "three /in/a/location|/x/y",
        "/inner/x": "inner /inner|/x",
        "/file": "three /file|",
        "/odd%20%22quote%22/x": 'three /odd "quote"|/x',
        "/odd%20%22other%22%20quote": 'three /odd "other" quote|',
        "/page": "page",
    }.items():
        assert httpd.get(path).text == wanted
    seen = told(httpd, "/told/onefold?a=b")
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/told", "/onefold", "a=b")
    assert seen["filename"] is None
    for path in ("/toldx", "/in/a", "/in/a/locations"):
        assert httpd.get(path).status == 404


def test_w137_paths_are_decoded_and_their_original_is_there(httpd: Httpd) -> None:
    seen = told(httpd, "/told/a%20b/%C3%A9//c")
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/told", "/a b/\xc3\xa9/c")
    assert seen["REQUEST_URI"] == "/told/a%20b/%C3%A9//c"
    assert told(httpd, "//told///x")["PATH_INFO"] == "/x"
    assert told(httpd, "/%74old/x")["SCRIPT_NAME"] == "/told"
    assert httpd.get("/told/a%2Fb").status == 404  # AllowEncodedSlashes is Off
    assert told(httpd, "/x/../told/y")["PATH_INFO"] == "/y"
    seen = json.loads(httpd.request("GET", "/a%2Fb?c%2Fd", port=httpd.port_of("HOST_PORT")).text)
    assert (seen["PATH_INFO"], seen["REQUEST_URI"]) == ("/a/b", "/a%2Fb?c%2Fd")


def test_other_modules_go_first(httpd: Httpd) -> None:
    httpd.write("static/page.txt", "a file")
    httpd.expect("AH01630: client denied by server configuration: ")
    assert httpd.get("/told/static/page.txt").text == "a file"
    assert httpd.get("/told/static/none").status == 404
    assert httpd.get("/told/away").headers["Location"].endswith("/elsewhere")
    seen = told(httpd, "/old/x%20y?q")
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["REQUEST_URI"]) == ("/told", "/new/x y", "/old/x%20y?q")
    assert httpd.get("/gone").status == 410
    assert told(httpd, "/told/proxied/x")["PATH_INFO"] == "/behind/x"
    assert httpd.get("/told/denied").status == 403
    assert httpd.get("/told/plain/x").text == "handler /told/plain/x"
    assert told(httpd, "/told/views/x")["PATH_INFO"] == "/views/x"


def test_methods(httpd: Httpd) -> None:
    httpd.allow("WSGIWarning: Unknown REQUEST_METHOD", r"warnings\.warn\(")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "BREW"):
        answer = httpd.request(method, "/told/x", b"body")
        assert (answer.status, json.loads(answer.text)["REQUEST_METHOD"]) == (200, method)
    assert httpd.request("TRACE", "/told/x").headers["Content-Type"] == "message/http"
    assert httpd.request("OPTIONS", "*").status == 200


def test_interpreters(httpd: Httpd) -> None:
    assert told(httpd, "/told/x")["interpreter"] == "main_interpreter"
    seen = told(httpd, "/in/a/location/named")
    assert (seen["interpreter"], seen["SHOP_COLOR"]) == ("shop", "blue")
    assert told(httpd, "/option/x")["interpreter"] == "localhost"


def test_virtual_hosts_have_their_own_and_those_of_the_server(httpd: Httpd) -> None:
    port = httpd.port_of("HOST_PORT")
    assert httpd.request("GET", "/told/one/x", port=port).text == "three /told/one|/x"
    assert httpd.request("GET", "/told/one/two", port=port).text == "two /told/one/two|"
    seen = json.loads(httpd.request("GET", "/x", port=port).text)
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["interpreter"]) == ("", "/x", "main_interpreter")


def test_credentials(httpd: Httpd) -> None:
    (httpd.htdocs / "users").write_text("ann:{SHA}" + base64.b64encode(bytes.fromhex(ANNS_PASSWORD)).decode())
    headers = {"Authorization": "Basic " + base64.b64encode(b"ann:secret").decode()}
    assert httpd.get("/told/users").status == 401
    seen = told(httpd, "/told/users", headers)
    assert (seen["REMOTE_USER"], "HTTP_AUTHORIZATION" in seen) == ("ann", False)
    assert told(httpd, "/told/users/passed", headers)["HTTP_AUTHORIZATION"] == headers["Authorization"]
    assert told(httpd, "/option/x", headers)["HTTP_AUTHORIZATION"] == headers["Authorization"]


ANNS_PASSWORD = "e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4"  # SHA-1 of "secret"


def test_proxies_in_front(httpd: Httpd) -> None:
    seen = told(httpd, "/told/remote", {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"})
    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"], seen["HTTPS"]) == ("192.0.2.7", "https", "on")


def test_subrequests_and_redirects(httpd: Httpd) -> None:
    httpd.write("page.shtml", '<!--#include virtual="/told/one/x" --> and <!--#include virtual="/page" -->')
    assert httpd.get("/page.shtml").text == "one /told/one|/x and page"
    answer = httpd.request("POST", "/nothing/here", b"x")
    assert (answer.status, answer.text) == (404, "no /nothing/here 404 GET")
    answer = httpd.request("POST", "/redirecting", b"x")
    seen = json.loads(answer.text)
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["REDIRECT_URL"]) == ("/redirected", "q", "/redirecting")


def test_a_factory_is_called_once(httpd: Httpd) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: httpd.get("/made/x").text, range(8)))
    assert all(re.fullmatch(r"made 1 of (True|False) /made\|/x", answer) for answer in answers), answers


def test_what_is_missing_is_a_500_and_a_sentence(httpd: Httpd) -> None:
    httpd.expect("PythonApplication /missing wsgi no_such_module:app .*failed", "No module named 'no_such_module'")
    httpd.expect("AttributeError: module mounted has no 'no_such_name': write the name of its application")
    httpd.expect("TypeError: mounted:number is int, and an application is something that can be called")
    httpd.expect("the application no_such_module::app still cannot be used: ")
    httpd.expect("ValueError: PythonHandler mod_python.wsgi has no application here: write PythonOption ")
    httpd.expect("ValueError: PythonOption mod_python.wsgi.application: 'mounted one' names no application: write ")
    paths = ("/missing", "/missing", "/unnamed", "/number", "/option/none", "/option/bad")
    assert [httpd.get(path).status for path in paths] == [500] * len(paths)


@pytest.mark.parametrize("name", ["broken", "factory"])
def test_an_application_that_fails_to_load_is_tried_again(httpd: Httpd, name: str) -> None:
    module = {"broken": "broken_site", "factory": "broken_factory"}[name]
    httpd.expect(f"PythonApplication /{name} wsgi {module}.*failed")
    good = "from mounted import one as application\ndef create(): return application\n"
    bad = "raise KeyError('not yet')\n" if name == "broken" else "def create(): raise KeyError('not yet')\n"
    httpd.handler(f"{module}.py", bad)
    assert [httpd.get(f"/{name}").status for _ in range(9)] == [500] * 9
    httpd.expect("still cannot be used: KeyError: 'not yet'")
    httpd.wait_for_log("(?s)(still cannot be used.*){5}")
    assert httpd.log().count("Traceback") < 4, "one for each change of a file"
    assert "_wsgi.py" not in httpd.log(), "the code is that of users"
    httpd.handler(f"{module}.py", good)
    eventually(lambda: httpd.get(f"/{name}/x").status == 200)
    assert httpd.get(f"/{name}/x").text == f"one /{name}|/x"


def test_a_changed_application_shows(httpd: Httpd) -> None:
    httpd.handler("changing_site.py", "from mounted import one as application\n")
    assert httpd.get("/changing/x").text == "one /changing|/x"
    httpd.handler("changing_site.py", "from mounted import two as application\n")
    eventually(lambda: httpd.get("/changing/x").text == "two /changing|/x")


def test_the_handler_with_options(httpd: Httpd) -> None:
    seen = told(httpd, "/option/a%20b?q")
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/option", "/a b", "q")
    assert httpd.get("/option/base/x/y").text == "one /option/base|/x/y"
    httpd.expect("/option/elsewhere is not below mod_python.wsgi.base_uri /opt")
    assert httpd.get("/option/elsewhere").status == 404


WRONG = {
    "/x wsgi": "takes a path, the interface and the application: write /path wsgi module:callable",
    "wsgi shop:app": "takes a path, the interface and the application",
    "x wsgi shop:app": "'x' is no path of URLs: write it from its first slash on, as in /shop",
    "/x?y wsgi shop:app": "'/x\\?y' has a query or a fragment, which no path has: write /x",
    "/x fcgi shop:app": "'fcgi' is no interface of applications: write wsgi or asgi",
    "/x wsgi shop:app()()": "'shop:app\\(\\)\\(\\)' names no application: write module:callable",
    "/x wsgi shop()": "'shop\\(\\)' names no application: write module:callable",
    "/x wsgi ~/shop.py:app": "names no application: write module:callable",
}
SECTIONS = {
    "Location /x": ("/x wsgi shop:app", "takes the interface and the application, since <Location /x> has the path"),
    "LocationMatch ^/x": ("wsgi shop:app", "stands in a section whose requests are not known before"),
    'Location ~ "^/x"': ("wsgi shop:app", "stands in a section whose requests are not known before"),
    "Location /x*": ("wsgi shop:app", "stands in a section whose requests are not known before"),
    "Directory /srv": ("/x wsgi shop:app", "write PythonApplication /path wsgi module:callable outside of it"),
    "Files x": ("/x wsgi shop:app", "stands in a section"),
    'If "true"': ("/x wsgi shop:app", "stands in a section"),
}


def refused(conf: str, sentence: str) -> None:
    server = Httpd(conf)
    try:
        done = server.query("-t")
    finally:
        server.stop()
    assert done.returncode != 0
    assert re.search(sentence, done.stderr), done.stderr


@pytest.mark.parametrize("line", WRONG)
def test_wrong_lines_are_refused(line: str) -> None:
    refused(f"PythonApplication {line}", f"PythonApplication: .*{WRONG[line]}")


@pytest.mark.parametrize("section", SECTIONS)
def test_wrong_sections_are_refused(section: str) -> None:
    line, sentence = SECTIONS[section]
    name = section.split()[0]
    refused(f"<{section}>\nPythonApplication {line}\n</{name}>", sentence)


@pytest.mark.parametrize(
    ("first", "second", "around"),
    [
        ("/x wsgi shop:app", "/x/ asgi shop:other", ""),
        ("/ wsgi shop:app", "/ wsgi shop:app", ""),
        ("/x wsgi shop:app", "/x wsgi shop:other", "VirtualHost *"),
        ("wsgi shop:app", "wsgi shop:other", "Location /x"),
    ],
)
def test_two_lines_for_one_path_are_refused(first: str, second: str, around: str) -> None:
    lines = ["# the first line", f"PythonApplication {first}", "", f"PythonApplication {second}"]
    if around:
        lines = [f"<{around}>", *lines[1:], f"</{around.split()[0]}>"]
    sentence = (
        r"(?s)on line 4 of \S+/fragment\.conf:\nPythonApplication: the path \S+ has an application here already, by "
    )
    refused("\n".join(lines), sentence + r"\S+/fragment\.conf:2: write one line for each path")


OVERRIDING = """
PythonApplication / wsgi shop:app
PythonApplication /x wsgi shop:app
<Location />
    PythonApplication wsgi shop:other
</Location>
<Location /x>
    PythonApplication wsgi shop:other
</Location>
<Location /x/y>
    PythonApplication wsgi shop:app
</Location>
<VirtualHost *>
    PythonApplication / wsgi shop:other
    <Location /x>
        PythonApplication wsgi shop:app
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName other.example
    PythonApplication / wsgi shop:other
</VirtualHost>
"""


def test_an_inner_line_takes_the_place_of_an_outer_one() -> None:
    server = Httpd(OVERRIDING)
    try:
        done = server.query("-t")
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr


def test_not_in_htaccess(httpd: Httpd) -> None:
    httpd.write("with/page.txt", "x")
    httpd.write("with/.htaccess", "PythonApplication /x wsgi mounted\n")
    httpd.expect(r"/with/\.htaccess: PythonApplication not allowed here")
    assert httpd.get("/with/page.txt").status == 500
