"""The request as handlers see it."""

import json
import re
from typing import Any

from httpd import Httpd

CONF = """
SetHandler mod_python
PythonHandler call_by_path
ServerAdmin admin@example.org
Timeout 20

<Location /call/request_fields/body>
    LimitRequestBody 100
</Location>

Listen 127.0.0.1:${HOST_PORT}
<VirtualHost *:${HOST_PORT}>
    ServerName virtual.example:81
</VirtualHost>
"""


def call(httpd: Httpd, name: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    answer = httpd.request("GET", f"/call/request_fields/{name}", headers=headers, **more)
    assert answer.status == 200
    return json.loads(answer.text)


def test_what_a_request_tells(httpd: Httpd) -> None:
    seen = call(httpd, "plain/x%20y?a=%20b", {"Host": "Some.Host:81", "X": "y"})
    assert seen["the_request"] == "GET /call/request_fields/plain/x%20y?a=%20b HTTP/1.1"
    assert (seen["method"], seen["method_number"], seen["header_only"]) == ("GET", 0, 0)
    assert (seen["protocol"], seen["proto_num"]) == ("HTTP/1.1", 1001)
    assert (seen["uri"], seen["args"]) == ("/call/request_fields/plain/x y", "a=%20b")
    assert seen["unparsed_uri"] == "/call/request_fields/plain/x%20y?a=%20b"
    assert seen["filename"] == f"{httpd.htdocs}/call"
    assert seen["path_info"] == "/request_fields/plain/x y"
    assert seen["hostname"] == "some.host"
    assert seen["recent"] is True
    assert seen["document_root"] == str(httpd.htdocs)
    assert (seen["handler"], seen["phase"], seen["interpreter"]) == ("mod_python", "PythonHandler", "main_interpreter")
    assert (seen["status"], seen["status_line"], seen["bytes_sent"]) == (200, None, 0)
    assert (seen["content_languages"], seen["content_encoding"]) == ([], None)
    assert (seen["user"], seen["ap_auth_type"], seen["range"]) == (None, None, None)
    assert seen["useragent_ip"] == "127.0.0.1"
    assert (seen["prev"], seen["next"], seen["main"]) == (None, None, None)
    assert seen["types"] == ["mp_conn", "mp_server", "mp_table", "mp_table", "mp_finfo"]


def test_http_1_0_without_a_host(httpd: Httpd) -> None:
    answer = httpd.raw(b"GET /call/request_fields/plain HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")[2]
    seen = json.loads(answer)
    assert (seen["protocol"], seen["proto_num"], seen["hostname"], seen["args"]) == ("HTTP/1.0", 1000, None, None)


def test_head(httpd: Httpd) -> None:
    assert httpd.request("HEAD", "/call/request_fields/head").headers["X-Seen"] == "1 HEAD True"


def test_writable_texts(httpd: Httpd) -> None:
    for name, (text, number, line_end, nul, data, none, after) in call(httpd, "writable").items():
        assert text == ("text/x" if name == "content_type" else "é"), name
        assert number == "TypeError: expected str or bytes, not int", name
        assert line_end == nul == "ValueError: this attribute takes a text without NUL, CR and LF", name
        assert data == "bytes/b"
        if name in ("uri", "filename", "user"):  # httpd's modules take them for granted
            assert (none, after) == ("TypeError: this attribute cannot be None: it takes str or bytes", "bytes/b")
        else:
            assert (none, after) == ("no error", None), name


def test_status(httpd: Httpd) -> None:
    seen = call(httpd, "status")
    assert seen["404"] == ["no error", 404]
    for bad in ("99", "1000", "-1", "0"):
        said = f"ValueError: {bad} is no HTTP status: write one from 200 to 999, as in apache.HTTP_NOT_FOUND"
        assert seen[bad] == [said, 200]
    assert seen[str(1 << 40)][0].startswith("OverflowError: ")
    assert seen["text"][0].startswith("TypeError: ")
    assert seen["None"][0].startswith("TypeError: ")
    assert seen["line 299 So so"] == ["no error", 299, "299 So so"]
    assert seen["line None"] == ["no error", 200, None]
    for bad in ("nonsense", "9999 x"):
        said = f"ValueError: '{bad}' is no status line: write a number and a reason, as in 404 Not Found"
        assert seen[f"line {bad}"] == [said, 200, None]


def test_languages(httpd: Httpd) -> None:
    seen = call(httpd, "languages")
    assert (seen["before"], seen["after"]) == ([], ["de", "fr"])
    assert seen["str"] == "TypeError: content_languages takes a list of languages, as in ['de', 'en']"
    assert seen["int"] == "TypeError: expected str or bytes, not int"
    assert seen["line end"].startswith("ValueError: a line end")
    assert seen["None"] == "no error"


def test_the_response_has_what_was_set(httpd: Httpd) -> None:
    headers = httpd.get("/call/request_fields/response").headers
    assert headers["Content-Type"] == "text/x; charset=utf-8"
    assert headers["Content-Encoding"] == "x-own"
    assert headers["Content-Language"] == "de,fr"


def test_finfo(httpd: Httpd) -> None:
    file = httpd.write("call", "12345")
    seen = call(httpd, "finfo")
    file.unlink()
    assert (seen["fname"], seen["is file"], seen["size"]) == (str(file), True, 5)
    assert seen["mtime"] > 1_700_000_000
    assert seen["read only"].startswith("AttributeError: ")
    nothing = call(httpd, "finfo")
    assert (nothing["is file"], nothing["size"], nothing["mtime"]) == (False, None, None)


def test_connection_of_a_request(httpd: Httpd) -> None:
    seen = call(httpd, "connection")
    assert seen["client"] == ["127.0.0.1", "127.0.0.1", True, "127.0.0.1", True]
    assert seen["local"] == ["127.0.0.1", "127.0.0.1", httpd.port]
    assert seen["unknown"] == [None, None]
    assert seen["state"] == [0, 0, "int"]
    assert seen["server"] == "localhost"
    assert seen["free"].startswith("AttributeError: ")


def test_server(httpd: Httpd) -> None:
    seen = call(httpd, "server")
    assert seen["values"] == ["localhost", "admin@example.org", 0, 0, 20.0]
    assert seen["main"] == [0, "localhost"]
    assert seen["next"] == "mp_server"
    assert seen["error"].startswith("AttributeError: ")
    virtual = call(httpd, "server", port=httpd.port_of("HOST_PORT"))
    assert virtual["values"] == ["virtual.example", "admin@example.org", 81, 1, 20.0]
    assert virtual["main"] == [0, "localhost"]


def test_log_error(httpd: Httpd) -> None:
    httpd.expect(
        r"python:error.*\[client 127\.0\.0\.1:\d+\] by default an error$",
        r"python:warn.*\[client 127\.0\.0\.1:\d+\] a warning$",
        r"python:notice.*\[client 127\.0\.0\.1:\d+\] a notice$",
        r"python:notice.*\[client 127\.0\.0\.1:\d+\] two\\nlines$",
        r"python:notice.*\] raw \\xe9$",
        r"python:notice.*\] nul \\\\0 inside$",
        r"python:notice.*\[client 127\.0\.0\.1:\d+\] through apache$",
        r"python:notice.*\[pid [^]]+\] through apache with server$",
        r"python:notice.*\[pid [^]]+\] the server's$",
        r"python:notice.*\[client 127\.0\.0\.1:\d+\] the connection's$",
    )
    assert httpd.get("/call/request_fields/log").status == 200
    assert "not shown" not in httpd.log()


def test_arguments_are_checked(httpd: Httpd) -> None:
    said = call(httpd, "arguments")
    assert said[0] == "TypeError: get_options() takes at most 0 arguments (1 given)"
    assert said[1] == "TypeError: write() got an unexpected keyword argument 'data2'"
    assert said[2] == "TypeError: write() got multiple values for argument 'data'"
    assert said[3] == "TypeError: log_error() misses its argument 'message'"
    assert re.match("AttributeError: .*'no_such_thing'", said[4])
    assert said[5].startswith("TypeError: ")


def test_the_body_is_read_in_every_way(httpd: Httpd) -> None:
    sent = b"line\nabcdefg\nh\ni\nj\nrest"
    for body in (sent, [sent[:7], sent[7:11], sent[11:]]):
        answer = httpd.request("POST", "/call/request_fields/body", body)
        seen = json.loads(answer.text)
        assert (seen["line"], seen["part"], seen["short line"]) == ("line\n", "abc", "de")
        assert (seen["lines"], seen["rest"]) == (["fg\n", "h\n"], "i\nj\nrest")
        assert seen["end"] == ["", "", []]


def test_a_body_past_its_limit_is_413(httpd: Httpd) -> None:
    httpd.allow("larger than the configured limit")
    assert httpd.request("POST", "/call/request_fields/body", b"x" * 101).status == 413
    assert httpd.request("POST", "/call/request_fields/body", [b"x\n" * 30, b"x" * 60]).status == 413


def test_a_body_can_be_dropped(httpd: Httpd) -> None:
    answer = httpd.request("POST", "/call/request_fields/discard", b"a" + b"x" * 100_000)
    assert json.loads(answer.text) == ["a", 0, ""]


def test_conditions(httpd: Httpd) -> None:
    assert httpd.get("/call/request_fields/conditions").text == "new"
    assert httpd.get("/call/request_fields/conditions", {"If-None-Match": '"two"'}).text == "new"
    answer = httpd.get("/call/request_fields/conditions", {"If-None-Match": '"one"'})
    assert (answer.status, answer.body) == (304, b"")


def test_free_attributes(httpd: Httpd) -> None:
    before, after, other, gone = call(httpd, "free")
    assert (before, after, other) == (["mine", "other"], ["other"], 2)
    assert re.match("AttributeError: .*'mine'", gone)
