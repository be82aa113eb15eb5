"""What a request can do besides reading and writing: URLs, names, credentials, methods, environment, WSGI."""

import base64
import json
from typing import Any

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
KeepAliveTimeout 7
MaxKeepAliveRequests 77
<Location /call/request_methods/authentication>
    AuthType Basic
    AuthName "the realm"
    Require all granted
</Location>
<Location /call/request_methods/too_late>
    PythonDebug On
</Location>
<Location /call/request_methods/wsgi>
    PythonOption mod_python.wsgi.base_uri /call/request_methods/wsgi
</Location>
<Location /call/request_methods/wsgi/slash>
    PythonOption mod_python.wsgi.base_uri /call/request_methods/wsgi/
</Location>
<Location /call/request_methods/wsgi/other>
    PythonOption mod_python.wsgi.base_uri /call/request_methods/wsg
</Location>
<Location /call/request_methods/extensions>
    AddHandler mod_python .py .pyx
    AddHandler cgi-script .cgi
    AddHandler python-program spam
</Location>
<Location /call/request_methods/extensions/inner>
    RemoveHandler .pyx
    AddHandler cgi-script .spam
    AddHandler mod_python .eggs
</Location>
Listen 127.0.0.1:${HOST_PORT}
<VirtualHost *:${HOST_PORT}>
    ServerName virtual.example:81
    ServerAlias one.example two.example *.three.example
    ServerPath /path
    ErrorLog "${HANDLERS}/../virtual.log"
    PythonImport said_at_start main_interpreter
    PythonImport missing_at_start main_interpreter
    LimitRequestLine 2000
    LimitRequestFieldSize 3000
    LimitRequestFields 40
    UseCanonicalName On
