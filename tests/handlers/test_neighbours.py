"""Python handlers and filters beside mod_rewrite, mod_alias, mod_proxy, mod_deflate, mod_cache and error pages."""

import gzip
import json

from httpd import Httpd

MODULES = ["cache", "cache_disk"]
CONF = """
PythonTransHandler beside_modules::to_backend beside_modules::to_file
PythonOption backend ${BACKEND_PORT}
PythonOutputFilter beside_modules::upper UPPER
PythonInputFilter beside_modules::upper UPPER_BODY
Alias /aliased ${HTDOCS}/elsewhere

RewriteEngine On
RewriteRule ^/by-rule/(.*)$ /python/$1?from=rule [PT,E=VIA:rule]
RewriteRule ^/redirected$ /python/x [R=302]
RewriteRule ^/denied$ - [F]
<Location /python>
    SetHandler mod_python
    PythonHandler beside_modules
</Location>
<Directory ${HTDOCS}/per-directory>
    RewriteEngine On
    RewriteRule ^short$ /python/from-directory [PT]
    PythonFixupHandler beside_modules::forbid_secret
</Directory>

<Location /big>
    SetHandler mod_python
    PythonHandler beside_modules::big
    SetOutputFilter DEFLATE
</Location>
<Location /big/upper>
    SetOutputFilter UPPER;DEFLATE
</Location>

CacheRoot ${STATE}
CacheQuickHandler On
CacheEnable disk /cached
<Location /cached>
    SetHandler mod_python
    PythonHandler beside_modules::counted
</Location>
Listen 127.0.0.1:${SLOW_PORT}
<VirtualHost *:${SLOW_PORT}>
    DocumentRoot ${HTDOCS}
    CacheQuickHandler Off
    <Location /cached>
        PythonAccessHandler beside_modules::forbid_secret
    </Location>
</VirtualHost>

<Location /missing>
    SetHandler mod_python
    PythonHandler beside_modules::missing
    ErrorDocument 404 /page
</Location>
<Location /no-file>
    ErrorDocument 404 /page
</Location>
<Location /page>
    SetHandler mod_python
    PythonHandler beside_modules::page
</Location>
<Location /file-page>
    SetHandler mod_python
    PythonHandler beside_modules::missing
    ErrorDocument 404 /elsewhere/file.txt
</Location>

<Location /front>
    ProxyPass http://127.0.0.1:${BACKEND_PORT}/back
    PythonHeaderParserHandler beside_modules::add_header
    PythonAccessHandler beside_modules::forbid_secret
</Location>
<Location /front/filtered>
    SetOutputFilter UPPER
    SetInputFilter UPPER_BODY
</Location>
<Location /front/deflated>
    SetOutputFilter DEFLATE
</Location>
<Location /translated>
    PythonFixupHandler beside_modules::add_header
</Location>

Listen 127.0.0.1:${BACKEND_PORT}
<VirtualHost *:${BACKEND_PORT}>
    SetHandler mod_python
    PythonHandler beside_modules::backend
    PythonTransHandler beside_modules::to_file
</VirtualHost>
"""


def test_trans_handlers_go_before_mod_alias_and_mod_rewrite(httpd: Httpd) -> None:
    httpd.write("elsewhere/file.txt", "found")
    assert httpd.get("/by-python.txt").text == "found"
    # What it declines with another URI is translated as that one.
    assert httpd.get("/renamed.txt").text == "found"
    assert httpd.get("/aliased/file.txt").text == "found"


def test_mod_rewrite_of_the_server(httpd: Httpd) -> None:
    seen = json.loads(httpd.get("/by-rule/x").text)
    assert seen[0] == "/python/x" and seen[1] == "from=rule" and seen[3] == "rule"
    assert httpd.get("/redirected").headers["Location"].endswith("/python/x")
    assert httpd.get("/denied").status == 403


def test_mod_rewrite_of_a_directory(httpd: Httpd) -> None:
    httpd.write("per-directory/other", "other")
    assert json.loads(httpd.get("/per-directory/short").text)[0] == "/python/from-directory"
    assert httpd.get("/per-directory/other").text == "other"
    assert httpd.get("/per-directory/secret").status == 403


def test_mod_deflate_behind_handlers_and_filters(httpd: Httpd) -> None:
    for path, text in (("/big", "all work"), ("/big/upper", "ALL WORK")):
        answer = httpd.get(path, {"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert len(answer.body) < 1000
        assert gzip.decompress(answer.body).decode().startswith(text)
        assert httpd.get(path).text.startswith(text)


def test_mod_cache_in_front_of_handlers(httpd: Httpd) -> None:
    first = httpd.get("/cached/a").text
    assert httpd.get("/cached/a").text == first
    assert httpd.get("/cached/b").text != first
    # Handlers are asked where the cache is asked last.
    port = httpd.port_of("SLOW_PORT")
    slow = httpd.request("GET", "/cached/a", port=port).text
    assert httpd.request("GET", "/cached/a", port=port).text == slow
    assert httpd.request("GET", "/cached/secret", port=port).status == 403


def test_error_documents(httpd: Httpd) -> None:
    httpd.write("elsewhere/file.txt", "found")
    answer = httpd.get("/missing")
    assert (answer.status, answer.text) == (404, "Python's page for /missing: 404")
    answer = httpd.get("/no-file")
    assert (answer.status, answer.text) == (404, "Python's page for /no-file: 404")
    answer = httpd.get("/file-page")
    assert (answer.status, answer.text) == (404, "found")


def test_handlers_in_front_of_and_behind_mod_proxy(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/front/x", b"the body")
    assert answer.text == "backend POST /back/x by PythonHeaderParserHandler the body"
    assert httpd.get("/front/secret").status == 403


def test_filters_around_mod_proxy(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/front/filtered", iter([b"the ", b"body"]))
    assert answer.text == "BACKEND POST /BACK/FILTERED BY PYTHONHEADERPARSERHANDLER THE BODY"
    answer = httpd.get("/front/deflated", {"Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.body).startswith(b"backend GET /back/deflated")


def test_a_trans_handler_can_make_a_request_one_for_mod_proxy(httpd: Httpd) -> None:
    assert httpd.get("/translated/x").text == "backend GET /translated/x by PythonFixupHandler "