</VirtualHost>
"""


def call(httpd: Httpd, name: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    answer = httpd.get(f"/call/request_methods/{name}", headers, **more)
    assert answer.status == 200
    return json.loads(answer.text)


def call_of(httpd: Httpd, name: str, port: str) -> Any:
    return json.loads(httpd.request("GET", f"/call/request_methods/{name}", port=httpd.port_of(port)).text)


def test_credentials(httpd: Httpd) -> None:
    assert call(httpd, "authentication") == ["the realm", "Basic", None, None, None, None]
    word = base64.b64encode("élise:pass:wörd".encode() + b"\xe9").decode()
    seen = call(httpd, "authentication", {"Authorization": f"Basic {word}"})
    assert seen == ["the realm", "Basic", None, "pass:wÃ¶rdé", "élise", "Basic"]
    assert call(httpd, "authentication", {"Authorization": "Bearer x"})[3:] == [None, None, None]


def test_urls(httpd: Httpd) -> None:
    seen = call(httpd, "urls/%20x?a=b", {"Host": "some.host:81"})
    assert seen[:4] == ["http://some.host:81/x", 0, "", ""]
    assert seen[4] == [None, None, None, None, None, 81, "/call/request_methods/urls/ x", "a=b", None]
    assert seen[5].startswith("ValueError: ")
    assert call_of(httpd, "urls", "HOST_PORT")[0] == "http://virtual.example:81/x"
    secure = call(httpd, "urls", tls=True)
    assert secure[0].startswith("https://localhost")
    assert (secure[1], secure[2][:3], secure[3]) == (1, "TLS", "")
    whole = httpd.raw(
        b"GET http://Host.x:82/call/request_methods/urls?q HTTP/1.1\r\nHost: y\r\nConnection: close\r\n\r\n"
    )
    parts = json.loads(whole.partition(b"\r\n\r\n")[2])[4]
    assert parts == ["http", "Host.x:82", None, None, "Host.x", 82, "/call/request_methods/urls", "q", None]


def test_https_over_http2(httpd: Httpd) -> None:
    done = httpd.curl("--http2", httpd.url("/call/request_methods/urls", tls=True))
    assert json.loads(done.stdout)[1:3] == [1, "TLSv1.3"]


def test_remote_host(httpd: Httpd) -> None:
    seen = call(httpd, "remote")
    assert seen[:3] == ["127.0.0.1", "127.0.0.1", ["127.0.0.1", 1]]
    assert seen[3] is None  # HostnameLookups Off
    assert seen[4:6] == ["127.0.0.1", True]
    assert seen[6].startswith("ValueError: get_remote_host() takes one of apache.REMOTE_HOST")


def test_allowed_methods(httpd: Httpd) -> None:
    answer = httpd.get("/call/request_methods/allow")
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST,TRACE"
    seen = json.loads(answer.headers["X-Seen"])
    assert seen[:4] == [1 << 0, ["BREW"], 1 << 2, ["WHEN"]]
    wrong = "TypeError: allow_methods() takes a list of methods, as in ['GET', 'POST']"
    assert seen[4:] == [wrong, wrong, "TypeError: expected str or bytes, not int"]


def test_environment(httpd: Httpd) -> None:
    httpd.write("call", "a file")
    env = call(httpd, "environment/%C3%A9?q=%20", {"X-Own": "é".encode().decode("latin-1")})
    (httpd.htdocs / "call").unlink()
    assert env["GATEWAY_INTERFACE"] == "CGI/1.1"
    assert (env["REQUEST_METHOD"], env["SERVER_PROTOCOL"]) == ("GET", "HTTP/1.1")
    assert env["REQUEST_URI"] == "/call/request_methods/environment/%C3%A9?q=%20"
    assert (env["SCRIPT_NAME"], env["PATH_INFO"]) == ("/call", "/request_methods/environment/é")
    assert (env["QUERY_STRING"], env["HTTP_X_OWN"]) == ("q=%20", "é")
    assert "PATH_TRANSLATED" not in env
    assert call(httpd, "common", {"Host": "h"}) == [True, "80", "h", None]


def test_trailers(httpd: Httpd) -> None:
    request = b"POST /call/request_methods/trailers HTTP/1.1\r\nHost: x\r\n"
    request += b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = httpd.raw(request + b"3\r\nabc\r\n0\r\nX-Late: yes\r\n\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == [[], "abc", [["X-Late", "yes"]], None]


def test_validators(httpd: Httpd) -> None:
    headers = httpd.get("/call/request_methods/validators").headers
    assert headers["Last-Modified"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    assert headers["ETag"]
    assert headers["X-Mtime"] == "1000000000.0"
    assert "ValueError: update_mtime() takes seconds" in headers["X-Wrong"]
    assert "TypeError: " in headers["X-Wrong"]


def test_b54_a_response_without_a_head(httpd: Httpd) -> None:
    assert httpd.raw(b"GET /call/request_methods/headless HTTP/1.1\r\nHost: x\r\n\r\n") == b"only the body"


def test_b54_http2_has_a_head_all_the_same(httpd: Httpd) -> None:
    done = httpd.curl("--http2", httpd.url("/call/request_methods/headless", tls=True))
    assert done.stdout == b"only the body"


def test_w50_to_write_nothing_sends_nothing(httpd: Httpd) -> None:
    answer = httpd.get("/call/request_methods/nothing_written")
    assert (answer.headers["X-After"], answer.text) == ("0", "x")


def test_w43_a_header_that_comes_too_late_is_told_of(httpd: Httpd) -> None:
    httpd.expect("a header was changed after the head of the response was sent: change it before .* \\(X-Late, for")
    headers = httpd.get("/call/request_methods/too_late").headers
    assert (headers["X-Early"], headers["X-Late"]) == ("1", None)


def test_counters(httpd: Httpd) -> None:
    seen = json.loads(httpd.request("POST", "/call/request_methods/counters", b"abc\ndefg").text.removeprefix("12345"))
    assert seen == [0, 0, 4, 8, 4, 0, 8, 5, 0, 5, True, 5]


def test_tables_stay_httpds_own(httpd: Httpd) -> None:
    assert httpd.get("/call/request_methods/live_headers").text == "xmerged"


def test_content_type_set(httpd: Httpd) -> None:
    assert call(httpd, "content_type") == [0, 1]


def test_b159_keepalive_of_a_connection(httpd: Httpd) -> None:
    answer = httpd.raw(b"GET /call/request_methods/own_connection HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Connection: close" in answer
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert seen[:3] == [0, 1, 0]
    assert seen[3].startswith("TypeError: ")
    assert seen[4].startswith("AttributeError: ")


def test_b163_server(httpd: Httpd) -> None:
    seen = call_of(httpd, "own_server", "HOST_PORT")
    assert (seen["server_hostname"], seen["port"], seen["is_virtual"]) == ("virtual.example", 81, 1)
    assert (seen["names"], seen["wild_names"]) == (["one.example", "two.example"], ["*.three.example"])
    assert (seen["path"], seen["pathlen"]) == ("/path", 5)
    assert (seen["keep_alive"], seen["keep_alive_timeout"], seen["keep_alive_max"]) == (1, 7.0, 77)
    assert [seen[f"limit_req_{name}"] for name in ("line", "fieldsize", "fields")] == [2000, 3000, 40]
    assert (seen["error_fname"], seen["defn_name"]) == ("virtual.log", "fragment.conf")
    assert seen["defn_line_number"] > 20
    assert (seen["my_generation"], seen["recent"], seen["mine"], seen["level"]) == (0, True, "stays", True)
    main = call(httpd, "own_server")
    assert (main["defn_name"], main["defn_line_number"], main["path"], main["names"]) == ("", 0, None, [])


def test_a_virtual_hosts_imports_are_logged_where_it_logs(httpd: Httpd) -> None:
    call(httpd, "own_server")  # so a child has started
    log = (httpd.handlers.parent / "virtual.log").read_text()
    assert "] said at the start" in log
    assert "PythonImport missing_at_start" in log and "ModuleNotFoundError" in log


def test_w133_w134_wsgi(httpd: Httpd) -> None:
    httpd.write("call", "a file")
    answer = httpd.request(
        "POST", "/call/request_methods/wsgi/%C3%A9%e9/?q", b"one\ntwo", {"Authorization": "Basic eDp5"}
    )
    assert answer.status == 202
    assert (answer.headers["X-One"], answer.headers["X-Two"], answer.headers["Content-Type"]) == ("4", None, "c/d")
    text, late = answer.text.split("\n")
    assert late == "KeyError: 'of the application'"
    env = json.loads(text)
    assert (env["SCRIPT_NAME"], env["PATH_INFO"]) == ("/call/request_methods/wsgi", "/Ã©é/")  # bytes as Latin-1
    assert (env["REQUEST_METHOD"], env["QUERY_STRING"], env["HTTP_AUTHORIZATION"]) == ("POST", "q", "Basic eDp5")
    assert env["lines"] == ["one\n", "two"]
    assert (env["wsgi.version"], env["wsgi.url_scheme"]) == ([1, 0], "http")
    assert (env["wsgi.multithread"], env["wsgi.multiprocess"], env["wsgi.run_once"]) == (True, True, False)
    assert env["twice"].startswith("AssertionError: start_response() was called already")
    assert env["line end"].startswith("ValueError: ")
    env = json.loads(httpd.get("/call/request_methods/wsgi").text.split("\n")[0])
    assert (env["PATH_INFO"], env["lines"]) == ("", [])
    (httpd.htdocs / "call").unlink()


def test_w136_wsgi_paths_end_at_slashes(httpd: Httpd) -> None:
    httpd.expect("/call/request_methods/wsgi/other is not below mod_python.wsgi.base_uri /call/request_methods/wsg")
    assert httpd.get("/call/request_methods/wsgi/other").status == 404
    httpd.expect(
        "call_by_path.*failed",
        "ValueError: PythonOption mod_python.wsgi.base_uri /call/request_methods/wsgi/: write it",
    )
    assert httpd.get("/call/request_methods/wsgi/slash").status == 500


def test_b174_threads_of_httpd_are_dummy_threads(httpd: Httpd) -> None:
    assert call(httpd, "thread") == (["_MainThread"] if httpd.mpm == "prefork" else ["_DummyThread", "_MainThread"])


def test_extensions_of_addhandler(httpd: Httpd) -> None:
    assert call(httpd, "extensions") == "py pyx spam "
    assert call(httpd, "extensions/inner") == "eggs py "
